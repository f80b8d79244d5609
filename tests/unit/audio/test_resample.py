"""Resampling: exactly as long as promised, nothing folded down, nothing that depends on how the stream is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import blocks, noise, tone
from tonearm_audio.decode import FloatBlock
from tonearm_audio.operations import CONVERT_SAMPLE_RATES_HZ
from tonearm_audio.resample import fit_length, resample


def at_rate(samples: FloatBlock, rate: int, to: int, *, size: int = 65_536) -> FloatBlock:
    channels = samples.shape[1]
    made = resample(blocks(samples, size), ratio=rate / to, channels=channels)
    fitted = fit_length(made, frames=lambda: max(1, round(len(samples) * to / rate)), channels=channels)
    return np.concatenate(list(fitted))


@settings(max_examples=40)
@given(
    rate=st.sampled_from(CONVERT_SAMPLE_RATES_HZ),
    to=st.sampled_from(CONVERT_SAMPLE_RATES_HZ),
    channels=st.integers(1, 2),
    frames=st.integers(1, 9000),
)
def test_any_rate_to_any_other_is_finite_bounded_and_exactly_as_long_as_promised(
    rate: int, to: int, channels: int, frames: int
) -> None:
    samples = noise(1.0, rate=frames, channels=channels).astype(np.float32)

    out = at_rate(samples, rate, to)

    assert out.shape == (max(1, round(frames * to / rate)), channels)
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 2


@pytest.mark.parametrize(("rate", "to"), [(44_100, 48_000), (48_000, 16_000), (8000, 44_100)])
@pytest.mark.parametrize("size", [777, 20_000])
def test_the_samples_do_not_depend_on_how_the_stream_is_cut(rate: int, to: int, size: int) -> None:
    samples = noise(2.0, rate=rate).astype(np.float32)

    assert np.array_equal(at_rate(samples, rate, to, size=size), at_rate(samples, rate, to, size=len(samples)))


@pytest.mark.parametrize(("rate", "to"), [(44_100, 48_000), (96_000, 44_100), (44_100, 8000)])
def test_a_tone_is_the_same_tone_at_the_other_rate(rate: int, to: int) -> None:
    out = at_rate(tone(997.0, 2.0, rate=rate).astype(np.float32), rate, to)

    inner = slice(to // 10, -to // 10)
    assert out[inner] == pytest.approx(tone(997.0, 2.0, rate=to)[inner], abs=2e-6)


def test_what_the_new_rate_cannot_hold_is_gone_and_not_folded_down() -> None:
    out = at_rate(tone(9000.0, 1.0, rate=44_100).astype(np.float32), 44_100, 16_000)

    assert 20 * np.log10(np.abs(out[2000:-2000]).max()) < -110
