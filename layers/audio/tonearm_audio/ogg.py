"""Ogg: a file held against its own pages, and packets of other containers as an Ogg stream.

libsndfile reads Opus and Vorbis in Ogg only. Packets found in MP4 and Matroska are shown to it as an Ogg file that
exists nowhere: its pages, one a packet, are made when they are read. Sources: RFC 3533 (pages), RFC 6716 §3 (the
length of an Opus packet), RFC 7845 (Ogg Opus), the Vorbis I specification §4 and §A.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tonearm_audio.errors import AudioError
from tonearm_audio.packets import Integers, PacketFile, PacketTrack, codec_unsupported, lie, no_audio
from tonearm_audio.virtual import VirtualFile

_SERIAL = 1
_LARGEST_PAGE_PACKET = 255 * 254
_PAGES_AT_ONCE = 32
_BEGIN, _END = 2, 4
_LONGEST_FIRST_PAGE = 1 << 20
"""Granules: some ten to twenty seconds, more than a page holds at any usual rate."""
OPUS_RATE_HZ = 48_000
_HIGHEST_OPUS_RATE_HZ = 192_000
"""What an OpusHead may say was recorded. Beyond it, as for one that says nothing, libsndfile decodes at 8 kHz."""
_LONGEST_OPUS_PACKET = 5760
_LARGEST_OPUS_FRAME = 1275
_OPUS_SILENCE_TOC = 0xF8
"""20 ms of the full band, one frame."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_PAGE = struct.Struct("<4sBBqIIIB")
_AUDIO_HEADS = ((b"\x01vorbis", "vorbis"), (b"OpusHead", "opus"), (b"\x7fFLAC", "flac"))
_OTHER_HEADS = ((b"Speex   ", "Speex"), (b"\x80theora", ""), (b"fishead\0", ""))


def page_checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's polynomial the other way round, from zero and without a final complement."""
    state = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(state.to_bytes(4, "little").translate(_REVERSED))


def _page(packet: bytes, *, granule: int, sequence: int, flags: int) -> bytes:
    lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    head = _PAGE.pack(b"OggS", 0, flags, granule, _SERIAL, sequence, 0, len(lacing))
    page = head + lacing + packet
    return page[:22] + struct.pack("<I", page_checksum(page)) + page[26:]


# --- a file held against its pages


@dataclass
class Stream:
    """The audio stream of an Ogg file, as its pages tell it.

    Attributes:
        codec: "opus", "vorbis" or "flac".
        serial: the stream's number.
        pre_skip: granules that are not for hearing.
        first_granule: where its first page with sound ends, None when it has none.
        last_granule: where its last page ends.
        first_page: what a decoder must see in place of the first page, where it would decode at too low a rate.
    """

    codec: str
    serial: bytes
    pre_skip: int = 0
    first_granule: int | None = None
    last_granule: int = 0
    first_page: bytes = b""

    @property
    def granules(self) -> int | None:
        """How long it is: samples, for Opus at 48 kHz; None for what was cut out of a longer stream."""
        whole = self.first_granule is not None and self.first_granule <= _LONGEST_FIRST_PAGE
        return max(0, self.last_granule - self.pre_skip) if whole else None


def inspect(file: BinaryIO, size: int) -> Stream:
    """Walk the pages of an Ogg file to its end.

    Raises:
        AudioError: `track.truncated` when the last page is missing or cut, `track.no_audio`,
            `track.codec_unsupported`, or `track.header_lies` when songs were glued together.
    """
    position, ended, unsupported = 0, False, ""
    stream: Stream | None = None
    while position + 27 <= size:
        file.seek(position)
        head = file.read(27)
        if head[:4] != b"OggS":
            found = _next_page(file, position)
            if found is None:
                break
            position = found
            continue
        flags, granule, segments = head[5], int.from_bytes(head[6:14], "little", signed=True), head[26]
        lacing = file.read(segments)
        end = position + 27 + segments + sum(lacing)
        if len(lacing) < segments or end > size:
            raise _cut_off(size)
        if flags & _BEGIN:
            if ended:
                raise lie(
                    "This Ogg file holds one song after another, of which players hear the first.", value=2, limit=1
                )
            first = file.read(30)
            codec = next((name for magic, name in _AUDIO_HEADS if first.startswith(magic)), "")
            unsupported = unsupported or next((name for magic, name in _OTHER_HEADS if first.startswith(magic)), "")
            if codec and stream is None:
                _check_head(codec, first)
                stream = Stream(codec, head[14:18], opus_pre_skip(first) if codec == "opus" else 0)
                if codec == "opus" and position == 0 and not 0 < opus_rate(first) <= _HIGHEST_OPUS_RATE_HZ:
                    file.seek(27 + segments)
                    stream.first_page = _with_full_rate(head + lacing + file.read(sum(lacing)), 27 + segments)
        elif stream is not None and head[14:18] == stream.serial and granule > 0:
            stream.first_granule = granule if stream.first_granule is None else stream.first_granule
            stream.last_granule = granule
        ended = ended or bool(flags & _END)
        position = end
    if stream is None:
        raise codec_unsupported("Ogg", unsupported) if unsupported else no_audio("Ogg")
    if not ended:
        raise _cut_off(size)
    return stream


def _check_head(codec: str, first: bytes) -> None:
    """Hold the first packet of a stream against itself, where a decoder says no more than that it fails."""
    if codec == "opus":
        _check_opus_head(first)
    if codec == "vorbis":
        _check_vorbis_head(first)


def _check_vorbis_head(head: bytes) -> None:
    if not head[11:12].strip(b"\0") or not head[12:16].strip(b"\0"):
        raise lie("This file's Vorbis header speaks of 0 channels or 0 Hz.", value=0, limit=1)


def _with_full_rate(page: bytes, packet: int) -> bytes:
    """A page whose OpusHead at `packet` asks for the full rate."""
    page = page[:22] + bytes(4) + page[26 : packet + 12] + struct.pack("<I", OPUS_RATE_HZ) + page[packet + 16 :]
    return page[:22] + struct.pack("<I", page_checksum(page)) + page[26:]


def _next_page(file: BinaryIO, position: int) -> int | None:
    """Where the next page begins after damage, within what decoders search."""
    file.seek(position)
    at = file.read(1 << 17).find(b"OggS", 1)
    return position + at if at > 0 else None


def _cut_off(size: int) -> AudioError:
    return AudioError(
        "track.truncated",
        f"This Ogg file ends at {size} bytes without its last page.",
        value=size,
        limit="a last page",
        mend="The transfer or the recording was cut off. Use the complete file.",
    )


def set_serial(file: BinaryIO) -> None:
    """Give every page of a whole Ogg file with one stream the same number on every run, and count its pages anew.

    Args:
        file: opened for reading and writing.
    """
    file.seek(0)
    for sequence in count():
        head = file.read(27)
        if len(head) < 27:
            return
        lacing = file.read(head[26])
        body = file.read(sum(lacing))
        page = head[:14] + struct.pack("<III", _SERIAL, sequence, 0) + head[26:] + lacing + body
        file.seek(-len(page), io.SEEK_CUR)
        file.write(page[:22] + struct.pack("<I", page_checksum(page)) + page[26:])


def read_headers(file: BinaryIO, packets: int) -> tuple[list[bytes], int]:
    """The first packets of a whole Ogg file with one stream, after which a page ends, and where that is.

    Args:
        file: opened binary.
        packets: how many.
    """
    file.seek(0)
    found = [b""]
    while len(found) <= packets:
        head = file.read(27)
        for lace in file.read(head[26]):
            found[-1] += file.read(lace)
            if lace < 255:
                found.append(b"")
    return found[:packets], file.tell()


def header_pages(packets: Sequence[bytes]) -> bytes:
    """Pages of header packets, of which the first stands alone; `set_serial` numbers them."""
    pages = [_page(packets[0], granule=0, sequence=0, flags=_BEGIN)]
    data = b"".join(packets[1:])
    lacing = b"".join(bytes([255] * (len(packet) // 255) + [len(packet) % 255]) for packet in packets[1:])
    start, continued = 0, False
    for at in range(0, len(lacing), 255):
        laces = lacing[at : at + 255]
        body = data[start : start + sum(laces)]
        # A page on which no packet ends has no place in time.
        granule = 0 if min(laces) < 255 else -1
        pages.append(_PAGE.pack(b"OggS", 0, int(continued), granule, _SERIAL, 0, 0, len(laces)) + laces + body)
        start, continued = start + len(body), laces[-1] == 255
    return b"".join(pages)


# --- packets as an Ogg file


@dataclass(frozen=True)
class _Stream:
    """Header packets and the frames that each packet decodes to."""

    headers: tuple[bytes, ...]
    frames: Integers


class OggFile(VirtualFile):
    """The Opus or Vorbis packets of a track as an Ogg file to read and seek in; nothing is trimmed.

    Args:
        path: the file that holds the packets.
        track: where they are.

    Raises:
        AudioError: `track.header_lies` for headers or packets that cannot be.
    """

    def __init__(self, path: Path, track: PacketTrack) -> None:
        largest = int(track.sizes.max())
        if largest > _LARGEST_PAGE_PACKET or max(map(len, track.setup)) > _LARGEST_PAGE_PACKET:
            raise lie(
                f"This file holds a packet of {largest} bytes; {track.codec.capitalize()} packets are shorter.",
                value=largest,
                limit=_LARGEST_PAGE_PACKET,
            )
        self._codec = track.codec
        self._packets = PacketFile(path, track)
        try:
            stream = (_opus if track.codec == "opus" else _vorbis)(self._packets, track)
        except AudioError:
            self._packets.close()
            raise
        self._granules = np.cumsum(stream.frames)
        self._sequence = len(stream.headers)
        self._head = b"".join(
            _page(header, granule=0, sequence=index, flags=0 if index else _BEGIN)
            for index, header in enumerate(stream.headers)
        )
        page_sizes = 28 + track.sizes // 255 + track.sizes
        self._starts = len(self._head) + np.append(0, np.cumsum(page_sizes))
        self._cache, self._cache_start = b"", 0
        super().__init__(int(self._starts[-1]))

    def _bytes_at(self, position: int, most: int) -> bytes:
        if position < len(self._head):
            return self._head[position : position + most]
        if position >= self._size:
            return b""
        if not self._cache_start <= position < self._cache_start + len(self._cache):
            first = int(np.searchsorted(self._starts, position, side="right")) - 1
            self._cache_start = int(self._starts[first])
            self._cache = b"".join(
                self._make_page(index) for index in range(first, min(first + _PAGES_AT_ONCE, len(self._granules)))
            )
        start = position - self._cache_start
        return self._cache[start : start + most]

    def _make_page(self, index: int) -> bytes:
        return _page(
            self._safe(self._packets.read(index)),
            granule=int(self._granules[index]),
            sequence=self._sequence + index,
            flags=_END if index == len(self._granules) - 1 else 0,
        )

    def _safe(self, packet: bytes) -> bytes:
        """The packet; an Opus packet that breaks the rules, at which a decoder stops, as silence of its length."""
        return packet if self._codec != "opus" or opus_packet_is_sound(packet) else _opus_silence(packet)

    def close(self) -> None:
        """Close the file that the packets come from."""
        self._packets.close()
        super().close()


def _opus(packets: PacketFile, track: PacketTrack) -> _Stream:
    """An OpusHead without pre-skip, which the reader of the whole stream does, and the packets' lengths."""
    head = track.setup[0]
    _check_opus_head(head)
    head = head[:10] + struct.pack("<HI", 0, OPUS_RATE_HZ) + head[16:]
    frames = [_opus_frames(packets.read(index, 2)) for index in range(len(track))]
    return _Stream((head, b"OpusTags" + struct.pack("<I7sI", 7, b"Tonearm", 0)), np.array(frames, np.int64))


def _check_opus_head(head: bytes) -> None:
    if len(head) < 19 or head[8] >> 4 or not head[9]:
        raise lie("This file's Opus header is damaged.", value=len(head), limit=19)
    # Without a table of channels there are one or two of them (RFC 7845 §5.1.1).
    if head[9] > 2 and head[18] == 0:
        raise lie(f"This file's Opus header speaks of {head[9]} channels.", value=head[9], limit=2)


def _opus_frames(start: bytes) -> int:
    """Samples at 48 kHz that an Opus packet decodes to, by its first two bytes (RFC 6716 §3.1 and §3.2)."""
    toc = start[0] if start else _OPUS_SILENCE_TOC
    mode = toc >> 3
    if mode < 12:
        length = (480, 960, 1920, 2880)[mode & 3]
    elif mode < 16:
        length = (480, 960)[mode & 1]
    else:
        length = (120, 240, 480, 960)[mode & 3]
    count = (1, 2, 2, start[1] & 63 if len(start) > 1 else 0)[toc & 3]
    # What no packet may be as long as becomes silence of one frame.
    return length * count if 0 < length * count <= _LONGEST_OPUS_PACKET else length


def opus_packet_is_sound(packet: bytes) -> bool:
    """Whether an Opus packet keeps the rules of RFC 6716 §3.4 about its frames' lengths."""
    if not packet:
        return False
    code, body = packet[0] & 3, packet[1:]
    if code == 0:
        return len(body) <= _LARGEST_OPUS_FRAME
    if code == 1:
        return len(body) % 2 == 0 and len(body) // 2 <= _LARGEST_OPUS_FRAME
    if code == 2:
        size, at = _opus_length(body, 0)
        return at > 0 and at + size <= len(body) and len(body) - at - size <= _LARGEST_OPUS_FRAME
    return _many_frames_are_sound(packet)


def _many_frames_are_sound(packet: bytes) -> bool:
    if len(packet) < 2:
        return False
    count, variable, at, end = packet[1] & 63, packet[1] & 0x80, 2, len(packet)
    if not count or _opus_frames(bytes([packet[0] & 0xFC])) * count > _LONGEST_OPUS_PACKET:
        return False
    if packet[1] & 0x40:
        more = 255
        while more == 255 and at < len(packet):
            more = packet[at]
            at += 1
            end -= min(more, 254)
    sizes = []
    for _ in range(count - 1 if variable else 0):
        size, after = _opus_length(packet, at)
        if not after:
            return False
        sizes.append(size)
        at = after
    room = end - at - sum(sizes)
    if variable:
        return 0 <= room <= _LARGEST_OPUS_FRAME
    return room >= 0 and room % count == 0 and room // count <= _LARGEST_OPUS_FRAME


def _opus_length(data: bytes, at: int) -> tuple[int, int]:
    """A frame's length in one or two bytes, and what follows it; 0 when it is not there."""
    if at >= len(data) or (data[at] >= 252 and at + 1 >= len(data)):
        return 0, 0
    return (data[at], at + 1) if data[at] < 252 else (4 * data[at + 1] + data[at], at + 2)


def _opus_silence(packet: bytes) -> bytes:
    """Frames of no bytes, which a decoder bridges, for as long as `_opus_frames` counts."""
    toc = packet[0] if packet else _OPUS_SILENCE_TOC
    one = bytes([toc & 0xFC])
    count = _opus_frames(packet[:2]) // _opus_frames(one)
    return one if count == 1 else bytes([toc | 3, count])


def opus_pre_skip(head: bytes) -> int:
    """Samples at 48 kHz of priming that an OpusHead asks to drop."""
    return int.from_bytes(head[10:12], "little")


def opus_rate(head: bytes) -> int:
    """The rate in Hz that an OpusHead says was recorded; 0 is unknown (RFC 7845 §5.1)."""
    return int.from_bytes(head[12:16], "little")


def _vorbis(packets: PacketFile, track: PacketTrack) -> _Stream:
    """The Vorbis headers, and how long each packet is: a quarter of its own block and of the one before."""
    identification, _, setup = track.setup
    if len(identification) < 30 or identification[:7] != b"\x01vorbis" or setup[:7] != b"\x05vorbis":
        raise lie("This file's Vorbis headers are damaged.", value=len(identification), limit=30)
    _check_vorbis_head(identification)
    blocks = 1 << (identification[28] & 15), 1 << (identification[28] >> 4)
    modes = _vorbis_modes(setup)
    mask = (1 << (len(modes) - 1).bit_length()) - 1
    sizes = np.empty(len(track), np.int64)
    for index in range(len(track)):
        first = packets.read(index, 1)
        mode = first[0] >> 1 & mask if first else 0
        sizes[index] = blocks[modes[mode]] if mode < len(modes) else blocks[0]
    frames = (sizes + np.append(-sizes[:1], sizes[:-1])) // 4
    frames[0] = 0
    comment = b"\x03vorbis" + struct.pack("<I7sI", 7, b"Tonearm", 0) + b"\x01"
    return _Stream((identification, comment, setup), frames)


def _vorbis_modes(setup: bytes) -> list[int]:
    """Which of the modes have the long block, read from the end of the setup header.

    The modes stand last, after tables whose length only a decoder knows. Each is a flag, two numbers of 16 bits that
    must be 0 and one of 8; before them stands their count less one in six bits. Going backwards, the right count is
    the largest that fits; the framing bit ends it all.
    """
    bits = int.from_bytes(setup, "little")
    end = bits.bit_length() - 1
    flags: list[int] = []
    found = 0
    while len(flags) < 64 and end - 41 >= 56:
        end -= 41
        if bits >> (end + 1) & 0xFFFFFFFF:
            break
        flags.append(bits >> end & 1)
        if (bits >> (end - 6) & 63) + 1 == len(flags):
            found = len(flags)
    if not found:
        raise lie("This file's Vorbis setup header is damaged.", value=len(setup), limit="a list of modes")
    return flags[:found][::-1]
