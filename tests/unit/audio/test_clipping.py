"""Clipping: runs of samples at full scale, counted and placed, wherever the stream is cut."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, noise, tone, write
from tonearm_audio.clipping import FULL_SCALE, MOST_PLACES, ClippedRun, Clipping, ClippingMeter


def measured(samples: Samples, cuts: Sequence[int] = ()) -> Clipping:
    meter = ClippingMeter(RATE, samples.shape[1])
    for part in np.split(samples.astype(np.float32), sorted(cuts)):
        meter.feed(part)
    return meter.result()


def line(*values: float) -> Samples:
    return np.array(values, np.float64)[:, np.newaxis]


def test_three_samples_at_full_scale_are_clipping_and_two_are_not() -> None:
    assert measured(line(0, 1, 1, 1, 0)) == Clipping(1, 3, 3, (ClippedRun(1 / RATE, 0, 3),))
    assert measured(line(0, 1, 1, 0, 1)) == Clipping(0, 0, 0, ())


def test_what_swings_from_one_end_to_the_other_is_not_cut_off() -> None:
    assert measured(line(1, 1, -1, -1, 1, 1)).runs == 0


def test_a_run_at_either_end_of_the_scale_or_beyond_it_counts() -> None:
    assert measured(line(0, -1, -1, -1, 0, 1.5, 2, 1)).samples == 6


def test_a_run_reaches_over_blocks_and_up_to_the_end() -> None:
    found = measured(line(0, 0, 1, 1, 1, 1, 1, 1), cuts=[3, 4, 7])

    assert found.places == (ClippedRun(2 / RATE, 0, 6),)


def test_a_run_ends_where_a_soft_block_begins() -> None:
    found = measured(line(0, 1, 1, 1, 0.1, 0.1, 0.1), cuts=[4])

    assert found.places == (ClippedRun(1 / RATE, 0, 3),)


def test_channels_are_looked_at_alone() -> None:
    samples = np.zeros((100, 2))
    samples[10:12, 0] = samples[12:14, 1] = 1
    assert measured(samples).runs == 0

    samples[50:55, 1] = -1
    assert measured(samples).places == (ClippedRun(50 / RATE, 1, 5),)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_clipped_tone_is_found_in_a_file_of_any_depth(tmp_path: Path, subtype: str) -> None:
    # Given a tone 6 dB too loud, which is cut off twice in each of 100 periods
    samples = np.clip(2 * tone(100, 1.0, level_db=0.0), -1, 1)
    read = soundfile.read(write(tmp_path / "clipped.wav", samples, subtype=subtype), dtype="float64")[0]

    found = measured(read, cuts=[777])

    # Then a channel has 200 runs, of a third of a period each twice over
    assert found.runs == 400
    assert found.samples == pytest.approx(2 * RATE * 2 / 3, rel=0.01)
    assert found.longest == pytest.approx(RATE / 100 / 3, abs=1.5)
    assert len(found.places) == MOST_PLACES
    assert [run.at_s for run in found.places] == sorted(run.at_s for run in found.places)


def test_music_below_full_scale_is_not_clipped() -> None:
    assert measured(noise(1.0)).to_dict() == {"runs": 0, "samples": 0, "longest": 0, "places": []}


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(0, 3000), max_size=6), channels=st.sampled_from([1, 2])
)
def test_it_is_what_one_sees_in_the_whole_signal(seed: int, cuts: list[int], channels: int) -> None:
    # Given levels that stay for a while, every other one at full scale
    chance = np.random.default_rng(seed)
    samples = np.stack(
        [
            np.repeat(chance.choice([-1.0, 0.0, FULL_SCALE], 3000), chance.integers(1, 6, 3000))[:3000]
            for _ in range(channels)
        ],
        axis=1,
    )

    found = measured(samples, cuts)

    expected = []
    for channel in range(channels):
        for sign in (1, -1):
            at = np.concatenate([[False], sign * samples[:, channel] >= FULL_SCALE, [False]]).astype(int)
            begins, ends = np.flatnonzero(np.diff(at) == 1), np.flatnonzero(np.diff(at) == -1)
            expected += [(int(b), channel, int(e - b)) for b, e in zip(begins, ends, strict=True) if e - b >= 3]
    expected.sort()
    assert found.runs == len(expected)
    assert found.samples == sum(length for _, _, length in expected)
    assert found.places == tuple(ClippedRun(b / RATE, channel, length) for b, channel, length in expected[:MOST_PLACES])
