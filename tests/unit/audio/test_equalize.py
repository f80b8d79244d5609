"""Equalize: what comes out has the curve that was asked for, and neutral bands change no bit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, noise, processed
from tonearm_audio.decode import FloatBlock
from tonearm_audio.equalize import process, response_db, sections_of
from tonearm_audio.operations import Band, BandKind, Equalize

RATES = [8000, 22_050, 44_100, 48_000, 96_000]

bands = st.builds(
    Band,
    kind=st.sampled_from(["peak", "low_shelf", "high_shelf", "high_pass", "low_pass"]),
    frequency_hz=st.floats(20, 20_000),
    gain_db=st.one_of(st.just(0.0), st.floats(-24, 24)),
    q=st.floats(0.1, 10),
)


def equalized(
    samples: Samples, operation: Equalize, *, rate: int = RATE, cuts: tuple[int, ...] = (65_536,)
) -> FloatBlock:
    return processed(process, operation, samples, *cuts, rate=rate)


def analogue_db(band: Band, frequencies_hz: Samples) -> Samples:
    """The curve of the Audio EQ Cookbook's analogue prototype."""
    s = 1j * frequencies_hz / band.frequency_hz
    a, q = 10 ** (band.gain_db / 40), band.q
    above, below = {
        "peak": (s**2 + s * a / q + 1, s**2 + s / (a * q) + 1),
        "low_shelf": (a * (s**2 + s * math.sqrt(a) / q + a), a * s**2 + s * math.sqrt(a) / q + 1),
        "high_shelf": (a * (a * s**2 + s * math.sqrt(a) / q + 1), s**2 + s * math.sqrt(a) / q + a),
        "high_pass": (s**2, s**2 + s / q + 1),
        "low_pass": (np.ones_like(s), s**2 + s / q + 1),
    }[band.kind]
    decibels: Samples = 20 * np.log10(np.abs(above / below))
    return decibels


class TestAnyBands:
    @given(
        operation=st.lists(bands, min_size=1, max_size=10).map(tuple).map(Equalize),
        rate=st.sampled_from(RATES),
        channels=st.sampled_from([1, 2, 3]),
        frames=st.integers(0, 20_000),
        cuts=st.lists(st.integers(1, 7000), min_size=1, max_size=4),
    )
    @settings(max_examples=60)
    def test_the_result_is_finite_as_long_and_the_same_however_it_is_cut(
        self, operation: Equalize, rate: int, channels: int, frames: int, cuts: list[int]
    ) -> None:
        samples = noise(1.0, rate=frames, channels=channels) if frames else np.zeros((0, channels))

        out = equalized(samples, operation, rate=rate)

        assert out.shape == samples.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert np.array_equal(equalized(samples, operation, rate=rate, cuts=tuple(cuts)), out)

    @given(operation=st.lists(bands, min_size=1, max_size=4).map(tuple).map(Equalize), rate=st.sampled_from(RATES))
    @settings(max_examples=100)
    def test_every_filter_and_its_inverse_are_stable(self, operation: Equalize, rate: int) -> None:
        for b0, b1, b2, a1, a2 in sections_of(operation, rate):
            assert np.abs(np.roots([1.0, a1, a2])).max(initial=0.0) < 1.0
            assert np.abs(np.roots([b0, b1, b2])).max(initial=0.0) < 1.0 + 1e-6

    @given(band=bands, rate=st.sampled_from(RATES))
    @settings(max_examples=60)
    def test_a_cut_takes_away_what_a_boost_gave(self, band: Band, rate: int) -> None:
        if band.kind in {"high_pass", "low_pass"}:
            return
        samples = noise(0.2, rate=rate)
        back = Equalize((band, Band(band.kind, band.frequency_hz, -band.gain_db, band.q)))
        assert np.abs(equalized(samples, back, rate=rate) - samples).max() < 1e-6


class TestTheCurve:
    @pytest.mark.parametrize(
        "operation",
        [
            Equalize((Band("peak", 1000, 6.0, 1.0),)),
            Equalize((Band("low_shelf", 120, 5.0), Band("peak", 3000, -9.0, 3.0), Band("high_shelf", 9000, 4.0))),
            Equalize((Band("high_pass", 80), Band("low_pass", 12_000))),
        ],
        ids=["peak", "three", "passes"],
    )
    @pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
    def test_what_is_measured_is_what_the_formula_says(self, operation: Equalize, rate: int) -> None:
        click = np.zeros((65_536, 1))
        click[0] = 0.5

        out = equalized(click, operation, rate=rate)

        frequencies = np.fft.rfftfreq(len(click), 1 / rate)[8:-8].astype(np.float64)
        measured = 20 * np.log10(np.abs(np.fft.rfft(out[:, 0].astype(np.float64)))[8:-8] / 0.5)
        assert measured == pytest.approx(response_db(operation, frequencies, rate), abs=0.01)

    @pytest.mark.parametrize("kind", ["peak", "low_shelf", "high_shelf"])
    @pytest.mark.parametrize("frequency_hz", [30, 200, 1000, 4000, 10_000, 16_000])
    @pytest.mark.parametrize("gain_db", [-12, -3, 3, 12])
    @pytest.mark.parametrize("q", [0.3, 0.71, 1.0])
    def test_it_is_the_analogue_curve_up_to_half_the_sample_rate(
        self, kind: BandKind, frequency_hz: float, gain_db: float, q: float
    ) -> None:
        band = Band(kind, frequency_hz, gain_db, q)
        frequencies = np.geomspace(20, 20_000, 300)

        error = np.abs(response_db(Equalize((band,)), frequencies, RATE) - analogue_db(band, frequencies))

        assert error.max() < 0.12 * abs(gain_db)
        assert frequency_hz > 1000 or error.max() < 0.03 * abs(gain_db)

    @pytest.mark.parametrize("kind", ["high_pass", "low_pass"])
    @pytest.mark.parametrize("frequency_hz", [40, 1000, 8000])
    def test_a_pass_falls_by_twelve_decibels_an_octave(self, kind: BandKind, frequency_hz: float) -> None:
        band = Band(kind, frequency_hz)
        frequencies: Samples = frequency_hz * np.array([0.25, 0.5, 1.0, 2.0])

        found = response_db(Equalize((band,)), frequencies, RATE)

        assert found == pytest.approx(analogue_db(band, frequencies), abs=0.7)
        assert found[2] == pytest.approx(20 * math.log10(band.q), abs=0.01)


class TestWhatIsLeftOut:
    def test_bands_of_no_gain_change_no_bit(self) -> None:
        samples = noise(0.5, channels=2).astype(np.float32)
        flat = Equalize((Band("peak", 100), Band("low_shelf", 200), Band("high_shelf", 8000)))
        assert np.array_equal(equalized(samples.astype(np.float64), flat), samples)
        assert sections_of(flat, RATE) == []

    @pytest.mark.parametrize("kind", ["peak", "high_shelf", "low_pass"])
    def test_what_lies_beyond_the_file_is_left_out(self, kind: BandKind) -> None:
        assert sections_of(Equalize((Band(kind, 5000, 6.0),)), 8000) == []

    def test_what_reaches_down_from_beyond_the_file_still_does(self) -> None:
        # Given a file that holds nothing above 4 kHz
        frequencies = np.array([100.0, 1000.0])
        raised = response_db(Equalize((Band("low_shelf", 20_000, 6.0),)), frequencies, 8000)
        assert raised == pytest.approx([6.0, 6.0], abs=0.3)
        assert (response_db(Equalize((Band("high_pass", 20_000),)), frequencies, 8000) < -20).all()
