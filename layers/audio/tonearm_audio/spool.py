"""A stream kept on disk, for what must hear all of a song before it can begin: memory stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np

from tonearm_audio.decode import BLOCK_FRAMES, FloatBlock


class Spool:
    """Blocks of float32, written once and read as often as one likes; use it as a context manager.

    It takes 4 bytes a sample of the temporary folder, 106 MB for five minutes in stereo at 44.1 kHz.

    Args:
        channels: of each block.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._file = tempfile.TemporaryFile(prefix="tonearm-")  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, block: FloatBlock) -> None:
        """Append np.ndarray [shape=(frames, channels), dtype=float32]. Raises OSError when the disk is full."""
        self._file.write(np.ascontiguousarray(block).data)

    def blocks(self) -> Iterator[FloatBlock]:
        """Yield all that was written, from the first sample on."""
        at = 0
        while True:
            # Several readers may be under way at once.
            self._file.seek(at)
            data = self._file.read(BLOCK_FRAMES * self._channels * 4)
            if not data:
                return
            at += len(data)
            yield np.frombuffer(data, np.float32).reshape(-1, self._channels).copy()
