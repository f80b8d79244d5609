"""Rows, tables and plots of the benchmark: bars are judged, and what is missing is named."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.performance.bench import measure, peers, plots, report
from tests.performance.bench.jobs import Bench, fuzz
from tests.performance.bench.measure import Run
from tests.performance.bench.rows import Row, at_least, at_most, less, summary, times_less

MACHINE = {"date": "2026-01-02", "processor": "A chip", "cores": 2, "memory_gib": 4.0, "python": "3.11.1"}


def job(*rows: Row, **details: object) -> dict[str, Any]:
    told = [row.to_dict() for row in rows]
    return {"machine": MACHINE, "engine_version": "9", "quick": False, "rows": told, "details": details}


def test_a_bar_is_met_at_its_very_limit_and_nothing_measured_is_no_success() -> None:
    assert at_most("CPU", "s", 1.5, 1.5).verdict == "met"
    assert at_most("CPU", "s", 1.51, 1.5).verdict == "missed"
    assert at_least("speed", "×", 1.6, 1.6).verdict == "met"
    assert at_least("speed", "×", 1.59, 1.6).verdict == "missed"
    assert at_most("CPU", "s", None, 1.5).verdict == "not measured"
    assert times_less("CPU", 2.0, 16.0, 8, peer="librosa").verdict == "met"
    assert times_less("CPU", 2.0, 15.0, 8, peer="librosa").verdict == "missed"
    assert times_less("CPU", 2.0, None, 8, peer="librosa").verdict == "not measured"
    assert Row("CPU", "s", 2.0).verdict == "no bar"
    assert less(2.0, 9.2) == "4.6×"
    assert less(None, 9.2) == ""


def test_medians_are_of_all_runs_and_one_failure_fails_them() -> None:
    runs = [Run(cpu_s=cpu, imports_cpu_s=0.5, peak_mb=cpu * 10) for cpu in (3.0, 1.0, 2.0)]

    assert summary(runs).cpu_s == 2.0
    assert summary(runs).work_cpu_s == 1.5
    assert summary(runs).peak_mb == 20.0
    failed = summary([*runs, Run(failed="no such codec")])
    assert (failed.cpu_s, failed.failed) == (None, "no such codec")


def test_a_program_is_measured_and_its_failure_told_by_its_last_line() -> None:
    done = measure.run("ours", "operations")
    missing = measure.run("ours", "juggle")

    assert done.failed == ""
    assert "Tempo" in done.values["operations"]
    assert 0 < done.imports_cpu_s <= done.cpu_s
    assert 10 < done.peak_mb < 300
    assert "KeyError: 'juggle'" in missing.failed


def test_missing_peers_are_told_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a machine without uv
    monkeypatch.setattr(peers.shutil, "which", lambda _: None)
    monkeypatch.setattr(peers, "ROOT", tmp_path)

    python, why = peers.install(tmp_path / "peers")

    assert why.startswith("not installed: ")
    bench = Bench(tmp_path, python, why, quick=True, cores=1, say=print)
    assert bench.peer("librosa_peer", "analyze", source="song.mp3") == Run(failed=why)


def test_without_a_fuzz_run_the_row_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.performance.bench.jobs.ROOT", tmp_path)
    bench = Bench(tmp_path, tmp_path, "", quick=True, cores=1, say=print)
    assert fuzz(bench).rows[0].verdict == "not measured"

    (tmp_path / "build" / "fuzz").mkdir(parents=True)
    told = {"files": 10_000, "refused": 9_000, "crashes": 0, "hangs": 0}
    (tmp_path / "build" / "fuzz" / "report.json").write_text(json.dumps(told))
    assert fuzz(bench).rows[0].verdict == "met"

    (tmp_path / "build" / "fuzz" / "report.json").write_text(json.dumps({**told, "hangs": 1}))
    assert fuzz(bench).rows[0].verdict == "missed"


def test_the_page_gets_the_figures_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n{report._BEGIN}\nold figures\n{report._END}\nAfter\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "PLOTS", tmp_path)
    monkeypatch.setattr(report, "PUBLISHED", tmp_path / "results.json")
    rows = (
        at_most("peak memory", "MB", 66.0, 64, peer="pydub", theirs=1074.0, ratio="16.3×"),
        at_most("CPU", "s", None, 5, note="the engine has no operation Master"),
    )
    table = {"analyze": {"5": 80.0, "180": 81.0}, "librosa analysis": {"5": 800.0, "10": 1600.0}}
    results = {"jobs": {"spatial": job(*rows, programs={}), "memory": job(peak_mb_by_minutes=table)}}

    report.save(tmp_path / "results.json", results)

    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nAfter\n")
    assert "old figures" not in text
    assert "| peak memory | 66 MB | ≤ 64 | **missed** | pydub | 1,074 MB | 16.3× |  |" in text
    assert "| CPU | – | ≤ 5 | **not measured** |  |  |  | the engine has no operation Master |" in text
    assert "![Memory over length](benchmarks/memory.svg)" in text
    assert json.loads((tmp_path / "results.json").read_text()) == results
    ElementTree.parse(tmp_path / "memory.svg")  # noqa: S314  (written a moment ago)
    # And again: nothing piles up
    report.save(tmp_path / "results.json", results)
    assert page.read_text() == text


def test_a_page_without_marks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# Nothing here\n")
    monkeypatch.setattr(report, "PAGE", page)
    with pytest.raises(ValueError, match="lacks the line"):
        report.publish({"jobs": {}})


def test_bars_are_longer_for_more_and_names_do_not_overlap() -> None:
    svg = ElementTree.fromstring(plots.bars("CPU", {"analyze": {"tonearm": 1.0, "librosa": 10.0}}, "s"))  # noqa: S314  (our own)
    widths = [float(rect.get("width", 0)) for rect in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[0] < widths[1]

    points = {"one": (1.0, 2.0), "other": (1.01, 2.0), "third": (1.02, 1.99), "far": (9.0, 5.0)}
    scatter = ElementTree.fromstring(plots.scatter("LMD", points, "CPU", "LMD"))  # noqa: S314  (our own)
    places = [
        (float(text.get("x", 0)), float(text.get("y", 0)), 7 * len(text.text or ""))
        for text in scatter.iter("{http://www.w3.org/2000/svg}text")
        if text.text in points
    ]
    assert len(places) == 4
    for index, (x, y, width) in enumerate(places):
        for other_x, other_y, other_width in places[:index]:
            assert abs(y - other_y) >= 12 or x + width <= other_x or other_x + other_width <= x
