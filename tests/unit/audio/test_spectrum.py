"""Spectral summary: known sounds have known figures, whatever the rate and wherever the stream is cut."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, noise, tone
from tonearm_audio.spectrum import Signal, Spectrum, SpectrumMeter


def measured(line: Signal, *, rate: int = RATE, cuts: Sequence[int] = ()) -> Spectrum | None:
    meter = SpectrumMeter(rate)
    for part in np.split(line.astype(np.float32), sorted(cuts)):
        meter.feed(part)
    meter.finish()
    return meter.result()


def found(line: Signal, *, rate: int = RATE) -> Spectrum:
    spectrum = measured(line, rate=rate)
    assert spectrum is not None
    return spectrum


def coloured(db_per_octave: float, *, seconds: float = 20.0, rate: int = RATE) -> Signal:
    """Noise whose power density falls or rises by so much an octave, 0.1 RMS."""
    spectrum = np.fft.rfft(noise(seconds, rate=rate, channels=1)[:, 0])
    number = np.maximum(np.arange(len(spectrum)), 1)
    line: Signal = np.fft.irfft(spectrum * 10 ** (db_per_octave * np.log2(number) / 20), round(seconds * rate))
    scaled: Signal = line * (0.1 / float(line.std()))
    return scaled


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_is_its_own_centroid(rate: int) -> None:
    spectrum = found(tone(1000, 4.0, rate=rate, channels=1)[:, 0], rate=rate)

    assert spectrum.centroid_hz == pytest.approx(1000, rel=0.01)
    assert spectrum.rolloff_hz == pytest.approx(1000, rel=0.03)
    assert spectrum.flatness < 0.001


@pytest.mark.parametrize("level_db", [0.0, -20.0, -60.0])
@pytest.mark.parametrize("centre_hz", [63.0, 1000.0, 8000.0])
def test_a_sine_has_its_level_in_its_own_octave(level_db: float, centre_hz: float) -> None:
    bands = dict(found(tone(centre_hz, 5.0, level_db=level_db, channels=1)[:, 0]).octave_bands_dbfs)

    # The first and last half frame are half silence.
    assert bands[centre_hz] == pytest.approx(level_db, abs=0.1)
    assert all(level < level_db - 30 for centre, level in bands.items() if centre != centre_hz)


@pytest.mark.parametrize("db_per_octave", [-6.0, -3.0, 0.0, 3.0])
@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_the_tilt_is_that_of_the_noise(db_per_octave: float, rate: int) -> None:
    spectrum = found(coloured(db_per_octave, rate=rate), rate=rate)

    assert spectrum.tilt_db_per_octave == pytest.approx(db_per_octave, abs=0.15)
    # An octave band is twice as wide as the one below it.
    levels = np.array([level for _, level in spectrum.octave_bands_dbfs])
    assert np.diff(levels[1:9]) == pytest.approx(np.full(7, db_per_octave + 3), abs=0.5)


def test_all_octaves_together_have_the_power_of_the_whole() -> None:
    bands = found(coloured(0.0)).octave_bands_dbfs

    # 0.1 RMS is -17 dB of a sine at full scale.
    assert 10 * np.log10(sum(10 ** (level / 10) for _, level in bands)) == pytest.approx(-17.0, abs=0.1)


def test_white_noise_is_as_flat_as_chance_allows() -> None:
    spectrum = found(noise(20.0, channels=1)[:, 0])

    # The geometric mean of exponentially spread powers is exp(-0.5772) of their mean.
    assert spectrum.flatness == pytest.approx(0.5615, abs=0.005)
    assert spectrum.centroid_hz == pytest.approx(RATE / 4, rel=0.01)
    assert spectrum.rolloff_hz == pytest.approx(0.85 * RATE / 2, rel=0.01)
    assert spectrum.bandwidth_hz == pytest.approx(RATE / 2 / np.sqrt(12), rel=0.01)


def test_the_centroid_is_the_mean_of_that_of_each_frame() -> None:
    # Given noise through which a tone sounds, and the centroid by its definition
    line = coloured(0.0) + tone(3000, 20.0, channels=1)[:, 0]
    frames = np.lib.stride_tricks.sliding_window_view(line, 4096)[::2048] * np.hanning(4097)[:-1]
    magnitudes = np.abs(np.fft.rfft(frames))
    frequencies = np.fft.rfftfreq(4096, 1 / RATE)
    centroids = (magnitudes @ frequencies) / magnitudes.sum(axis=1)

    spectrum = found(line)

    assert spectrum.centroid_hz == pytest.approx(float(centroids.mean()), rel=0.005)


def test_silent_frames_count_for_nothing() -> None:
    line = tone(2000, 4.0, channels=1)[:, 0]

    assert found(np.concatenate([line, np.zeros(RATE * 20)])).centroid_hz == pytest.approx(
        found(line).centroid_hz, rel=0.01
    )


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_a_silent_track_has_no_spectrum(level: float) -> None:
    assert measured(level * noise(2.0, channels=1)[:, 0]) is None


@pytest.mark.parametrize("frames", [1, 10, 1000, 4096])
def test_a_very_short_track_has_figures(frames: int) -> None:
    spectrum = measured(np.full(frames, 0.5))

    assert spectrum is None or np.isfinite([spectrum.centroid_hz, spectrum.flatness, spectrum.tilt_db_per_octave]).all()


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 60_000), max_size=8), rate=st.sampled_from([8000, 44_100]))
def test_wherever_the_stream_is_cut_the_figures_are_the_same(cuts: list[int], rate: int) -> None:
    line = noise(60_000 / rate, rate=rate, channels=1)[:, 0]

    cut, whole = measured(line, rate=rate, cuts=cuts), measured(line, rate=rate)

    assert cut is not None
    assert whole is not None
    assert cut.to_dict() == whole.to_dict()
