"""Compress: the curve that was asked for, in the times that were asked for, and nothing touched below it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, noise, processed, tone
from tonearm_audio.compress import gain_db, process
from tonearm_audio.decode import FloatBlock
from tonearm_audio.operations import Compress


def compressed(operation: Compress, samples: FloatBlock, *, cuts: tuple[int, ...] = (), rate: int = RATE) -> FloatBlock:
    return processed(process, operation, samples, *cuts, rate=rate)


def level_db(samples: FloatBlock) -> float:
    return float(20 * np.log10(np.abs(samples).max()))


@pytest.mark.parametrize("ratio", [1.5, 3.0, 20.0])
@pytest.mark.parametrize("knee_db", [0.0, 12.0])
@pytest.mark.parametrize("into_db", [-40.0, -26.0, -20.0, -16.0, -3.0, 0.0])
def test_a_tone_comes_out_where_the_curve_says(ratio: float, knee_db: float, into_db: float) -> None:
    operation = Compress(threshold_dbfs=-20.0, ratio=ratio, knee_db=knee_db, makeup_db=4.0)
    samples = tone(1000, 2.0, level_db=into_db).astype(np.float32)

    out = compressed(operation, samples)

    assert level_db(out[-RATE:]) - into_db == pytest.approx(gain_db(operation, into_db), abs=0.1)


def test_the_curve_is_that_of_the_paper() -> None:
    operation = Compress(threshold_dbfs=-20.0, ratio=4.0, knee_db=10.0)
    assert gain_db(operation, -25.0) == 0.0
    assert gain_db(operation, -20.0) == pytest.approx(-0.75 * 25 / 20)
    assert gain_db(operation, -15.0) == pytest.approx(-0.75 * 5)
    assert gain_db(operation, 0.0) == pytest.approx(-15.0)


def test_what_is_below_the_knee_passes_bit_for_bit() -> None:
    samples = tone(300, 1.0, level_db=-24.0).astype(np.float32)
    samples[: RATE // 10] *= 4  # and once the loud beginning has been let go
    out = compressed(Compress(threshold_dbfs=-18.0, knee_db=6.0, release_ms=10.0), samples)
    assert not np.array_equal(out[: RATE // 10], samples[: RATE // 10])
    assert np.array_equal(out[RATE // 2 :], samples[RATE // 2 :])


def test_ratio_1_changes_nothing_and_with_make_up_gain_only_the_gain() -> None:
    samples = noise(0.5).astype(np.float32)
    assert np.array_equal(compressed(Compress(ratio=1.0), samples), samples)
    louder = compressed(Compress(ratio=1.0, makeup_db=6.0), samples)
    assert louder == pytest.approx(samples * 10 ** (6 / 20), rel=1e-6)


def test_attack_and_release_take_the_time_that_was_asked_for() -> None:
    # Given 20 dB of step up and, after a second, down again
    samples = tone(2000, 3.0, level_db=-30.0).astype(np.float32)
    samples[RATE : 2 * RATE] *= 10
    operation = Compress(threshold_dbfs=-30.0, ratio=2.0, knee_db=0.0, attack_ms=50.0, release_ms=200.0)

    gains = np.abs(compressed(operation, samples))[:, 0] / np.maximum(np.abs(samples[:, 0]), 1e-9)
    sounding = np.abs(samples[:, 0]) > 1e-2
    reduction_db = -20 * np.log10(np.where(sounding, gains, 1.0))

    # Then one time constant after each step 63 % of the way are done
    def at(second: float) -> float:
        around = round(second * RATE)
        return float(np.max(reduction_db[around - 11 : around + 11]))

    assert at(1.05) == pytest.approx(0.632 * 10, abs=0.4)
    assert at(1.9) == pytest.approx(10.0, abs=0.1)
    # The attack's smoothing lies on top of the release
    assert at(2.25) == pytest.approx(0.368 * 10, abs=0.5)


def test_both_channels_get_the_gain_that_the_louder_asks_for() -> None:
    samples = tone(500, 1.0, level_db=-3.0).astype(np.float32)
    samples[:, 1] *= 0.01
    out = compressed(Compress(), samples)
    assert out[:, 1] == pytest.approx(out[:, 0] * 0.01, abs=1e-8)
    assert level_db(out[-RATE // 2 :]) < -8


def test_a_bass_keeps_its_shape() -> None:
    out = compressed(Compress(threshold_dbfs=-20.0, ratio=4.0), tone(60, 4.0, level_db=-6.0).astype(np.float32))
    power = np.abs(np.fft.rfft(out[-RATE:, 0].astype(np.float64) * np.hanning(RATE))) ** 2
    beside = power.sum() - power[57:64].sum()
    assert 10 * np.log10(beside / power.sum()) < -55


@given(
    seed=st.integers(0, 2**16),
    frames=st.integers(1, 3000),
    level=st.floats(0.0, 90.0),
    channels=st.sampled_from([1, 2]),
    rate=st.sampled_from([8000, 44_100, 192_000]),
    cuts=st.lists(st.integers(1, 3000), max_size=5),
    operation=st.builds(
        Compress,
        threshold_dbfs=st.floats(-60.0, 0.0),
        ratio=st.floats(1.0, 20.0),
        attack_ms=st.floats(0.1, 200.0),
        release_ms=st.floats(5.0, 2000.0),
        knee_db=st.floats(0.0, 24.0),
        makeup_db=st.floats(0.0, 24.0),
    ),
)
@settings(max_examples=60)
def test_any_sound_is_as_long_as_it_was_and_never_louder_than_the_make_up_gain_makes_it(
    seed: int, frames: int, level: float, channels: int, rate: int, cuts: list[int], operation: Compress
) -> None:
    samples = (level * np.random.default_rng(seed).standard_normal((frames, channels))).astype(np.float32)

    out = compressed(operation, samples, cuts=tuple(cuts), rate=rate)

    assert out.shape == samples.shape
    assert np.isfinite(out).all()
    assert (np.abs(out) <= np.abs(samples) * 10 ** (operation.makeup_db / 20) * (1 + 1e-6)).all()
    assert np.array_equal(out, compressed(operation, samples, rate=rate))
    assert np.array_equal(compressed(operation, samples[:, ::-1], rate=rate)[:, ::-1], out)


def test_silence_stays_silent() -> None:
    assert not compressed(Compress(makeup_db=24.0), np.zeros((RATE, 2), np.float32)).any()
