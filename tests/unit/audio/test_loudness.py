"""Loudness: the minimum requirements of EBU Tech 3341 and 3342, true peaks, and independence of the block size."""

import numpy as np
import pytest

from tests.unit.audio.signals import Samples, noise, tone
from tonearm_audio import MeasuredLoudness
from tonearm_audio.loudness import LoudnessMeter, k_weight, k_weighted_power

RATE = 48_000


def measure(samples: Samples, *, rate: int = RATE, block: int = 65_536) -> MeasuredLoudness:
    meter = LoudnessMeter(rate, samples.shape[1])
    for start in range(0, len(samples), block):
        meter.feed(samples[start : start + block].astype(np.float32))
    return meter.result()


def steps(*parts: tuple[float, float], rate: int = RATE) -> Samples:
    return np.concatenate([tone(1000, seconds, level_db=level, rate=rate) for level, seconds in parts])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([(-23, 20)], -23.0, id="3341-1"),
        pytest.param([(-33, 20)], -33.0, id="3341-2"),
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], -23.0, id="3341-3"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0, id="3341-4"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], -23.0, id="3341-5"),
    ],
)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_integrated_loudness_of_ebu_tech_3341(parts: list[tuple[float, float]], expected: float, rate: int) -> None:
    assert measure(steps(*parts, rate=rate), rate=rate).integrated_lufs == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([(-20, 20), (-30, 20)], 10.0, id="3342-1"),
        pytest.param([(-20, 20), (-15, 20)], 5.0, id="3342-2"),
        pytest.param([(-40, 20), (-20, 20)], 20.0, id="3342-3"),
        pytest.param([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0, id="3342-4"),
    ],
)
def test_loudness_range_of_ebu_tech_3342(parts: list[tuple[float, float]], expected: float) -> None:
    assert measure(steps(*parts)).range_lu == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(
    ("divisor", "phase_degrees", "amplitude", "expected"),
    [
        pytest.param(4, 0, 0.5, -6.0, id="3341-15"),
        pytest.param(4, 45, 0.5, -6.0, id="3341-16"),
        pytest.param(6, 60, 0.5, -6.0, id="3341-17"),
        pytest.param(8, 67.5, 0.5, -6.0, id="3341-18"),
        pytest.param(4, 45, 1.41, 3.0, id="3341-19"),
    ],
)
def test_true_peak_of_ebu_tech_3341(divisor: int, phase_degrees: float, amplitude: float, expected: float) -> None:
    index = np.arange(2 * RATE)
    wave = amplitude * np.sin(2 * np.pi * index / divisor + np.deg2rad(phase_degrees))
    # A soft start and end: a tone that is cut off really does overshoot.
    wave[:RATE] *= np.linspace(0, 1, RATE) ** 2
    wave[RATE:] *= np.linspace(1, 0, RATE) ** 2

    true_peak = measure(np.stack([wave, wave], axis=1)).true_peak_dbtp

    assert true_peak is not None
    assert -0.4 <= true_peak - expected <= 0.2


def test_interpolating_only_near_the_peak_misses_none() -> None:
    # Given noise, whose highest peak between samples may lie anywhere
    samples = noise(3.0, rate=RATE, gain=0.2)
    spectrum = np.fft.rfft(samples, axis=0)
    size = len(samples) * 4
    oversampled = np.fft.irfft(np.pad(spectrum, ((0, size // 2 + 1 - len(spectrum)), (0, 0))), size, axis=0) * 4

    true_peak = measure(samples).true_peak_dbtp

    assert true_peak == pytest.approx(20 * np.log10(np.abs(oversampled).max()), abs=0.4)


@pytest.mark.parametrize("block", [64, 1000, 4799, 65_536])
def test_the_size_of_the_blocks_changes_nothing(block: int) -> None:
    samples = noise(7.3, rate=RATE)

    found, whole = measure(samples, block=block), measure(samples, block=len(samples))

    assert found.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=1e-9)
    assert found.range_lu == pytest.approx(whole.range_lu, abs=1e-9)
    assert (found.true_peak_dbtp, found.sample_peak_dbfs) == (whole.true_peak_dbtp, whole.sample_peak_dbfs)


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loudness_follows_the_gain(rate: int, channels: int) -> None:
    samples = noise(4.0, rate=rate, channels=channels)

    loud, soft = measure(samples, rate=rate).integrated_lufs, measure(samples / 2, rate=rate).integrated_lufs

    assert loud is not None
    assert soft is not None
    assert loud - soft == pytest.approx(6.02, abs=0.01)


def test_given_silence_then_nothing_is_made_up() -> None:
    found = measure(np.zeros((RATE * 4, 2)))

    assert found.to_dict() == {
        "integrated_lufs": None,
        "range_lu": 0.0,
        "true_peak_dbtp": None,
        "sample_peak_dbfs": None,
    }


def test_given_less_than_one_window_then_all_of_it_counts() -> None:
    assert measure(tone(1000, 0.08, level_db=-23, rate=RATE)).integrated_lufs == pytest.approx(-23, abs=0.5)


def test_the_weight_at_a_frequency_is_the_filters_gain_there() -> None:
    for frequency in (60.0, 1000.0, 5000.0):
        samples = tone(frequency, 4.0, level_db=-20, rate=RATE, channels=1).astype(np.float32)
        weighted = k_weighted_power(samples, RATE) / float(np.mean(samples.astype(np.float64) ** 2))
        assert k_weight(np.array([frequency]))[0] == pytest.approx(weighted, rel=0.01)
