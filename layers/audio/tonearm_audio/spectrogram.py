"""Spectrogram: a picture of a whole track, 1200 x 400 points, time to the right and frequency upwards.

Its rows are as far apart as the ear hears them, in equal parts of an octave (30 Hz to 20 kHz), and each shows the power
of its own band, so that pink noise has one colour from bottom to top. Its colours are as far apart as the eye sees them
(`colours.py`) and stand for the level in dB, from the loudest point down to 80 dB below it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.colours import MAGMA
from tonearm_audio.kernels import address, library, size

WIDTH, HEIGHT = 1200, 400
LOW_HZ, HIGH_HZ = 30.0, 20_000.0
DYNAMIC_RANGE_DB = 80.0

_MOST_COLUMNS = 2 * WIDTH
_ROWS = 20
_CURVES_AT_ONCE = 4
"""LANES in native/spectrum.c."""
_UP = 2
"""PNG's filter type: a point less the one above it, which is mostly alike; other filters and more effort do not pay."""
_COMPRESSION = 1
_SILENCE = 1e-12
"""-120 dBFS: what never exceeds it is black."""

Values = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spectrogram:
    """A picture of a track.

    Attributes:
        png: the picture, a PNG file of 1200 x 400 points with a palette.
        duration_s: what its width stands for.
        low_hz: frequency at its lower edge.
        high_hz: frequency at its upper edge: 20 kHz, or half the sample rate where that is less.
        top_dbfs: level of the brightest colour; None for a silent track.
    """

    png: bytes
    duration_s: float
    low_hz: float
    high_hz: float
    top_dbfs: float | None

    def to_dict(self) -> dict[str, object]:
        """What the axes of the picture are."""
        return {
            "width": WIDTH,
            "height": HEIGHT,
            "low_hz": self.low_hz,
            "high_hz": self.high_hz,
            "top_dbfs": None if self.top_dbfs is None else round(self.top_dbfs, 1),
            "dynamic_range_db": DYNAMIC_RANGE_DB,
        }


class SpectrogramMeter:
    """Gathers the picture of a stream of unknown length in memory that does not depend on it.

    Each column begins with one spectrum; whenever there are too many, neighbours are joined.

    Args:
        sample_rate_hz: frames a second.
        bins: frequencies of a spectrum, from 0 Hz to half the sample rate.
        hop: frames between the middles of two spectra, the first of which is that of the first frame.
    """

    def __init__(self, sample_rate_hz: int, *, bins: int, hop: int) -> None:
        self._sample_rate_hz, self._hop = sample_rate_hz, hop
        self._high_hz = min(HIGH_HZ, sample_rate_hz / 2)
        edges_hz = LOW_HZ * (self._high_hz / LOW_HZ) ** (np.arange(HEIGHT + 1) / HEIGHT)
        self._edges = np.minimum(edges_hz * 2 * (bins - 1) / sample_rate_hz, bins - 1)
        self._columns: Values = np.zeros((_MOST_COLUMNS, HEIGHT), np.float32)
        self._spectra_per_column = 1
        self._spectra = 0

    def feed(self, power: Values) -> None:
        """Take the powers of spectra [shape=(spectra, bins), dtype=float32], a sine at full scale having 1.0."""
        if not len(power):
            return
        while self._spectra + len(power) > _MOST_COLUMNS * self._spectra_per_column:
            self._join_neighbours()
        # The spectra first fill up the last column, where that is not full.
        column, begun = divmod(self._spectra, self._spectra_per_column)
        _add_areas(power, self._edges, self._columns[column:], self._spectra_per_column, begun)
        self._spectra += len(power)

    def result(self, frames: int) -> Spectrogram:
        """The picture of what came so far.

        Args:
            frames: length of the stream.
        """
        count = -(-self._spectra // self._spectra_per_column)
        rest = self._spectra % self._spectra_per_column
        # A column's middle in units of columns; a spectrum stands for half a hop before and after its middle.
        edges = np.linspace(0.0, frames / (self._hop * self._spectra_per_column), WIDTH + 1)
        edges -= 0.5 - 0.5 / self._spectra_per_column
        # A few rows at a time, and in place: all at once they would be the most memory that an analysis takes.
        picture = np.empty((HEIGHT, WIDTH), np.float32)
        for row in range(0, HEIGHT, _ROWS):
            columns = self._columns[:count, row : row + _ROWS] / np.float32(self._spectra_per_column)
            if rest:
                columns[-1] *= self._spectra_per_column / rest
            picture[row : row + _ROWS] = _means(columns.T, edges)
        top = float(picture.max())
        top_dbfs = 10 * float(np.log10(top)) if top > _SILENCE else None
        colours = np.zeros(picture.shape, np.uint8)
        if top_dbfs is not None:
            for powers, points in zip(picture, colours[::-1], strict=True):
                levels = 10 * np.log10(np.maximum(powers.astype(np.float64) / top, 1e-30))
                points[:] = np.clip(np.rint(255 * (1 + levels / DYNAMIC_RANGE_DB)), 0, 255)
        duration_s = frames / self._sample_rate_hz
        return Spectrogram(_png(colours), duration_s, LOW_HZ, self._high_hz, top_dbfs)

    def _join_neighbours(self) -> None:
        joined = self._columns.reshape(-1, 2, HEIGHT).sum(axis=1)
        self._columns[: len(joined)] = joined
        self._columns[len(joined) :] = 0
        self._spectra_per_column *= 2


def _means(curves: Values, edges: Curve) -> Curve:
    """Means of curves between neighbouring edges, each curve being straight from point to point, flat beyond the ends.

    Args:
        curves: np.ndarray [shape=(count, points)], at 0, 1, 2 ...
        edges: np.ndarray [shape=(parts + 1,)], rising.

    Returns:
        np.ndarray [shape=(count, parts)].
    """
    padded = np.concatenate([curves[:, :1], curves, curves[:, -1:]], axis=1)
    places = np.clip(edges + 1, 0, padded.shape[1] - 1)
    areas = np.zeros((len(curves), len(edges) - 1), np.float32)
    _add_areas(np.ascontiguousarray(padded), places, areas)
    return areas / np.maximum(np.diff(places), 1e-12)


def _add_areas(curves: Values, edges: Curve, sums: Values, together: int = 1, begun: int = 0) -> None:
    """Add to each row of sums what lies under its curves between neighbouring edges, points being joined by lines.

    Args:
        curves: np.ndarray [shape=(count, points)], at 0, 1, 2 ...
        edges: np.ndarray [shape=(parts + 1,)], rising, from 0 to points - 1.
        sums: np.ndarray [shape=(rows, parts)].
        together: how many curves belong to a row.
        begun: how many of the first row came before.
    """
    points = curves.shape[1]
    library().tonearm_areas(
        address(curves, np.float32),
        size(len(curves)),
        size(points),
        address(edges, np.float64),
        size(len(edges) - 1),
        address(np.empty(_CURVES_AT_ONCE * points), np.float64),
        size(together - begun),
        size(together),
        address(sums, np.float32),
    )


def _png(points: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file (ISO/IEC 15948) of palette indices [shape=(height, width)]."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = points.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = np.empty((height, 1 + width), np.uint8)
    lines[:, 0] = _UP
    # Differences of bytes, modulo 256; above the first line lies one of zeros.
    lines[0, 1:] = points[0]
    np.subtract(points[1:], points[:-1], out=lines[1:, 1:])
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"PLTE", MAGMA),
            chunk(b"IDAT", zlib.compress(lines.data, _COMPRESSION)),
            chunk(b"IEND", b""),
        ]
    )
