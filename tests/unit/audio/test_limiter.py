"""The limiter: nothing beyond full scale, and nothing else touched."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, blocks, noise, tone
from tonearm_audio.decode import FloatBlock
from tonearm_audio.limiter import CEILING, TruePeakLimiter, limit
from tonearm_audio.loudness import PEAK_TAPS, PeakMeter


def limited(samples: FloatBlock, block: int = 65_536) -> FloatBlock:
    return np.concatenate(list(limit(blocks(samples, block), sample_rate_hz=RATE)))


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

    assert np.array_equal(limited(samples, block), limited(samples, len(samples)))


def true_peaks_limited(
    samples: FloatBlock, *, ceiling_dbtp: float = -1.0, smooth: bool = False, rate: int = RATE, block: int = 8192
) -> tuple[FloatBlock, TruePeakLimiter]:
    limiter = TruePeakLimiter(rate, ceiling_dbtp=ceiling_dbtp, smooth=smooth)
    made = [ready for taken in blocks(samples, block) for ready in limiter.feed(taken)]
    return np.concatenate([*made, *limiter.finish()]), limiter


def peak_at_16_times_the_rate_dbtp(samples: FloatBlock) -> float:
    """By padding the spectrum with zeros: nothing that the limiter or the meter has in common with it."""
    padded = np.pad(samples.astype(np.float64), ((256, 256), (0, 0)))
    spectrum = np.fft.rfft(padded, axis=0)
    between = np.fft.irfft(spectrum, 16 * len(padded), axis=0) * 16
    return float(20 * np.log10(max(np.abs(between).max(), 1e-9)))


def bend_db(out: FloatBlock, frequency_hz: int) -> float:
    """Power beside a tone, against the tone's own."""
    second = out[-RATE:, 0].astype(np.float64) * np.hanning(RATE)
    power = np.abs(np.fft.rfft(second)) ** 2
    own = power[frequency_hz - 3 : frequency_hz + 4].sum()
    return float(10 * np.log10((power.sum() - own) / own))


def true_peak_dbtp(samples: FloatBlock) -> float:
    meter = PeakMeter(samples.shape[1])
    meter.feed(samples)
    meter.finish()
    return float(20 * np.log10(meter.true_peak))


class TestTruePeaks:
    @pytest.mark.parametrize("gain_db", [0.0, 4.0, 15.0])
    @pytest.mark.parametrize("ceiling_dbtp", [-1.0, -3.0])
    def test_they_end_at_the_ceiling_between_the_samples_too(self, gain_db: float, ceiling_dbtp: float) -> None:
        # Given a tone whose peaks lie between its samples, and noise
        tones = tone(RATE / 4 + 1, 1.0, level_db=gain_db) + noise(1.0, gain=0.01)
        for samples in (tones.astype(np.float32), noise(1.0, gain=0.2 * 10 ** (gain_db / 20)).astype(np.float32)):
            out, _ = true_peaks_limited(samples, ceiling_dbtp=ceiling_dbtp)

            assert out.shape == samples.shape
            assert true_peak_dbtp(out) <= ceiling_dbtp

    def test_what_stays_below_passes_bit_for_bit(self) -> None:
        samples = noise(2.0, gain=0.12).astype(np.float32)
        out, limiter = true_peaks_limited(samples)
        assert np.array_equal(out, samples)
        assert limiter.makeup == 1.0

    @pytest.mark.parametrize("rate", [8000, 22_050, 44_100])
    def test_the_gain_moves_over_more_than_what_the_interpolator_looks_at(self, rate: int) -> None:
        # Given a lone peak 6 dB beyond the ceiling, at rates of which 0.7 ms are a handful of samples
        samples = np.full((4000, 2), 0.2, np.float32)
        samples[2000] = 10 ** (5 / 20)

        gains = (true_peaks_limited(samples, rate=rate)[0] / samples)[:, 0]

        touched = np.flatnonzero(gains < 1.0)
        assert 2000 - touched[0] > 2 * PEAK_TAPS
        assert touched[-1] - 2000 > 2 * PEAK_TAPS
        assert float(np.abs(np.diff(gains)).max()) < 1.5 * (1 - gains.min()) / PEAK_TAPS

    def test_the_power_that_it_took_is_told(self) -> None:
        samples = tone(100, 5.0, level_db=3.0).astype(np.float32)
        out, limiter = true_peaks_limited(samples)
        taken = float(np.sqrt((samples[-RATE:] ** 2).mean() / (out[-RATE:] ** 2).mean()))
        assert limiter.makeup == pytest.approx(taken, rel=0.02)

    def test_let_go_of_slowly_a_bass_keeps_its_shape(self) -> None:
        # Given a bass 3 dB beyond the ceiling
        samples = tone(50, 5.0, level_db=2.0).astype(np.float32)

        at_once, _ = true_peaks_limited(samples)
        slowly, _ = true_peaks_limited(samples, smooth=True)

        assert bend_db(at_once, 50) > -25
        assert bend_db(slowly, 50) < -35

    def test_after_a_lone_peak_the_gain_is_one_again(self) -> None:
        samples = noise(6.0, gain=0.05).astype(np.float32)
        samples[RATE] = 2.0
        out, _ = true_peaks_limited(samples, smooth=True)
        assert np.array_equal(out[: RATE - 200], samples[: RATE - 200])
        quarter = out[RATE + RATE // 4] / samples[RATE + RATE // 4]
        assert quarter == pytest.approx(1.0, abs=0.03)
        assert np.array_equal(out[-RATE:], samples[-RATE:])

    @given(
        seed=st.integers(0, 2**16),
        frames=st.integers(1, 6000),
        gain=st.floats(0.0, 3.0),
        rate=st.sampled_from([8000, 22_050, 44_100, 96_000]),
        channels=st.sampled_from([1, 2]),
        ceiling_dbtp=st.floats(-9.0, -0.1),
        smooth=st.booleans(),
        block=st.integers(30, 7000),
    )
    @settings(max_examples=40)
    def test_any_sound_ends_at_the_ceiling_and_is_as_long_as_it_was(
        self,
        seed: int,
        frames: int,
        gain: float,
        rate: int,
        channels: int,
        ceiling_dbtp: float,
        smooth: bool,
        block: int,
    ) -> None:
        # Given music-like noise, with few highs, and single peaks in it
        random = np.random.default_rng(seed)
        samples = np.apply_along_axis(np.convolve, 0, random.standard_normal((frames, channels)), np.hanning(6), "same")
        samples[random.integers(frames, size=3)] *= 4
        samples = (samples * gain).astype(np.float32)

        out, _ = true_peaks_limited(samples, ceiling_dbtp=ceiling_dbtp, smooth=smooth, rate=rate, block=block)

        assert out.shape == samples.shape
        assert np.isfinite(out).all()
        assert peak_at_16_times_the_rate_dbtp(out) <= ceiling_dbtp + 0.2
        whole, _ = true_peaks_limited(samples, ceiling_dbtp=ceiling_dbtp, smooth=smooth, rate=rate, block=frames)
        assert np.array_equal(out, whole)
        swapped, _ = true_peaks_limited(samples[:, ::-1], ceiling_dbtp=ceiling_dbtp, smooth=smooth, rate=rate)
        assert np.array_equal(swapped[:, ::-1], out)

    def test_of_nothing_comes_nothing(self) -> None:
        limiter = TruePeakLimiter(RATE, ceiling_dbtp=-1.0)
        assert not list(limiter.finish())


def test_full_scale_is_limited_alike_on_every_machine() -> None:
    # Given integers alone, so that nothing but the limiter can move the last bit
    numbers = np.random.PCG64(1).random_raw(2 * RATE) >> np.uint64(40)
    samples = ((numbers.astype(np.float32) / 2**23 - 1) * 1.3).reshape(-1, 2)
    digest = hashlib.sha256(limited(samples).astype("<f4").tobytes()).hexdigest()
    assert digest == "eec6e036d6b5e279a5d4f52f1e1175b98bab4f36252feefecfe037be5fe49be0"
