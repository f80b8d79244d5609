"""Formants: keep a voice's resonances where they are while its pitch moves.

A throat does not grow shorter when it sings higher, so a voice that is only transposed becomes another person's. Here
every window's spectrum is given the envelope that it must have so that, once it is resampled to its new pitch, the
envelope is the source's: at the frequency f, which will lie at f * ratio, the gain is E(f * ratio) / E(f).

The envelope E joins the tips of the partials, one to every pitch's distance, by straight lines in decibels (Paul, "The
spectral envelope estimation vocoder", IEEE Trans. Acoustics, Speech and Signal Processing 29(4), 1981). The pitch is
the shortest lag at which the window is like itself. On vowels of known resonances the gains are 1 dB off on average
where the true envelope (Röbel and Rodet, DAFx 2005), smoothed by its cepstrum, is 2.4 dB off: between partials a
band-limited line swings.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tonearm_audio.kernels import address, library, size

_HIGHEST_HZ = 10_000.0
"""Beyond, there is breath and no formant."""
_HIGHEST_PITCH_HZ, _LOWEST_PITCH_HZ = 1000.0, 70.0
_NO_PITCH_HZ = 130.0
_LIKE_THE_BEST = 0.85
"""Of several lags that fit nearly as well as the best, the shortest counts: a multiple of the period fits too."""
_LEAST_LIKENESS = 0.15
_MEMORY = 5
"""The pitch is the median of so many windows."""
_RANGE_OCTAVES = 6
"""± 36 dB: above its highest resonance a voice falls that far within a fourth."""
_SOFTEST = 2.0**-40
"""Powers softer than this, against the strongest, are no part of an envelope."""
_GRID = 64
"""Gains in steps of 0.1 dB: so coarse that no rounding of a logarithm can be seen."""

Line = npt.NDArray[np.float32]


class FormantKeeper:
    """Gains for the spectra of a stream that is resampled afterwards.

    Args:
        pitch_ratio: by which the resampling raises every frequency.
        sample_rate_hz: of the stream before that.
        window_frames: of the windows that the spectra are of; even.
    """

    def __init__(self, pitch_ratio: float, sample_rate_hz: int, window_frames: int) -> None:
        self.pitch_ratio = pitch_ratio
        self._size = window_frames
        self._bin_hz = sample_rate_hz / window_frames
        bins = np.arange(window_frames // 2 + 1, dtype=np.float64)
        highest = min(_HIGHEST_HZ / self._bin_hz, float(bins[-1]))
        self._here, self._there = np.minimum(bins, highest), np.minimum(bins * pitch_ratio, highest)
        self._rate = sample_rate_hz
        self._lags = (round(sample_rate_hz / _HIGHEST_PITCH_HZ), round(sample_rate_hz / _LOWEST_PITCH_HZ))
        self._recent = [_NO_PITCH_HZ]
        self._steps = _RANGE_OCTAVES * _GRID
        self._gains = np.array(
            [math.pow(2.0, step / _GRID) for step in range(-self._steps, self._steps + 1)], np.float32
        )

    def gains(self, spectra: npt.NDArray[np.complex64]) -> Line:
        """The gain of each bin.

        Args:
            spectra: of successive windows [shape=(count, channels, bins)].

        Returns:
            np.ndarray [shape=(count, bins), dtype=float32], within ± 36 dB.
        """
        powers: Line = (spectra.real**2 + spectra.imag**2).sum(axis=1)
        tips, found = self._tips(powers)
        gains: Line = np.empty_like(powers)
        for row, (power, places, count) in enumerate(zip(powers, tips, found.tolist(), strict=True)):
            at = places[:count]
            # Amplitudes, in octaves of gain.
            heights = 0.5 * np.log2(power[at].astype(np.float64) + float(power.max()) * _SOFTEST + 1e-30)
            octaves = np.interp(self._there, at, heights) - np.interp(self._here, at, heights)
            steps = np.clip(np.round(octaves * _GRID), -self._steps, self._steps).astype(np.int64)
            gains[row] = self._gains[steps + self._steps]
        return gains

    def _tips(self, powers: Line) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The bins in which partials reach their tips, row by row, and how many each row has."""
        spacings = np.array(self._pitches(powers)) / self._bin_hz
        count, bins = powers.shape
        most = int(2 * bins * self._bin_hz / _LOWEST_PITCH_HZ) + 1
        tips, found = np.empty((count, most), np.int64), np.empty(count, np.int64)
        library().tonearm_formants_tips(
            address(powers, np.float32),
            size(count),
            size(bins),
            address(spacings, np.float64),
            size(most),
            address(tips, np.int64),
            address(found, np.int64),
        )
        return tips, found

    def _pitches(self, powers: Line) -> list[float]:
        """The pitch of each window in hertz."""
        # The root brings the partials nearer to each other, so that a formant does not pass for the pitch.
        alike = np.fft.irfft(np.sqrt(powers), self._size)
        first, last = self._lags
        pitches = []
        for row, whole in zip(alike[:, first : last + 1], alike[:, 0], strict=True):
            best = row.max()
            pitch = _NO_PITCH_HZ
            if best > _LEAST_LIKENESS * whole:
                peaks = (row[1:-1] >= row[:-2]) & (row[1:-1] >= row[2:]) & (row[1:-1] >= _LIKE_THE_BEST * best)
                pitch = self._rate / (first + 1 + int(peaks.argmax())) if peaks.any() else _NO_PITCH_HZ
            self._recent = [*self._recent[1 - _MEMORY :], pitch]
            pitches.append(sorted(self._recent)[len(self._recent) // 2])
        return pitches
