"""Analyze: one decode, plain values, progress that rises."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.unit.audio.signals import RATE, Samples, noise, tone, write
from tonearm_audio import ENGINE_VERSION, AudioError, analyze
from tonearm_audio.analysis import ANALYSIS_VERSION
from tonearm_cli.demo_song import DemoSong


def test_given_a_song_then_the_analysis_holds_every_promised_field(song: DemoSong) -> None:
    found = json.loads(json.dumps(analyze(song.path).to_dict()))

    assert found["engine_version"] == ENGINE_VERSION
    assert (found["frames"], found["sample_rate_hz"], found["channels"]) == (20 * RATE, RATE, 2)
    assert found["duration_s"] == 20.0
    assert found["tempo_bpm"] == pytest.approx(104, abs=0.3)
    assert 0 < found["tempo_confidence"] <= 1
    assert found["beats_s"] == sorted(found["beats_s"])
    assert found["tempo_over_time"]
    assert [point["tempo_bpm"] for point in found["tempo_over_time"]] == pytest.approx(
        [104] * len(found["tempo_over_time"]), rel=0.01
    )
    assert found["key"]["mode"] in {"major", "minor"}
    assert found["loudness"]["max_momentary_lufs"] > found["loudness"]["max_short_term_lufs"]
    assert found["loudness"]["max_short_term_lufs"] > found["loudness"]["integrated_lufs"]
    assert len(found["loudness"]["short_term"]["lufs"]) == 18
    assert found["loudness"]["true_peak_dbtp"] >= found["loudness"]["sample_peak_dbfs"]


def test_an_mp3_of_a_song_is_analyzed_like_the_song(song: DemoSong, song_mp3: Path) -> None:
    first, second = analyze(song.path), analyze(song_mp3)

    assert second.frames == first.frames
    assert second.loudness.integrated_lufs == pytest.approx(first.loudness.integrated_lufs, abs=0.1)
    assert second.pulse.tempo_bpm == pytest.approx(first.pulse.tempo_bpm, abs=0.1)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    seen: list[float] = []

    analyze(write(tmp_path / "minute.wav", noise(60.0)), on_progress=seen.append)

    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0


def test_swapping_the_channels_changes_no_loudness(tmp_path: Path) -> None:
    samples = noise(5.0)
    samples[:, 0] *= 0.3
    one = analyze(write(tmp_path / "a.wav", samples)).loudness
    other = analyze(write(tmp_path / "b.wav", samples[:, ::-1])).loudness

    assert one.to_dict() == other.to_dict()


def test_given_a_truncated_file_then_it_is_refused(tmp_path: Path, song_mp3: Path) -> None:
    path = tmp_path / "cut.mp3"
    path.write_bytes(song_mp3.read_bytes()[:100_000])

    with pytest.raises(AudioError) as caught:
        analyze(path)

    assert caught.value.code == "track.truncated"


def schema() -> dict[str, Any]:
    text = resources.files("tonearm_audio").joinpath("schemas", "analysis-2.schema.json").read_text()
    document: dict[str, Any] = json.loads(text)
    return document


def every_object(node: object) -> Iterator[dict[str, Any]]:
    """Every part of a schema that describes an object."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from every_object(part)


def check(document: dict[str, object]) -> None:
    """Hold a document to its schema, and refuse what the schema does not know: it would be undocumented."""
    strict = schema()
    for part in every_object(strict):
        part["additionalProperties"] = False
    jsonschema.Draft202012Validator(strict).validate(json.loads(json.dumps(document, allow_nan=False)))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def sounds() -> list[Any]:
    speech = np.concatenate([noise(2.0), np.zeros((2 * RATE, 2)), noise(1.0)])
    return [
        pytest.param(noise(5.0), id="noise"),
        pytest.param(np.zeros((RATE, 2)), id="silence"),
        pytest.param(tone(100, 4.0, level_db=6.0, channels=1).clip(-1, 1), id="clipped mono"),
        pytest.param(speech, id="with a gap"),
        pytest.param(tone(440, 4.0, level_db=-80.0), id="hardly audible"),
        pytest.param(np.full((1, 1), 0.5), id="one frame"),
    ]


@pytest.mark.parametrize("samples", sounds())
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_the_document_of_any_sound_keeps_to_its_schema(tmp_path: Path, samples: Samples, rate: int) -> None:
    check(analyze(write(tmp_path / "sound.wav", samples, rate=rate)).to_dict())


def test_the_document_of_a_song_keeps_to_its_schema(song: DemoSong) -> None:
    document = analyze(song.path).to_dict()

    check(document)
    assert document["version"] == ANALYSIS_VERSION == schema()["properties"]["version"]["const"]


def test_what_the_schema_forbids_is_found() -> None:
    with pytest.raises(jsonschema.ValidationError):
        check({"version": 2})


def test_a_song_has_a_waveform_at_two_zooms_and_a_picture(song: DemoSong) -> None:
    found = analyze(song.path)

    assert found.peaks_detail.samples_per_pixel == 256
    assert len(found.peaks_detail.data) == 2 * -(-found.frames // 256)
    # The overview is the detail, joined.
    factor = found.peaks.samples_per_pixel // 256
    detail = np.array(found.peaks_detail.data[1::2])
    highest = [detail[start : start + factor].max() for start in range(0, len(detail), factor)]
    assert list(found.peaks.data[1::2]) == highest
    assert found.spectrogram.png.startswith(b"\x89PNG")
    assert found.spectrogram.duration_s == found.duration_s


def test_the_parts_of_a_track_are_where_they_are(tmp_path: Path) -> None:
    # Given half a second of silence, a bright noise that is cut off, a gap, a tone, and a second of silence
    parts = [
        np.zeros((RATE // 2, 2)),
        noise(2.0, gain=0.8).clip(-1, 1),
        np.zeros((2 * RATE, 2)),
        tone(440, 2.0),
        np.zeros((RATE, 2)),
    ]
    found = analyze(write(tmp_path / "parts.wav", np.concatenate(parts)))

    assert found.silence.leading_s == pytest.approx(0.5, abs=0.001)
    assert found.silence.trailing_s == pytest.approx(1.0, abs=0.001)
    assert [(round(a, 2), round(b, 2)) for a, b in found.silence.gaps_s] == [(2.5, 4.5)]
    assert found.clipping.runs > 0
    assert all(0.5 <= run.at_s < 2.5 for run in found.clipping.places)
    assert found.spectrum is not None
    assert 3000 < found.spectrum.centroid_hz < 10_000
    assert len(found.loudness.short_term_lufs) == 5
