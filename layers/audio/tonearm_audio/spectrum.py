"""Spectral summary: where a track's sound lies, from dark to bright, in a few numbers.

The mono line is cut into frames of about a tenth of a second that overlap by half, under a Hann window. Centroid,
bandwidth and roll-off, each weighed by magnitude as is usual, and flatness are means over the frames that are louder
than -70 dBFS (Peeters, "A large set of audio features for sound description", IRCAM 2004; Johnston 1988). Octave bands
(IEC 61260-1) and tilt are those of the mean power of all frames (Welch 1967).
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.fourier import rfft
from tonearm_audio.kernels import address, library, size
from tonearm_audio.tempo import Mono

ROLLOFF_SHARE = 0.85
FLATNESS_HZ = 50.0, 15_000.0
"""Beyond it lossy codecs leave nothing, which would say more about them than about the sound."""

_NOMINAL_HZ = 31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0
_FRAME_S = 0.093
_AUDIBLE = 10 ** (-70 / 10)
_FIGURES = 7

Signal = npt.NDArray[np.float64]
Power = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Spectrum:
    """How the power of a track is spread over frequency.

    Attributes:
        centroid_hz: the mean frequency, which goes with how bright a sound seems.
        bandwidth_hz: standard deviation around it.
        rolloff_hz: frequency below which 85 % of the magnitudes lie.
        flatness: geometric over arithmetic mean of the powers between 50 Hz and 15 kHz: 0.0 for a tone, 0.56 for white
            noise in a single frame of it, never more than 1.0.
        tilt_db_per_octave: slope of the power density between 50 Hz and 10 kHz: 0.0 for white noise, -3.0 for pink.
        octave_bands_dbfs: centre of each octave in Hz, and the power of its band; a sine at full scale is 0 dBFS.
    """

    centroid_hz: float
    bandwidth_hz: float
    rolloff_hz: float
    flatness: float
    tilt_db_per_octave: float
    octave_bands_dbfs: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values: frequencies to a tenth of a Hz, levels to a tenth of a dB."""
        return {
            "centroid_hz": round(self.centroid_hz, 1),
            "bandwidth_hz": round(self.bandwidth_hz, 1),
            "rolloff_hz": round(self.rolloff_hz, 1),
            "flatness": round(self.flatness, 4),
            "tilt_db_per_octave": round(self.tilt_db_per_octave, 2),
            "octave_bands": [
                {"centre_hz": centre_hz, "level_dbfs": round(level, 1)} for centre_hz, level in self.octave_bands_dbfs
            ],
        }


class SpectrumMeter:
    """Gathers the spectrum of a mono stream in memory that does not depend on its length.

    Args:
        sample_rate_hz: frames a second.

    Attributes:
        bins: frequencies of a spectrum, from 0 Hz to half the sample rate.
        hop: samples between the middles of two spectra, the first of which is that of the first sample.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._window = 1 << round(math.log2(_FRAME_S * sample_rate_hz))
        self.bins, self.hop = self._window // 2 + 1, self._window // 2
        self._hz_a_bin = sample_rate_hz / self._window
        shape = np.hanning(self._window + 1)[:-1]
        # A sine at full scale then has power 1.0, over all of its bins.
        self._shape = (shape * math.sqrt(4 * self._window / float((shape**2).sum()))).astype(np.float32)
        self._flat_bins = tuple(min(self.bins, math.ceil(edge / self._hz_a_bin)) for edge in FLATNESS_HZ)
        # Half a frame of silence leads in.
        self._rest: Mono = np.zeros(self._window // 2, np.float32)
        self._total = np.zeros(self.bins)
        self._magnitudes = np.zeros(self.bins, np.float32)
        self._frames = 0
        self._sums = np.zeros(4)
        self._audible = 0

    def feed(self, line: Mono) -> Power:
        """Take np.ndarray [shape=(frames,), dtype=float32]; get the power of each bin of the frames that it completes.

        Returns:
            np.ndarray [shape=(frames, bins), dtype=float32].
        """
        samples = np.concatenate([self._rest, line])
        count = max(0, (len(samples) - self._window) // self.hop + 1)
        self._rest = samples[count * self.hop :].copy()
        power = np.empty((count, self.bins), np.float32)
        if not count:
            return power
        frames = np.lib.stride_tricks.sliding_window_view(samples, self._window)[:: self.hop]
        spectra = rfft(frames * self._shape)
        figures = np.empty((count, _FIGURES))
        library().tonearm_spectrum(
            address(spectra, np.complex64),
            size(count),
            size(self.bins),
            *map(size, self._flat_bins),
            ctypes.c_double(ROLLOFF_SHARE),
            address(power, np.float32),
            address(self._total, np.float64),
            address(self._magnitudes, np.float32),
            address(figures, np.float64),
        )
        self._frames += count
        self._gather(figures)
        return power

    def finish(self) -> Power:
        """The last frames, up to that whose middle is the last sample."""
        return self.feed(np.zeros(self._window // 2, np.float32))

    def result(self) -> Spectrum | None:
        """What was gathered; None when no frame is louder than -70 dBFS."""
        if not self._audible:
            return None
        centroid, bandwidth, rolloff, flatness = self._sums / self._audible
        mean = self._total / self._frames
        return Spectrum(
            centroid_hz=float(centroid) * self._hz_a_bin,
            bandwidth_hz=float(bandwidth) * self._hz_a_bin,
            rolloff_hz=float(rolloff) * self._hz_a_bin,
            flatness=float(flatness),
            tilt_db_per_octave=self._tilt(mean),
            octave_bands_dbfs=self._octaves(mean),
        )

    def _gather(self, figures: Signal) -> None:
        figures = figures[figures[:, 3] > _AUDIBLE]
        if not len(figures):
            return
        total, first, second, power, mantissa, exponent, rolloff = figures.T
        centroid = first / total
        bandwidth = np.sqrt(np.maximum(second / total - centroid**2, 0.0))
        bins = self._flat_bins[1] - self._flat_bins[0]
        flatness = np.exp2((np.log2(mantissa) + exponent) / bins) / (power / bins)
        self._audible += len(figures)
        self._sums += np.stack([centroid, bandwidth, rolloff, flatness]).sum(axis=1)

    def _band(self, mean: Signal, low_hz: float, high_hz: float) -> float:
        """The power between two frequencies; bins that lie across an edge count in part."""
        sums = np.concatenate([[0.0], np.cumsum(mean)])
        # A bin reaches half its width to both sides.
        edges = np.array([low_hz, high_hz]) / self._hz_a_bin + 0.5
        low, high = np.interp(edges, np.arange(len(sums)), sums)
        return float(high - low)

    def _octaves(self, mean: Signal) -> tuple[tuple[float, float], ...]:
        bands = []
        for number in range(-5, 5):
            centre = 1000 * 10 ** (0.3 * number)
            if centre < 0.9 * self._sample_rate_hz / 2:
                power = self._band(mean, centre * 10**-0.15, centre * 10**0.15)
                bands.append((_NOMINAL_HZ[number + 5], 10 * math.log10(max(power, 1e-20))))
        return tuple(bands)

    def _tilt(self, mean: Signal) -> float:
        """Least squares over third octaves, so that every octave counts alike."""
        octaves, levels = [], []
        for number in range(-13, 11):
            centre = 1000 * 10 ** (0.1 * number)
            low, high = centre * 10**-0.05, centre * 10**0.05
            if high < self._sample_rate_hz / 2:
                density = self._band(mean, low, high) / (high - low)
                octaves.append(math.log2(centre))
                levels.append(10 * math.log10(max(density, 1e-20)))
        slope, _ = np.polyfit(octaves, levels, 1)
        return float(slope)
