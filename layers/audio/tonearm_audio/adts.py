"""ADTS: bare AAC, each packet behind a header of its own, as recorders on Android and radio streams write it.

A stream may begin and end anywhere, so nothing tells the encoder's priming or padding. Source: ISO/IEC 13818-7 §6.2 and
ISO/IEC 14496-3 §1.A.2.
"""

from __future__ import annotations

from array import array
from typing import BinaryIO

import numpy as np

from tonearm_audio.packets import MOST_PACKETS, PacketTrack, checked, too_many_packets

_HEAD_BYTES = 7
_JUNK_BYTES = 1 << 16


def demux(file: BinaryIO, size: int, start: int) -> PacketTrack | None:
    """Find the packets; None when no two headers in a row stand at the start.

    Args:
        file: opened binary with a buffer of some size, so that the walk stays in memory.
        size: the length of the file in bytes.
        start: where the first header is, behind title tags.

    Raises:
        AudioError: `track.truncated` when the last packet is cut off, `track.header_lies`.
    """
    mark = _read(file, start, 3)
    if not _leads_on(file, start, mark, size):
        return None
    offsets, sizes = array("q"), array("q")
    position: int | None = start
    while position is not None and position < size:
        head = _read(file, position, _HEAD_BYTES)
        length = _packet_bytes(head, mark)
        if length:
            # A checksum of two bytes goes before the packet where a flag is not set.
            skip = _HEAD_BYTES if head[1] & 1 else _HEAD_BYTES + 2
            offsets.append(position + skip)
            sizes.append(max(0, length - skip))
            position += length
        else:
            position = _next(file, position, mark, size)
        if len(offsets) > MOST_PACKETS:
            raise too_many_packets(len(offsets))
    head = _read(file, start, 4)
    # The same fields as an AudioSpecificConfig, which counts its object types from 1.
    object_type, rate, channels = (head[2] >> 6) + 1, head[2] >> 2 & 15, (head[2] & 1) << 2 | head[3] >> 6
    config = (object_type << 11 | rate << 7 | channels << 3).to_bytes(2)
    track = PacketTrack("aac", (config,), np.array(offsets, np.int64), np.array(sizes, np.int64), timescale=1)
    return checked(track, size)


def _read(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _packet_bytes(head: bytes, mark: bytes) -> int:
    """How long header and packet are together, 0 where there is no header like the first."""
    if len(head) < _HEAD_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[:3] != mark:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= _HEAD_BYTES else 0


def _leads_on(file: BinaryIO, position: int, mark: bytes, size: int) -> bool:
    """Whether a header stands here, and behind its packet another one or the end of the file."""
    length = _packet_bytes(_read(file, position, _HEAD_BYTES), mark)
    end = position + length
    return bool(length) and (end == size or _read(file, end, 3) == mark)


def _next(file: BinaryIO, position: int, mark: bytes, size: int) -> int | None:
    """Where a header follows damage, within what decoders skip; None when what is left is something else."""
    window = _read(file, position, _JUNK_BYTES)
    at = window.find(mark, 1)
    while at >= 0 and not _leads_on(file, position + at, mark, size):
        at = window.find(mark, at + 1)
    return position + at if at >= 0 else None
