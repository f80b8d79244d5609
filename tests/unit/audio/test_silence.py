"""Silence: before, after and within the music, to the frame, wherever the stream is cut."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, tone
from tonearm_audio.silence import SILENCE_DBFS, Silence, SilenceMeter


def measured(samples: Samples, cuts: Sequence[int] = ()) -> Silence:
    meter = SilenceMeter(RATE)
    for part in np.split(samples.astype(np.float32), sorted(cuts)):
        meter.feed(part)
    return meter.result()


def music(seconds: float) -> Samples:
    """Full all the time: a sine would pass through silence."""
    return np.full((round(seconds * RATE), 2), 0.1)


def silence(seconds: float) -> Samples:
    return np.zeros((round(seconds * RATE), 2))


def test_silence_before_after_and_within_is_found_to_the_frame() -> None:
    # Given 0.5 s of silence, music, a gap, music, and 2 s of silence
    samples = np.concatenate([silence(0.5), music(1.0), silence(1.25), music(0.5), silence(2.0)])

    found = measured(samples, cuts=[10_000, 70_000, 100_000, 180_000])

    assert (found.leading_s, found.trailing_s) == (0.5, 2.0)
    assert found.gaps_s == ((1.5, 2.75),)


def test_a_long_silence_at_either_end_is_no_gap() -> None:
    found = measured(np.concatenate([silence(2.0), music(1.0), silence(2.0)]))

    assert found == Silence(2.0, 2.0, ())


def test_a_shorter_silence_is_no_gap() -> None:
    rest = silence(1.0)

    assert measured(np.concatenate([music(1.0), rest[1:], music(1.0)])).gaps_s == ()
    assert measured(np.concatenate([music(1.0), rest, music(1.0)])).gaps_s == ((1.0, 2.0),)


@pytest.mark.parametrize(("above_db", "gaps"), [(-0.1, 1), (0.1, 0)])
def test_the_threshold_is_the_documented_one(above_db: float, gaps: int) -> None:
    hiss = np.full((2 * RATE, 2), 10 ** ((SILENCE_DBFS + above_db) / 20))
    hiss[::2] *= -1

    assert len(measured(np.concatenate([music(1.0), hiss, music(1.0)])).gaps_s) == gaps


def test_sound_in_one_channel_is_sound() -> None:
    samples = np.concatenate([music(1.0), music(3.0) * [0, 1], music(1.0)])

    assert measured(samples) == Silence(0.0, 0.0, ())


def test_music_itself_has_no_silence() -> None:
    found = measured(tone(50, 3.0))

    assert found.gaps_s == ()
    assert found.leading_s < 0.001
    assert found.trailing_s < 0.001


def test_a_silent_track_is_one_leading_silence() -> None:
    assert measured(silence(3.0), cuts=[1000]) == Silence(3.0, 0.0, ())


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 3 * RATE), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 6 * RATE), max_size=8),
)
def test_it_is_what_one_sees_in_the_whole_signal(lengths: list[int], cuts: list[int]) -> None:
    # Given music and silence in turn
    samples = np.concatenate([np.full((length, 2), 0.1 * (index % 2)) for index, length in enumerate(lengths)])
    heard = np.flatnonzero(samples[:, 0])

    found = measured(samples, cuts=[min(cut, len(samples)) for cut in cuts])

    if not len(heard):
        assert found == Silence(len(samples) / RATE, 0.0, ())
        return
    steps = np.diff(heard)
    at = np.flatnonzero(steps > RATE)
    assert found.leading_s == heard[0] / RATE
    assert found.trailing_s == (len(samples) - 1 - heard[-1]) / RATE
    assert found.gaps_s == tuple((float(heard[i] + 1) / RATE, float(heard[i + 1]) / RATE) for i in at)


def test_the_document_has_times_to_the_millisecond() -> None:
    assert Silence(0.12345, 0.0, ((1.00049, 2.5),)).to_dict() == {
        "threshold_dbfs": -60.0,
        "leading_s": 0.123,
        "trailing_s": 0.0,
        "least_gap_s": 1.0,
        "gaps": [{"start_s": 1.0, "end_s": 2.5}],
    }
