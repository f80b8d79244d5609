"""Dither: its level and spectrum, what it leaves alone, and that no block shows in it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.audio.signals import noise, tone
from tonearm_audio.dither import Quantizer


def quantized(samples: np.ndarray, bits: int) -> np.ndarray:
    """The rounded samples in quanta."""
    return Quantizer(bits)(samples.astype(np.float32)).astype(np.int64) >> (32 - bits)


@pytest.mark.parametrize("level", [0.3, 0.004, 3e-5])
def test_the_error_is_white_of_a_quarter_quantum_squared_and_independent_of_the_music(level: float) -> None:
    # Given a signal far above the quantum, near it, and one below it that plain rounding would lose
    samples = (level * np.sin(np.arange(1 << 18) * 0.0573))[:, np.newaxis]

    error = quantized(samples, 16)[:, 0] - samples[:, 0] * 32768

    # Then: the power is that of rounding and of two uniform numbers, 3/12, at every frequency
    assert abs(error.mean()) < 0.005
    assert abs(error.var() - 0.25) < 0.01
    power = (np.abs(np.fft.rfft(error.reshape(-1, 1024) * np.hanning(1024), axis=1)) ** 2).mean(axis=0)[2:-2]
    in_bands = power[: len(power) // 8 * 8].reshape(8, -1).mean(axis=1)
    assert in_bands.max() / in_bands.min() < 1.1
    assert power.max() / power.mean() < 1.6
    # The mean and the power of the error are the same for any value of the signal.
    for values in (samples[:, 0] > level / 2, samples[:, 0] < -level / 2, np.abs(samples[:, 0]) < level / 4):
        assert abs(error[values].mean()) < 0.015
        assert abs(error[values].var() - 0.25) < 0.015


def test_both_channels_are_dithered_differently() -> None:
    left, right = (quantized(np.full((1 << 15, 2), 0.1), 16) - 0.1 * 32768).T

    assert abs(np.corrcoef(left, right).item(1)) < 0.03


@pytest.mark.parametrize("bits", [16, 24])
@given(data=st.data())
def test_what_is_on_the_grid_passes_exactly(bits: int, data: st.DataObject) -> None:
    most = 2 ** (bits - 1)
    values = data.draw(st.lists(st.integers(-most, most - 1), min_size=1, max_size=50))
    samples = np.array(values, np.float32)[:, np.newaxis] / np.float32(most)

    assert quantized(samples, bits)[:, 0].tolist() == values


@given(cuts=st.lists(st.integers(0, 999), max_size=6))
def test_no_cut_into_blocks_shows(cuts: list[int]) -> None:
    samples = (tone(700, 1000 / 44100) + noise(1000 / 44100)).astype(np.float32)
    whole = Quantizer(16)(samples)

    cut = Quantizer(16)
    parts = [cut(block) for block in np.split(samples, sorted(cuts))]

    assert np.array_equal(np.concatenate(parts), whole)


def test_what_is_beyond_full_scale_is_clipped() -> None:
    assert quantized(np.array([[1.5, -1.5], [1.0, -1.0]]), 16).tolist() == [[32767, -32768], [32767, -32768]]
