"""The summary says what the documents say, in figures."""

from pathlib import Path
from typing import Any

from rich.console import Console

from tests.unit.cli import answers
from tests.unit.cli.conftest import shown
from tonearm.domain.certificate import Certificate
from tonearm_cli.client import Render
from tonearm_cli.summary import Made, show


def made(promises: list[dict[str, Any]] | None = None, **more: Any) -> Made:
    documents = {"analysis": answers.analysis(), **more}
    certificate = Certificate.model_validate(answers.certificate() | ({"promises": promises} if promises else {}))
    render = Render.model_validate(answers.render())
    return Made(render, Path("out/render.mp3"), "a" * 64, certificate=certificate, **documents)


def rows(console: Console) -> dict[str, str]:
    return {line.split()[0]: " ".join(line.split()) for line in shown(console).splitlines() if line.strip()}


def test_figures_before_and_after(paper: Console) -> None:
    show(paper, made())
    found = rows(paper)
    assert shown(paper).splitlines()[2].split() == ["duration", "22.000", "s", "20.000", "s"]
    assert found["tempo"] == "tempo 100 BPM 110 BPM"
    assert found["loudness"] == "loudness -14.50 LUFS kept +0.25 dB"
    assert found["true"] == "true peak -1 dBTP"
    assert found["duration"] == "duration tempo 882,000 frames 882,000 frames exact yes"
    assert found["level"] == "level tempo -20 LUFS -19.75 LUFS ± 1 yes"
    assert found["pitch"] == "pitch tempo 0 cents not measurable: no tones ± 1 yes"
    assert "a" * 64 in found["out/render.mp3"]
    assert "e" * 64 in found["rendered"]


def test_a_song_without_a_pulse_has_no_tempo(paper: Console) -> None:
    show(paper, made(analysis=answers.analysis(tempo_bpm=None)))
    assert rows(paper)["tempo"] == "tempo none none"


def test_of_a_render_that_circles_its_own_loudness_and_peak_are_shown(paper: Console) -> None:
    promises = [
        answers.promise("loudness", -14.5, -14.53, "LUFS", operation="spatial", tolerance=0.5),
        answers.promise("true_peak", -1.0, -1.25, "dBTP", operation="spatial", tolerance=0.0, at_most=True),
        answers.promise("timing", 0.0, 1.5, "ms", operation="tempo+pitch+spatial", tolerance=30.0),
        answers.promise("mono", 0.0, 0.71, "dB", operation="spatial", tolerance=3.0, at_most=True),
        answers.promise("dynamics", 1.0, 0.62, "dB a dB", operation="compress", tolerance=0.1, at_most=True),
    ]
    show(paper, made(promises))
    lines = [" ".join(line.split()) for line in shown(paper).splitlines()]
    assert "loudness -14.50 LUFS -14.53 LUFS" in lines
    assert "true peak -1 dBTP -1.25 dBTP" in lines
    assert "true_peak spatial -1 dBTP -1.25 dBTP at most -1 yes" in lines
    assert "timing all 0 ms 1.50 ms ± 30 yes" in lines
    assert "mono spatial 0 dB 0.71 dB at most 3 yes" in lines
    assert "dynamics compress 1 dB a dB 0.62 dB a dB at most 1.1 yes" in lines


def test_a_broken_promise_stands_out(paper: Console) -> None:
    broken = answers.promise("duration", 10.0, 12.0, "frames", kept=False)
    show(paper, made([broken]))
    assert rows(paper)["duration"].endswith("NO")


def test_a_promise_of_before_there_were_upper_limits_reads_as_one_of_both_sides(paper: Console) -> None:
    # Given a true peak whose certificate does not say that it is an upper limit
    show(paper, made([answers.promise("true_peak", -1.0, -1.25, "dBTP", operation="spatial", tolerance=0.0)]))
    # Then nothing is guessed from its name
    assert "exact" in rows(paper)["true_peak"]
