"""A line convolved with two responses at once: the room of `tonearm_audio.spatial`.

Two real responses are the two parts of one complex response, and so are what becomes of a real line by each. A kernel
of our own transforms it there and back (native/convolve.c): numpy's takes three times as long, one line at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonearm_audio.kernels import address, library, size

_FEWEST_POINTS = 16

Line = npt.NDArray[np.float64]
Signal = npt.NDArray[np.float32]


def points_for(frames: int) -> int:
    """The length of the shortest circle that holds so many frames: a power of four."""
    points = _FEWEST_POINTS
    while points < frames:
        points *= 4
    return points


class Convolver:
    """Convolves in a circle, to some 1e-7 of the loudest.

    Args:
        responses: two [each shape=(frames,)].
        points: length of the circle, a power of four that holds both.
    """

    def __init__(self, responses: tuple[Line, Line], points: int) -> None:
        self._points = points
        self._factors = _factors(points)
        self._responses: Signal = np.zeros((2, points), np.float32)
        self._work: Signal = np.zeros((2, points), np.float32)
        for response, part in zip(responses, self._responses, strict=True):
            # There and back multiplies by the points.
            part[: len(response)] = response / points
        re, im = self._responses
        library().tonearm_convolve_response(
            address(re, np.float32), address(im, np.float32), size(points), address(self._factors, np.float32)
        )

    def __call__(self, line: Signal) -> Signal:
        """Convolve np.ndarray [shape=(at most points,), dtype=float32].

        Returns:
            np.ndarray [shape=(2, points), dtype=float32], good until the next call.
        """
        self._work[0, : len(line)] = line
        self._work[0, len(line) :] = 0.0
        self._work[1] = 0.0
        library().tonearm_convolve_both(
            *(address(part, np.float32) for part in self._work),
            size(self._points),
            address(self._factors, np.float32),
            *(address(part, np.float32) for part in self._responses),
        )
        return self._work


def _factors(points: int) -> Signal:
    """Roots of unity, in the order in which the kernel asks for them."""
    unit = np.zeros(points)
    unit[1] = 1.0
    roots = np.fft.fft(unit).astype(np.complex64)
    factors, span = [], points
    while span >= _FEWEST_POINTS:
        for power in (1, 2, 3):
            # Those of a shorter span are among those of the longest.
            found = roots[:: power * (points // span)][: span // 4]
            factors += [found.real, found.imag]
        span //= 4
    return np.concatenate(factors)
