"""Peaks: what a waveform is drawn from, gathered while a stream flows by.

The shape is the JSON of BBC's audiowaveform, version 2
(https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md), which peaks.js and wavesurfer.js read: for each
pixel the least and the greatest of its samples. As there, stereo is drawn as one line, the mean of its channels, so
that what differs in sign between them cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonearm_audio.decode import FloatBlock
from tonearm_audio.tempo import Mono

MAX_PIXELS = 1800
"""Of the overview. An even number, because pixels are joined two by two."""
DETAIL_PIXELS = 1 << 16
DETAIL_SAMPLES_PER_PIXEL = 256
"""Of the detail, unless it would have more than so many pixels: from six minutes on they are coarser."""
_FULL_SCALE = 128


def mono(block: FloatBlock) -> Mono:
    """Both channels at half their strength; numpy's own mean over so short an axis takes ten times as long."""
    return block[:, 0] if block.shape[1] == 1 else (block[:, 0] + block[:, 1]) * np.float32(0.5)


@dataclass(frozen=True)
class Peaks:
    """The waveform of a track, as coarse as its meter was told.

    Attributes:
        sample_rate_hz: frames a second.
        samples_per_pixel: frames that each pixel stands for, a power of two; the last one may stand for fewer.
        data: least and greatest sample of each pixel in turn, -128 to 127: full scale is ±128, to the nearest step,
            and what lies beyond is cut off. At most twice as many numbers as the meter may have pixels.
    """

    sample_rate_hz: int
    samples_per_pixel: int
    data: tuple[int, ...]

    def to_dict(self) -> dict[str, object]:
        """The document, as audiowaveform writes it."""
        return {
            "version": 2,
            "channels": 1,
            "sample_rate": self.sample_rate_hz,
            "samples_per_pixel": self.samples_per_pixel,
            "bits": 8,
            "length": len(self.data) // 2,
            "data": list(self.data),
        }


class PeaksMeter:
    """Gathers the peaks of a stream of unknown length in memory that does not depend on it.

    Whenever there are too many pixels, neighbours are joined. The peaks of two joined pixels are exactly those of their
    samples, so the result does not depend on how often that happened.

    Args:
        sample_rate_hz: frames a second.
        max_pixels: most pixels, an even number.
        samples_per_pixel: frames of a pixel to begin with, a power of two.
    """

    def __init__(self, sample_rate_hz: int, *, max_pixels: int = MAX_PIXELS, samples_per_pixel: int = 1) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._samples_per_pixel = samples_per_pixel
        self._frames = 0
        self._least = np.full(max_pixels, np.inf, np.float32)
        self._greatest = np.full(max_pixels, -np.inf, np.float32)

    def feed(self, line: Mono) -> None:
        """Take np.ndarray [shape=(frames,), dtype=float32], finite."""
        if not len(line):
            return
        while self._frames + len(line) > len(self._least) * self._samples_per_pixel:
            self._join_neighbours()
        size = self._samples_per_pixel
        # The line first fills up the last pixel, where that is not full.
        begins = np.append(0, np.arange(size - self._frames % size, len(line), size))
        first = self._frames // size
        pixels = slice(first, first + len(begins))
        self._least[pixels] = np.minimum(self._least[pixels], np.minimum.reduceat(line, begins))
        self._greatest[pixels] = np.maximum(self._greatest[pixels], np.maximum.reduceat(line, begins))
        self._frames += len(line)

    def result(self) -> Peaks:
        """The peaks so far."""
        length = -(-self._frames // self._samples_per_pixel)
        both = np.column_stack([self._least[:length], self._greatest[:length]])
        steps = np.clip(np.rint(both * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(int)
        return Peaks(self._sample_rate_hz, self._samples_per_pixel, tuple(steps.ravel().tolist()))

    def _join_neighbours(self) -> None:
        rest = np.full(len(self._least) // 2, np.inf, np.float32)
        self._least = np.append(self._least.reshape(-1, 2).min(axis=1), rest)
        self._greatest = np.append(self._greatest.reshape(-1, 2).max(axis=1), -rest)
        self._samples_per_pixel *= 2
