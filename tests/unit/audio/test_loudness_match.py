"""Loudness: the target and the ceiling at once, and as near to the target as limiting may go where both cannot be."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, blocks, clicks, noise, tone
from tonearm_audio.decode import FloatBlock
from tonearm_audio.loudness import IntegratedMeter, LoudnessMeter, MeasuredLoudness
from tonearm_audio.loudness_match import Finisher, Listener
from tonearm_audio.operations import Loudness


class Song:
    """Samples that count how often they are played."""

    def __init__(self, samples: FloatBlock, block: int = 65_536) -> None:
        self.samples, self.block, self.plays = samples, block, 0

    def __call__(self) -> Iterator[FloatBlock]:
        self.plays += 1
        return blocks(self.samples, self.block)


def finished(
    song: Song, operation: Loudness, *, ceiling_dbtp: float = -1.0, gain_db: float = 0.0, rate: int = RATE
) -> tuple[FloatBlock, Finisher]:
    finisher = Finisher(operation, sample_rate_hz=rate, channels=song.samples.shape[1])
    for block in song():
        finisher.feed(block)
    song.plays = 0
    return np.concatenate(list(finisher.blocks(song, ceiling_dbtp=ceiling_dbtp, gain_db=gain_db))), finisher


def measured(samples: FloatBlock, rate: int = RATE) -> MeasuredLoudness:
    meter = LoudnessMeter(rate, samples.shape[1])
    meter.feed(samples)
    return meter.result()


def band() -> FloatBlock:
    """Given bass, chords and hits: peaks 16 dB above the loudness."""
    hits = clicks([0.5 * beat for beat in range(24)], 12.0) * 0.9
    chords = tone(220, 12.0, level_db=-22) + tone(277, 12.0, level_db=-24) + tone(55, 12.0, level_db=-16)
    return np.asarray(hits + chords + noise(12.0, gain=0.01), np.float32)


BAND = band()


@pytest.mark.parametrize("target_lufs", [-30.0, -23.0, -18.0, -14.0, -11.0])
@pytest.mark.parametrize("make", [lambda: BAND, lambda: BAND[:, :1], lambda: np.asarray(noise(5.0), np.float32)])
def test_a_song_comes_out_at_its_target_and_below_the_ceiling(
    target_lufs: float, make: Callable[[], FloatBlock]
) -> None:
    song = Song(make())

    out = finished(song, Loudness(target_lufs))[0]

    found = measured(out)
    assert found.integrated_lufs == pytest.approx(target_lufs, abs=0.1)
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -1.0
    assert out.shape == song.samples.shape
    assert song.plays <= 4


def test_without_peaks_in_the_way_it_is_one_gain_and_one_pass() -> None:
    song = Song(BAND)
    out, _ = finished(song, Loudness(-30.0))
    gain = out[100, 0] / BAND[100, 0]
    assert np.abs(out - BAND * gain).max() < 1e-6
    assert song.plays == 1


def test_a_song_that_is_there_already_passes_bit_for_bit() -> None:
    there = measured(BAND).integrated_lufs
    assert there is not None
    out, _ = finished(Song(BAND), Loudness(there), ceiling_dbtp=0.0)
    assert np.array_equal(out, BAND)


def test_what_the_encoder_takes_is_added() -> None:
    out, _ = finished(Song(BAND), Loudness(-20.0), gain_db=0.7)
    assert measured(out).integrated_lufs == pytest.approx(-19.3, abs=0.1)


def test_asked_again_with_a_lower_ceiling_it_keeps_the_target() -> None:
    song = Song(BAND)
    _, finisher = finished(song, Loudness(-14.0))
    again = np.concatenate(list(finisher.blocks(song, ceiling_dbtp=-2.5, gain_db=0.0)))
    found = measured(again)
    assert found.integrated_lufs == pytest.approx(-14.0, abs=0.1)
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -2.5


def test_where_a_limiter_cannot_reach_the_target_it_takes_no_more_than_it_may() -> None:
    # Given hits 25 dB above their loudness, and a tone too soft to count
    hits = clicks([0.25 * hit for hit in range(40)], 10.0) * 0.5
    song = Song(np.asarray(hits + tone(3000, 10.0, level_db=-70), np.float32))
    before = measured(song.samples).integrated_lufs

    out, _ = finished(song, Loudness(-6.0))

    after = measured(out).integrated_lufs
    assert before is not None
    assert after is not None
    assert before < after < -7.0
    # Then what lies between the hits got the gain to the target, and 6 dB for what limiting costs
    quiet = slice(RATE // 8, RATE // 8 + 2940)
    gain_db = 20 * np.log10(np.std(out[quiet]) / np.std(song.samples[quiet]))
    assert gain_db == pytest.approx(-6.0 - before + 6.0, abs=0.5)
    assert (measured(out).true_peak_dbtp or 0) <= -1.0


def test_silence_stays_silent() -> None:
    out, _ = finished(Song(np.zeros((RATE, 2), np.float32)), Loudness(-14.0))
    assert len(out) == RATE
    assert not out.any()


@given(
    seed=st.integers(0, 2**16),
    seconds=st.sampled_from([0.001, 0.1, 0.39, 0.5, 2.0]),
    gain=st.floats(1e-4, 2.0),
    channels=st.sampled_from([1, 2]),
    rate=st.sampled_from([8000, 44_100, 96_000]),
    target_lufs=st.floats(-36.0, -6.0),
    block=st.sampled_from([999, 65_536]),
)
@settings(max_examples=30)
def test_any_sound_keeps_its_length_and_the_ceiling_and_reaches_the_target_or_the_ceiling(
    seed: int, seconds: float, gain: float, channels: int, rate: int, target_lufs: float, block: int
) -> None:
    samples = (gain * np.random.default_rng(seed).laplace(size=(round(seconds * rate), channels))).astype(np.float32)

    out, _ = finished(Song(samples, block), Loudness(target_lufs), rate=rate)

    found = measured(out, rate)
    assert out.shape == samples.shape
    assert np.isfinite(out).all()
    assert (found.true_peak_dbtp or -99) <= -1.0
    if found.integrated_lufs is not None:
        # Then it is there, or its peaks are at the ceiling
        softer_lu = target_lufs - found.integrated_lufs
        assert softer_lu == pytest.approx(0.0, abs=0.1) or (softer_lu > 0 and (found.true_peak_dbtp or -99) > -1.3)
    swapped, _ = finished(Song(np.ascontiguousarray(samples[:, ::-1]), 4096), Loudness(target_lufs), rate=rate)
    assert np.array_equal(swapped[:, ::-1], out)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.3, 2.5])
def test_the_short_meter_reads_what_the_full_one_reads(seconds: float) -> None:
    samples = BAND[: round(seconds * RATE)]
    meter = IntegratedMeter(RATE, 2)
    for block in blocks(samples, 777):
        meter.feed(block)
    assert meter.lufs() == measured(samples).integrated_lufs


@pytest.mark.parametrize(("enough_dbtp", "expected_dbtp"), [(-20.0, -12.0), (-7.0, -6.0), (-5.0, -6.0)])
def test_a_listener_looks_for_no_higher_peak_than_what_is_enough(enough_dbtp: float, expected_dbtp: float) -> None:
    # Given a sound that is louder in its second half
    listener = Listener(RATE, 2, peak_only=True, enough_dbtp=enough_dbtp)
    # When it is heard
    for level_db in (-12.0, -6.0):
        listener.feed(tone(440.0, 1.0, level_db=level_db).astype(np.float32))
    # Then its peak is told up to where it is known to be beyond
    assert listener.heard().true_peak_dbtp == pytest.approx(expected_dbtp, abs=0.1)
