"""The compiled kernels: loops over samples that numpy has no words for, in C, without state of their own.

Every kernel works on arrays that the caller owns and keeps what it remembers in an array as well, so that threads and
forks share nothing. None calls the C library's mathematics, fuses or reorders operations: the same input gives the same
bits on every processor. `hatch_build.py` compiles them.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@cache
def library() -> ctypes.CDLL:
    """The compiled library, loaded once.

    Raises:
        OSError: it was not built; `uv sync` builds it.
    """
    return ctypes.CDLL(str(resources.files("tonearm_audio").joinpath("native", "kernels.so")))


def address(array: npt.NDArray[Any], dtype: type[np.generic]) -> ctypes.c_void_p:
    """Where a kernel finds an array.

    Raises:
        TypeError: it is not contiguous, or of another type than the kernel reads.
    """
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"a kernel wants a contiguous array of {dtype.__name__}, not {array.dtype}")
    pointer = ctypes.c_void_p(array.ctypes.data)
    # An array that was made for this call alone must live until the kernel has returned.
    pointer.array = array  # type: ignore[attr-defined]  # any name will do
    return pointer


def size(count: int) -> ctypes.c_ssize_t:
    """A number of frames or rows, as C's ptrdiff_t."""
    return ctypes.c_ssize_t(count)


class Biquads:
    """A cascade of second-order sections as a stream, in double precision.

    Args:
        sections: np.ndarray [shape=(count, 5)]: b0, b1, b2, a1, a2 of each, with a0 = 1.
        channels: how many, each filtered alone.
    """

    def __init__(self, sections: Doubles, channels: int) -> None:
        self._sections = np.ascontiguousarray(sections, np.float64)
        self._state = np.zeros((channels, len(sections), 2))

    def feed(self, block: Floats) -> Floats:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; get as many, filtered."""
        block = np.ascontiguousarray(block)
        out = np.empty_like(block)
        library().tonearm_biquads(
            address(block, np.float32),
            address(out, np.float32),
            size(len(block)),
            size(block.shape[1]),
            address(self._sections, np.float64),
            size(len(self._sections)),
            address(self._state, np.float64),
        )
        return out
