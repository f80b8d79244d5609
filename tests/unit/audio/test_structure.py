"""Structure: sections of a song of known form, and what is harmonic and what percussive."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.audio.signals import RATE, Samples, clicks, noise, tone, write
from tonearm_audio import AudioError
from tonearm_audio.structure import Structure, analyze_structure

PART_S = 12.0
CHORDS = {
    "A": ((220, 261, 330), (174, 220, 261)),
    "B": ((196, 247, 294), (262, 330, 392)),
    "C": ((185, 233, 277), (139, 175, 208)),
}
DARKNESS = {"A": 2.0, "B": 1.0, "C": 0.5}


def part(kind: str) -> Samples:
    """12 s of two chords in turn, in a timbre of their own; B has drums as well."""
    time = np.arange(round(2 * RATE)) / RATE
    chords = [
        sum(
            np.sin(2 * np.pi * note * number * time) / number ** DARKNESS[kind]
            for note in notes
            for number in range(1, 8)
        )
        for notes in CHORDS[kind]
    ]
    line = np.tile(np.concatenate(chords), 3)
    song = np.repeat(0.3 * line[:, np.newaxis] / np.abs(line).max(), 2, axis=1)
    return song + clicks(np.arange(0, PART_S, 0.5).tolist(), PART_S) if kind == "B" else song


@pytest.mark.parametrize("form", ["ABCB", "AB"])
def test_the_form_of_a_song_is_found(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "song.flac", np.concatenate([part(kind) for kind in form]))

    found = analyze_structure(path)

    # Then what sounds alike is one section with one letter
    changes = [0, *[index for index in range(1, len(form)) if form[index] != form[index - 1]]]
    assert "".join(section.label for section in found.sections) == "".join(form[index] for index in changes)
    assert [section.start_s for section in found.sections] == pytest.approx([PART_S * i for i in changes], abs=1.0)
    assert [section.end_s for section in found.sections[:-1]] == [section.start_s for section in found.sections[1:]]
    assert found.sections[-1].end_s == pytest.approx(PART_S * len(form), abs=0.01)


def test_what_does_not_change_is_one_section(tmp_path: Path) -> None:
    for name, samples in (("one.wav", part("A")), ("tone.wav", tone(440, 20.0)), ("noise.wav", noise(20.0))):
        sections = analyze_structure(write(tmp_path / name, samples)).sections
        assert [section.label for section in sections] == ["A"], name


def test_drums_are_percussive_and_chords_are_harmonic(tmp_path: Path) -> None:
    drums = analyze_structure(write(tmp_path / "drums.wav", clicks(np.arange(0, 8, 0.25).tolist(), 8.0)))
    chords = analyze_structure(write(tmp_path / "chords.wav", part("A")))

    assert drums.percussive_share is not None
    assert chords.harmonic_share is not None
    assert drums.percussive_share > 0.9
    assert chords.harmonic_share > 0.95
    assert chords.percussive_share == pytest.approx(1 - chords.harmonic_share)


@pytest.mark.parametrize("frames", [1, 1000, 30 * RATE])
def test_silence_and_very_short_tracks_have_a_structure(tmp_path: Path, frames: int) -> None:
    found = analyze_structure(write(tmp_path / "silence.wav", np.zeros((frames, 1))))

    assert found.harmonic_share is found.percussive_share is None
    assert [section.label for section in found.sections] == ["A"]
    assert found.sections[0].end_s == pytest.approx(frames / RATE, abs=0.001)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_bytes(b"no audio at all" * 100)

    with pytest.raises(AudioError):
        analyze_structure(path)


def test_the_document_is_plain() -> None:
    assert Structure((), None, None).to_dict() == {
        "sections": [],
        "harmonic_share": None,
        "percussive_share": None,
    }
