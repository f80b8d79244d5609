"""What every sink shares: a file appears under its name when it is complete, or not at all."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile

from tonearm_audio.packets import FloatBlock

_MOVED_AT_ONCE = 1 << 20


class Sink(ABC):
    """A file being written; use it as a context manager.

    Leaving the context without an error puts the file in place; leaving it with one leaves nothing behind.
    """

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        handle, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.", suffix=".part")
        os.close(handle)
        self._temporary = Path(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close(complete=error is None)
            if error is None:
                # mkstemp gives 0600; a render is an ordinary file.
                self._temporary.chmod(0o644)
                self._temporary.replace(self._destination)
        finally:
            self._temporary.unlink(missing_ok=True)

    @abstractmethod
    def write(self, block: FloatBlock) -> None:
        """Append np.ndarray [shape=(frames, channels), dtype=float32] within ±1.0."""

    @abstractmethod
    def _close(self, *, complete: bool) -> None:
        """Finish the temporary file, or just let go of it."""


class LibsndfileSink(Sink):
    """What libsndfile writes.

    Args:
        destination: where the complete file appears.
        form: rate, channels, format and so on, as `soundfile.SoundFile` names them.

    Raises:
        OSError: the disk is full, or takes no more of this file; so do `write` and leaving the context.
    """

    def __init__(self, destination: Path, **form: Any) -> None:
        super().__init__(destination)
        with ExitStack() as failed:
            failed.callback(self._temporary.unlink, missing_ok=True)
            with self._failing_as_the_disk_does():
                # The bytes of a path: on Linux a name need not be text.
                self._file = soundfile.SoundFile(os.fsencode(self._temporary), "w", **form)
            failed.pop_all()

    def _put(self, samples: np.ndarray) -> None:
        with self._failing_as_the_disk_does():
            self._file.write(samples)

    def _close_file(self) -> None:
        with self._failing_as_the_disk_does():
            self._file.close()

    @contextmanager
    def _failing_as_the_disk_does(self) -> Iterator[None]:
        """Of a full disk libsndfile says "System error." alone: whoever writes on is told by the system itself."""
        try:
            yield
        except soundfile.LibsndfileError:
            with self._temporary.open("ab", buffering=0) as file:
                left = _MOVED_AT_ONCE
                while left:
                    left -= file.write(bytes(left))
            raise


def splice(file: BinaryIO, start: int, end: int, replacement: bytes) -> None:
    """Put bytes in the place of those in [start, end); what follows is moved in place, a megabyte at a time.

    Args:
        file: opened for reading and writing.
    """
    size, shift = file.seek(0, os.SEEK_END), len(replacement) - (end - start)
    pieces = range(end, size, _MOVED_AT_ONCE) if shift else range(0)
    for position in reversed(pieces) if shift > 0 else pieces:
        file.seek(position)
        piece = file.read(_MOVED_AT_ONCE)
        file.seek(position + shift)
        file.write(piece)
    file.truncate(size + shift)
    file.seek(start)
    file.write(replacement)
