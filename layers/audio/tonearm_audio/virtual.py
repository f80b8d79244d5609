"""Files that exist nowhere: bytes made when a decoder reads them."""

from __future__ import annotations

import io
from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class VirtualFile(io.RawIOBase):
    """A file to read and seek in, whose bytes a subclass tells.

    Args:
        size: its length in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._at = 0

    @abstractmethod
    def _bytes_at(self, position: int, most: int) -> bytes:
        """At least one and at most `most` bytes from a place on; none behind the end."""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and say where that is."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer as far as the file goes: decoders take a short answer for the end."""
        view = memoryview(buffer).cast("B")
        count = 0
        while count < len(view) and (data := self._bytes_at(self._at, len(view) - count)):
            view[count : count + len(data)] = data
            count += len(data)
            self._at += len(data)
        return count
