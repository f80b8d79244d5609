"""The limiter: nothing beyond full scale, and nothing else touched."""

import numpy as np
import pytest

from tests.unit.audio.signals import RATE, noise, tone
from tonearm_audio.decode import FloatBlock
from tonearm_audio.limiter import CEILING, limit


def limited(samples: FloatBlock, block: int = 65_536) -> FloatBlock:
    blocks = (samples[start : start + block] for start in range(0, len(samples), block))
    return np.concatenate(list(limit(blocks, sample_rate_hz=RATE)))


def test_what_stays_within_full_scale_passes_bit_for_bit() -> None:
    samples = noise(3.0, gain=0.2).astype(np.float32)
    samples[5000] = [1.0, -1.0]

    assert np.array_equal(limited(samples), samples)


@pytest.mark.parametrize("gain_db", [0.5, 3.0, 12.0])
def test_peaks_end_at_the_ceiling(gain_db: float) -> None:
    samples = (10 ** (gain_db / 20) * tone(100, 2.0, level_db=0)).astype(np.float32)

    out = limited(samples)

    assert len(out) == len(samples)
    assert float(np.abs(out).max()) <= 1.0
    assert float(np.abs(out[np.abs(samples) > 1.0]).max()) <= CEILING + 1e-6


def test_a_peak_is_turned_down_for_some_milliseconds_only_and_on_both_sides_alike() -> None:
    samples = (0.2 * tone(50, 1.0, level_db=0)).astype(np.float32)
    samples[20_000, 0] = 1.6

    out = limited(samples)

    touched = np.flatnonzero((out != samples).any(axis=1))
    assert 20_000 - touched[0] <= 0.0062 * RATE
    assert touched[-1] - 20_000 <= 0.0062 * RATE
    sounding = np.abs(samples[touched, 1]) > 1e-3
    gains = out[touched] / np.where(samples[touched] == 0, 1, samples[touched])
    assert gains[sounding, 0] == pytest.approx(gains[sounding, 1], abs=1e-5)
    # No jump that would be heard as a click: the gain moves over more than a millisecond
    assert float(np.abs(np.diff(gains[sounding, 1])).max()) < 0.02


@pytest.mark.parametrize("block", [100, 333, 4096])
def test_the_size_of_the_blocks_changes_nothing(block: int) -> None:
    samples = noise(1.0, gain=0.45).astype(np.float32)
    assert float(np.abs(samples).max()) > 1.2

    assert limited(samples, block) == pytest.approx(limited(samples, len(samples)), abs=1e-6)
