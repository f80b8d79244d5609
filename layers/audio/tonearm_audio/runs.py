"""Runs of consecutive frames whose samples all lie within bounds, found in a stream."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.kernels import address, library, size

RunList = npt.NDArray[np.int64]


class Runs:
    """Finds runs, also those that reach from one block into others.

    Args:
        low: least sample that belongs to a run.
        high: greatest sample that belongs to a run.
        least_frames: frames of the shortest run that counts, at least 1.
        channel: the channel that is looked at; None for all, which then must belong together.
    """

    def __init__(self, low: float, high: float, *, least_frames: int, channel: int | None = None) -> None:
        self._low, self._high, self._least = ctypes.c_float(low), ctypes.c_float(high), least_frames
        self._channel = channel
        self._state = np.zeros(2, np.int64)

    @property
    def frames(self) -> int:
        """Frames of the stream so far."""
        return int(self._state[0])

    @property
    def begin(self) -> int:
        """The first frame of the run that the stream so far ends in; `frames` when it ends in none."""
        return int(self._state[1])

    def feed(self, block: FloatBlock) -> RunList:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; get the runs that end in it.

        Returns:
            np.ndarray [shape=(runs, 2), dtype=int64]: of each its first frame and the frame after its last, counted
            from the beginning of the stream.
        """
        block = np.ascontiguousarray(block)
        frames = len(block)
        found = np.empty((frames // (self._least + 1) + 1, 2), np.int64)
        line = block if self._channel is None else np.ascontiguousarray(block[:, self._channel])
        count = library().tonearm_runs(
            address(line, np.float32),
            size(frames),
            size(line.size // max(1, frames)),
            self._low,
            self._high,
            ctypes.c_int64(self._least),
            address(self._state, np.int64),
            address(found, np.int64),
        )
        return found[:count]

    def skip(self, frames: int) -> None:
        """Take as many frames of which none lies within the bounds.

        Raises:
            ValueError: the stream ends in a run, which would have to be reported.
        """
        if self.begin < self.frames:
            raise ValueError("a run is open")
        self._state += frames

    def finish(self) -> RunList:
        """The run that the stream ends in, if there is one, in the same form."""
        begin, end = self.begin, self.frames
        return np.array([[begin, end]] if end - begin >= self._least else [], np.int64).reshape(-1, 2)
