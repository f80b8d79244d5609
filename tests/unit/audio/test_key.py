"""The key: right on chords of a known key in any tuning, and none where nothing has a pitch."""

import numpy as np
import pytest

from tests.unit.audio.signals import Samples
from tonearm_audio.key import TONICS, ChromaMeter, Key
from tonearm_audio.tempo import ANALYSIS_RATE_HZ, Mono

CADENCES = {
    "major": ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)),
    "minor": ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)),
}


def cadence(tonic: int, mode: str, *, cents: float = 0.0, level: float = 0.05) -> Mono:
    """I - IV - V - I, or i - iv - V - i, a second each, each note with six harmonics."""
    time = np.arange(ANALYSIS_RATE_HZ) / ANALYSIS_RATE_HZ
    bars: list[Samples] = []
    for chord in CADENCES[mode]:
        notes = [440 * 2 ** ((tonic - 9 + step) / 12 + cents / 1200) / octave for step in chord for octave in (1, 2)]
        bars.append(sum(np.sin(2 * np.pi * note * k * time) / k for note in notes for k in range(1, 7)) * np.exp(-time))
    return (level * np.concatenate(bars)).astype(np.float32)


def key_of(*blocks: Mono) -> Key | None:
    meter = ChromaMeter()
    for block in blocks:
        meter.feed(block)
    return meter.result()


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_given_a_cadence_then_its_key_is_found(tonic: int, mode: str) -> None:
    found = key_of(cadence(tonic, mode))

    assert found is not None
    assert (found.tonic, found.mode) == (TONICS[tonic], mode)
    assert 0.1 < found.confidence <= 1.0


@pytest.mark.parametrize("cents", [-45.0, -20.0, 30.0, 45.0])
def test_the_tuning_does_not_matter(cents: float) -> None:
    found = key_of(cadence(2, "minor", cents=cents))

    assert found is not None
    assert (found.tonic, found.mode) == ("D", "minor")


def test_neither_the_level_nor_the_cut_of_the_blocks_matters() -> None:
    whole = cadence(7, "major")
    pieces = np.split(whole, [1, 700, 9000, 9001, 40_000])

    assert key_of(*pieces) == key_of(whole)
    quiet = key_of(0.01 * whole)
    assert quiet is not None
    assert (quiet.tonic, quiet.mode) == ("G", "major")


def drums() -> Mono:
    """A kick and a snare in turn."""
    random = np.random.default_rng(3)
    time = np.arange(ANALYSIS_RATE_HZ // 2) / ANALYSIS_RATE_HZ
    kick = np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-35 * time)))) * np.exp(-10 * time)
    bars = []
    for _ in range(12):
        bars += [kick, random.standard_normal(len(time)) * np.exp(-17 * time)]
    return (0.3 * np.concatenate(bars)).astype(np.float32)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(np.zeros(5 * ANALYSIS_RATE_HZ, np.float32), id="silence"),
        pytest.param(np.zeros(0, np.float32), id="nothing"),
        pytest.param(
            (0.1 * np.random.default_rng(1).standard_normal(20 * ANALYSIS_RATE_HZ)).astype(np.float32), id="noise"
        ),
        pytest.param(drums(), id="drums"),
    ],
)
def test_given_no_pitch_then_there_is_no_key(sound: Mono) -> None:
    assert key_of(sound) is None
