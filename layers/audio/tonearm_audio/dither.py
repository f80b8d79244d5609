"""Rounding to 16 or 24 bits with triangular dither, of samples that are not on the grid already."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from tonearm_audio import kernels
from tonearm_audio.packets import FloatBlock


class Quantizer:
    """Rounds a stream of samples, the same however it is cut into blocks.

    Dither makes the mean and the power of the rounding error independent of the music (Lipshitz, Wannamaker and
    Vanderkooy 1992). Samples that are on the grid, such as untouched 16-bit audio and digital silence, have no error
    and pass exactly.

    Args:
        bits: 16 or 24.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._place = 0

    def __call__(self, block: FloatBlock) -> npt.NDArray[np.int32]:
        """Round np.ndarray [shape=(frames, channels)] to integers that stand in the highest `bits` of 32."""
        block = np.ascontiguousarray(block, np.float32)
        integers = np.empty(block.shape, np.int32)
        kernels.library().tonearm_quantize(
            kernels.address(block, np.float32),
            kernels.address(integers, np.int32),
            kernels.size(block.size),
            ctypes.c_int32(self._bits),
            ctypes.c_uint64(self._place),
        )
        self._place += block.size
        return integers
