"""Tempo and beats of composed songs in styles whose beat is easily mistaken, from seeds that taught nothing."""

import numpy as np
import pytest

from scripts.beats.songs import STYLES, compose
from tonearm_audio.tempo import BeatMeter, find_pulse


def test_the_same_seed_composes_the_same_song() -> None:
    first, second = (compose("swing", 70, duration_s=6.0) for _ in range(2))

    assert np.array_equal(first.samples, second.samples)
    assert np.array_equal(first.beats_s, second.beats_s)


@pytest.mark.parametrize(
    "style",
    [
        "slow rock",
        "fast rock",
        "house",
        "drum and bass",
        "swing",
        "waltz with drums",
        "reggae",
        "ska",
        "rock off the beat",
        "pushed",
        "two-step on a wandering bass",
        "free piano in phrases",
    ],
)
def test_given_a_style_then_its_beats_are_found(style: str) -> None:
    assert style in STYLES
    song = compose(style, 71, duration_s=24.0)
    meter = BeatMeter()
    meter.feed(song.samples)

    pulse = find_pulse(meter.odds())

    assert pulse.tempo_bpm == pytest.approx(60 / np.median(np.diff(song.beats_s)), rel=0.02)
    distances = np.abs(np.array(pulse.beats_s)[:, np.newaxis] - song.beats_s)
    assert float((distances.min(axis=1) < 0.07).mean()) > 0.9
    assert float((distances.min(axis=0) < 0.07).mean()) > 0.9
