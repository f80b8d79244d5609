"""Matroska and WebM: from EBML elements to packets.

Browsers record WebM as they go: segments and clusters of unknown size, no duration, no index. So the file is walked
flat: the elements that matter inside a cluster and those beside it have different IDs, so that "a cluster begins" needs
no "a cluster ends". Sources: RFC 8794 (EBML), RFC 9559 (Matroska), the Matroska codec mappings.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np

from tonearm_audio.errors import AudioError
from tonearm_audio.mp4 import aac_object
from tonearm_audio.packets import (
    LARGEST_PACKET_BYTES,
    MOST_PACKETS,
    PacketCodec,
    PacketTrack,
    checked,
    codec_unsupported,
    lie,
    no_audio,
    too_many_packets,
)

_EBML, _SEGMENT, _CLUSTER, _TRACKS = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B
_BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK, _DISCARD_PADDING = 0xA0, 0xA1, 0xA3, 0x75A2
_DOC_TYPE = 0x4282
_TRACK_ENTRY, _TRACK_NUMBER, _TRACK_TYPE, _CODEC_ID, _CODEC_PRIVATE = 0xAE, 0xD7, 0x83, 0x86, 0x63A2
_CODEC_DELAY, _CONTENT_ENCODINGS = 0x56AA, 0x6D80
_AUDIO = 2
_ENTERED = {_SEGMENT, _CLUSTER, _BLOCK_GROUP}
_MOST_ELEMENTS = 1 << 23
_MOST_TRACKS_BYTES = 1 << 22
_MOST_SETUP_BYTES = 1 << 18
_NANOSECONDS = 1_000_000_000
_NAMES = {
    "A_AC3": "AC-3",
    "A_EAC3": "E-AC-3",
    "A_DTS": "DTS",
    "A_FLAC": "FLAC",
    "A_MPEG/L3": "MP3",
    "A_MPEG/L2": "MP2",
    "A_PCM/INT/LIT": "PCM",
    "A_PCM/FLOAT/IEEE": "PCM",
    "A_TRUEHD": "TrueHD",
    "A_WAVPACK4": "WavPack",
}


@dataclass
class _Track:
    """What a TrackEntry says."""

    number: int = 0
    kind: int = 0
    codec_id: str = ""
    private: bytes = b""
    delay_ns: int = 0
    encoded: bool = False


@dataclass(frozen=True)
class Found:
    """A demuxed file: which of the two names it goes by, and its track."""

    container: Literal["webm", "matroska"]
    track: PacketTrack


def demux(file: BinaryIO, size: int) -> Found:
    """Find the first audio track that can be decoded.

    Args:
        file: opened binary with a buffer of some size, so that the walk stays in memory.
        size: the length of the file in bytes.

    Raises:
        AudioError: `track.no_audio`, `track.codec_unsupported`, `track.truncated`, `track.header_lies` or
            `track.too_short`.
    """
    return _Walk(file, size).run()


class _Walk:
    """One pass over a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._container: Literal["webm", "matroska"] = "matroska"
        self._track: _Track | None = None
        self._codec: PacketCodec = "opus"
        self._setup: tuple[bytes, ...] = ()
        self._offsets = array("q")
        self._sizes = array("q")
        self._discard_ns = 0

    def run(self) -> Found:
        position, elements = 0, 0
        while position < self._size:
            elements += 1
            if elements > _MOST_ELEMENTS:
                raise lie(
                    f"This {self._kind} file holds more than {_MOST_ELEMENTS} elements.",
                    value=elements,
                    limit=_MOST_ELEMENTS,
                )
            element, body, length = self._head(position)
            if element in _ENTERED:
                # A size that leads past the end is told by the blocks that are missing, unless it cuts nothing off.
                if length is not None and body + length > self._size:
                    raise self._truncated(body + length)
                position = body
                continue
            if length is None:
                raise lie(
                    f"This {self._kind} file holds an element 0x{element:X} without an end.",
                    value=f"0x{element:X}",
                    limit="a size",
                )
            if body + length > self._size:
                raise self._truncated(body + length)
            self._take(element, body, length)
            position = body + length
        if self._track is None:
            raise no_audio(self._kind)
        track = PacketTrack(
            codec=self._codec,
            setup=self._setup,
            offsets=np.array(self._offsets, np.int64),
            sizes=np.array(self._sizes, np.int64),
            timescale=_NANOSECONDS,
            trim_start=self._track.delay_ns,
            trim_end=self._discard_ns,
        )
        return Found(self._container, checked(track, self._size))

    @property
    def _kind(self) -> str:
        return "WebM" if self._container == "webm" else "Matroska"

    def _truncated(self, needed: int) -> AudioError:
        return AudioError(
            "track.truncated",
            f"This {self._kind} file says that it goes on to {needed} bytes, but it ends at {self._size}.",
            value=self._size,
            limit=needed,
            mend="The transfer or the recording was cut off. Use the complete file.",
        )

    def _head(self, position: int) -> tuple[int, int, int | None]:
        """An element's ID, where its body begins and how long that is; None when unknown."""
        self._file.seek(position)
        head = self._file.read(12)
        if not head or not head[0]:
            raise lie(f"This {self._kind} file holds no element at {position} bytes.", value=position, limit="an ID")
        id_length = 9 - head[0].bit_length()
        size_length = 9 - head[id_length].bit_length() if len(head) > id_length and head[id_length] else 0
        if id_length > 4 or not size_length:
            raise lie(f"This {self._kind} file holds no element at {position} bytes.", value=position, limit="an ID")
        if len(head) < id_length + size_length:
            raise self._truncated(position + id_length + size_length)
        element = int.from_bytes(head[:id_length])
        unknown = (1 << 7 * size_length) - 1
        length = int.from_bytes(head[id_length : id_length + size_length]) & unknown
        return element, position + id_length + size_length, None if length == unknown else length

    def _take(self, element: int, body: int, length: int) -> None:
        if element in {_SIMPLE_BLOCK, _BLOCK}:
            if self._track is not None:
                self._take_block(self._track.number, body, length)
        elif element == _DISCARD_PADDING:
            # Signed nanoseconds; only the last packets' padding means anything, and what is before stays.
            if 0 < length <= 8:
                self._discard_ns = max(0, int.from_bytes(self._read(body, length), signed=True))
        elif element == _EBML:
            for inner, value in _children(self._read(body, min(length, 4096))):
                if inner == _DOC_TYPE:
                    self._container = "webm" if value.rstrip(b"\0") == b"webm" else "matroska"
        elif element == _TRACKS and self._track is None:
            if length > _MOST_TRACKS_BYTES:
                raise lie(
                    f"This {self._kind} file's list of tracks is {length} bytes long.",
                    value=length,
                    limit=_MOST_TRACKS_BYTES,
                )
            self._choose(self._read(body, length))

    def _read(self, position: int, count: int) -> bytes:
        self._file.seek(position)
        return self._file.read(count)

    def _choose(self, tracks: bytes) -> None:
        heard = [
            track
            for element, entry in _children(tracks)
            if element == _TRACK_ENTRY and (track := _read_track(entry)).kind == _AUDIO
        ]
        if not heard:
            raise no_audio(self._kind)
        for track in heard:
            setup = _setup(track)
            if setup is not None:
                self._track = track
                self._codec, self._setup = setup
                return
        name = heard[0].codec_id
        raise codec_unsupported(
            self._kind, "compressed or encrypted" if heard[0].encoded else _NAMES.get(name, repr(name))
        )

    def _take_block(self, number: int, body: int, length: int) -> None:
        """Note where the packets of a block are: track number, time, flags, then one packet or a lace of them."""
        head = self._read(body, min(length, 12))
        if not head or not head[0]:
            raise lie(f"This {self._kind} file holds a block without a track.", value=length, limit=4)
        number_length = 9 - head[0].bit_length()
        if len(head) < number_length + 3:
            raise lie(f"This {self._kind} file holds a block of {length} bytes.", value=length, limit=4)
        if int.from_bytes(head[:number_length]) & (1 << 7 * number_length) - 1 != number:
            return
        self._discard_ns = 0
        lacing = head[number_length + 2] >> 1 & 3
        start, end = body + number_length + 3, body + length
        if not lacing:
            self._offsets.append(start)
            self._sizes.append(end - start)
        else:
            if end - start > LARGEST_PACKET_BYTES:
                raise lie(
                    f"This {self._kind} file holds a block of {length} bytes.", value=length, limit=LARGEST_PACKET_BYTES
                )
            sizes = _lace(lacing, self._read(start, end - start))
            position = end - sum(sizes)
            for packet in sizes:
                self._offsets.append(position)
                self._sizes.append(packet)
                position += packet
        most = min(MOST_PACKETS, self._size)
        if len(self._offsets) > most:
            raise too_many_packets(len(self._offsets), most)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length and how many bytes it took; 0 bytes when there is none."""
    if at >= len(data) or not data[at]:
        return 0, 0
    length = 9 - data[at].bit_length()
    return int.from_bytes(data[at : at + length]) & (1 << 7 * length) - 1, length


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a master element that is in memory."""
    at = 0
    while at < len(data):
        length = 9 - data[at].bit_length() if data[at] else 0
        element = int.from_bytes(data[at : at + length])
        size, taken = _number(data, at + length)
        if not length or not taken:
            return
        at += length + taken
        yield element, data[at : at + size]
        at += size


def _read_track(entry: bytes) -> _Track:
    track = _Track()
    for element, value in _children(entry):
        if element == _TRACK_NUMBER:
            track.number = int.from_bytes(value[:8])
        elif element == _TRACK_TYPE:
            track.kind = int.from_bytes(value[:8])
        elif element == _CODEC_ID:
            track.codec_id = value[:64].rstrip(b"\0").decode("ascii", "replace")
        elif element == _CODEC_PRIVATE:
            track.private = value[:_MOST_SETUP_BYTES]
        elif element == _CODEC_DELAY:
            track.delay_ns = int.from_bytes(value[:8])
        elif element == _CONTENT_ENCODINGS:
            track.encoded = True
    return track


def _setup(track: _Track) -> tuple[PacketCodec, tuple[bytes, ...]] | None:
    """The codec and what its decoder must know; None for what is not read."""
    if track.encoded:
        return None
    if track.codec_id == "A_OPUS" and track.private[:8] == b"OpusHead":
        return "opus", (track.private,)
    if track.codec_id == "A_VORBIS":
        if not track.private or track.private[0] != 2:
            raise lie("This file's Vorbis headers are damaged.", value=len(track.private), limit=3)
        headers = _xiph_lace(track.private)
        body = track.private[len(track.private) - sum(headers) :]
        parts = (body[: headers[0]], body[headers[0] : headers[0] + headers[1]], body[headers[0] + headers[1] :])
        return "vorbis", parts
    if track.codec_id == "A_AAC" and len(track.private) >= 2 and aac_object(track.private)[1]:
        return "aac", (track.private,)
    if track.codec_id == "A_ALAC" and len(track.private) >= 24:
        return "alac", (track.private[-24:],)
    return None


def _lace(kind: int, data: bytes) -> list[int]:
    """The sizes of the packets in a lace (RFC 9559 §10.3): 1 Xiph, 2 fixed, 3 EBML."""
    if not data:
        raise lie("This file holds an empty lace of packets.", value=0, limit=1)
    count = data[0] + 1
    if kind == 1:
        return _xiph_lace(data)
    if kind == 2:
        if (len(data) - 1) % count:
            raise lie("This file's lace of equal packets is uneven.", value=len(data) - 1, limit=count)
        return [(len(data) - 1) // count] * count
    sizes: list[int] = []
    at = 1
    for _ in range(count - 1):
        value, taken = _number(data, at)
        if not taken:
            raise lie("This file's lace of packets is damaged.", value=at, limit=len(data))
        # The first size stands as it is, the others as differences around the middle of their range.
        sizes.append(value if not sizes else sizes[-1] + value - ((1 << 7 * taken - 1) - 1))
        at += taken
    return _with_rest(sizes, len(data) - at)


def _xiph_lace(data: bytes) -> list[int]:
    """Sizes written as sums of bytes, 255 going on."""
    sizes: list[int] = []
    at = 1
    for _ in range(data[0]):
        size = 0
        while at < len(data):
            size += data[at]
            at += 1
            if data[at - 1] < 255:
                break
        sizes.append(size)
    return _with_rest(sizes, len(data) - at)


def _with_rest(sizes: list[int], room: int) -> list[int]:
    rest = room - sum(sizes)
    if rest < 0 or min(sizes, default=0) < 0:
        raise lie("This file's lace of packets is longer than its block.", value=sum(sizes), limit=room)
    return [*sizes, rest]
