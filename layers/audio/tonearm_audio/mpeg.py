"""MPEG audio layer III framing: what an MP3 really holds, walked frame by frame, and the tag that makes one gapless.

A decoder believes the Xing tag of an MP3. Walking the frame headers costs some 20 ms for a 5-minute song and tells the
truth: how many frames there are, whatever the tag claims. Source: ISO/IEC 11172-3 §2.4.2.3 (header), the Xing and
LAME tag layouts as LAME writes them ("Mp3 Info Tag revision 1").
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_BITRATES_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_V1 = (44100, 48000, 32000)
_JUNK_LIMIT = 1 << 16
_WINDOW_BYTES = 1 << 18
_LONGEST_FRAME = 1441
"""Bytes of a padded frame of 320 kbit/s at 32 kHz, or of 160 kbit/s at 8 kHz."""
_TAG_BYTES = 156

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class FrameHeader:
    """One frame header: its length in bytes and what it decodes to."""

    sample_rate_hz: int
    channels: int
    samples: int
    size: int
    side_info: int
    has_crc: bool


@lru_cache(maxsize=1 << 10)  # a file has some ten different ones
def parse_header(word: bytes) -> FrameHeader | None:
    """Read four bytes as a layer III frame header; None when they are not one."""
    if len(word) < 4 or word[0] != 0xFF or word[1] & 0xE6 != 0xE2:
        return None
    version, bitrate_index, rate_index = (word[1] >> 3) & 3, word[2] >> 4, (word[2] >> 2) & 3
    # Bit rate 0 is "free format", whose frame length no header tells; 15 and rate 3 are forbidden, version 1 reserved.
    if version == 1 or bitrate_index in {0, 15} or rate_index == 3:
        return None
    mpeg1 = version == 3
    rate = _RATES_V1[rate_index] >> (0 if mpeg1 else 1 if version == 2 else 2)
    samples = 1152 if mpeg1 else 576
    bitrate = (_BITRATES_V1 if mpeg1 else _BITRATES_V2)[bitrate_index]
    size = samples * 125 * bitrate // rate + ((word[2] >> 1) & 1)
    mono = word[3] >> 6 == 3
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    return FrameHeader(rate, 1 if mono else 2, samples, size, side_info, has_crc=not word[1] & 1)


@dataclass(frozen=True)
class Mp3Scan:
    """What walking the frames of an MP3 found.

    Attributes:
        start: where in the file the first frame begins.
        header: the first frame's header.
        frames: whole audio frames present, the tag's own frame not counted.
        claimed_frames: audio frames that the Xing or Info tag claims, None without a tag.
        delay: encoder delay in samples from the tag, 0 without one.
        padding: samples of padding at the end from the tag, 0 without one.
        next_rate_hz: the sample rate of the frames that follow where the walk ended, None at the end of the sound.
    """

    start: int
    header: FrameHeader
    frames: int
    claimed_frames: int | None
    delay: int
    padding: int
    next_rate_hz: int | None = None

    @property
    def samples(self) -> int:
        """Samples a channel that a gapless decoder should make of the frames that are present."""
        return max(0, self.frames * self.header.samples - self.delay - self.padding)

    @property
    def claimed_samples(self) -> int | None:
        """Samples a channel that the tag promises, None without a tag."""
        if self.claimed_frames is None:
            return None
        return max(0, self.claimed_frames * self.header.samples - self.delay - self.padding)


def _read_at(file: BinaryIO, position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _id3_bytes(head: bytes) -> int:
    """How long a title tag (ID3v2) is that begins with these 10 bytes, 0 when none does."""
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    size = (head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | (head[9] & 127)
    return 10 + size + (10 if head[5] & 0x10 else 0)


def after_id3(file: BinaryIO) -> int:
    """Where the sound begins behind the title tags (ID3v2) at the start of a file."""
    position = 0
    while size := _id3_bytes(_read_at(file, position, 10)):
        position += size
    return position


@lru_cache(maxsize=1)
def _header_tables() -> tuple[IntArray, IntArray]:
    """Frame size and sample rate by the second and third byte of a header, 0 where they are none of one."""
    sizes, rates = np.zeros(1 << 16, np.int64), np.zeros(1 << 16, np.int64)
    for kind in range(1 << 16):
        if kind >> 8 & 0xE6 == 0xE2 and (header := parse_header(bytes((0xFF, kind >> 8, kind & 0xFF, 0)))):
            sizes[kind], rates[kind] = header.size, header.sample_rate_hz
    return sizes, rates


def _frame_starts(window: bytes, before: int, rate_hz: int | None) -> list[int]:
    """Where in a window, `before` a place in it, a frame begins that another one of its sample rate follows.

    Where a rate is expected, a frame of any other must have two followers: four bytes pass for a header easily.
    """
    data = np.frombuffer(window, np.uint8)
    sizes, rates = _header_tables()

    def kinds(at: IntArray) -> IntArray:
        inside = at + 4 <= len(data)
        at = np.where(inside, at, 0)
        return np.where(inside & (data[at] == 0xFF), data[at + 1].astype(np.int64) << 8 | data[at + 2], 0)

    if len(data) < 4:
        return []
    at = np.flatnonzero(data[:before] == 0xFF)
    kind = kinds(at)
    at, kind = at[rates[kind] > 0], kind[rates[kind] > 0]
    second = at + sizes[kind]
    second_kind = kinds(second)
    good = rates[second_kind] == rates[kind]
    if rate_hz is not None:
        third_kind = kinds(second + sizes[second_kind])
        good &= (rates[kind] == rate_hz) | (rates[third_kind] == rates[kind])
    return [int(place) for place in at[good]]


class _Resync:
    """Finds the next frame behind junk, however much there is: every byte of the file is looked at once at most.

    Args:
        file: opened binary.
        size_bytes: the length of the file.
        rate_hz: the sample rate of the song.
    """

    def __init__(self, file: BinaryIO, size_bytes: int, rate_hz: int) -> None:
        self._file = file
        self._size = size_bytes
        self._rate_hz = rate_hz
        self._starts: list[int] = []
        self._seen = 0

    def next(self, position: int) -> int:
        """Where the next frame starts, at a place or behind it, or the file ends; places asked for never go back."""
        while (index := bisect_left(self._starts, position)) == len(self._starts):
            begin = max(position, self._seen)
            window = _read_at(self._file, begin, _WINDOW_BYTES + 2 * _LONGEST_FRAME + 4)
            if not window:
                return self._size
            self._seen = begin + min(len(window), _WINDOW_BYTES)
            self._starts = [begin + start for start in _frame_starts(window, _WINDOW_BYTES, self._rate_hz)]
            if self._seen >= self._size:
                self._starts.append(self._size)
        return self._starts[index]


def scan(file: BinaryIO, size_bytes: int) -> Mp3Scan | None:
    """Walk every frame of an MP3; None when no two frames in a row are found where a decoder would look.

    Title tags and junk between frames are stepped over. A tag that holds frames itself is taken for junk: its size
    may lie.

    Args:
        file: opened binary.
        size_bytes: the length of the file.
    """
    begin = after_id3(file)
    starts = _frame_starts(_read_at(file, begin, _JUNK_LIMIT + _LONGEST_FRAME + 4), _JUNK_LIMIT, None)
    if not starts:
        return None
    start = begin + starts[0]
    first = parse_header(_read_at(file, start, 4))
    assert first is not None  # noqa: S101  (found just above)
    claimed, delay, padding, tagged = _read_tag(_read_at(file, start, first.size), first)
    position, frames = start + (first.size if tagged else 0), 0
    window, begin = b"", 0
    resync = _Resync(file, size_bytes, first.sample_rate_hz)
    while position + 4 <= size_bytes:
        if position + 10 > begin + len(window):
            window, begin = _read_at(file, position, _WINDOW_BYTES), position
        head = window[position - begin : position - begin + 10]
        header = parse_header(head[:4])
        if header is not None and header.sample_rate_hz == first.sample_rate_hz:
            position += header.size
            # A last frame that is cut off decodes to nothing.
            frames += position <= size_bytes
            continue
        found = resync.next(position)
        if header is not None and found == position:
            return Mp3Scan(start, first, frames, claimed, delay, padding, header.sample_rate_hz)
        tag = _id3_bytes(head)
        position = min(found, position + tag) if tag else found
    return Mp3Scan(start, first, frames, claimed, delay, padding)


def _read_tag(frame: bytes, header: FrameHeader) -> tuple[int | None, int, int, bool]:
    """The claimed audio frames, encoder delay and padding of a Xing/Info tag, and whether the frame is a tag at all."""
    at = 4 + header.side_info + (2 if header.has_crc else 0)
    if frame[at : at + 4] not in {b"Xing", b"Info"} and frame[at - 2 : at + 2] in {b"Xing", b"Info"}:
        at -= 2
    if frame[at : at + 4] not in {b"Xing", b"Info"} or len(frame) < at + 8:
        return None, 0, 0, False
    (flags,) = struct.unpack_from(">I", frame, at + 4)
    at += 8
    claimed = struct.unpack_from(">I", frame, at)[0] if flags & 1 and len(frame) >= at + 4 else None
    at += 4 * bool(flags & 1) + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
    if len(frame) < at + 24 or not frame[at]:
        return claimed, 0, 0, True
    packed = int.from_bytes(frame[at + 21 : at + 24])
    return claimed, packed >> 12, packed & 0xFFF, True


def split_frames(stream: bytes) -> list[bytes]:
    """Cut what an encoder wrote, frame behind frame, into its frames.

    Raises:
        ValueError: there is something else between them.
    """
    frames, position = [], 0
    while position < len(stream):
        header = parse_header(stream[position : position + 4])
        if header is None:
            raise ValueError(f"no frame begins at byte {position}")
        frames.append(stream[position : position + header.size])
        position += header.size
    return frames


def info_tag(first_frame: bytes, *, sizes: Sequence[int], delay: int, padding: int, variable: bool) -> bytes:
    """Make the frame that goes before a stream: players drop delay and padding by it, and find their place.

    The checksum of the music is left 0 ("not given"): players read past it, and computing it costs a second a song.

    Args:
        first_frame: the stream's first frame, whose header the tag's frame takes over.
        sizes: bytes of each audio frame in the stream.
        delay: encoder delay in samples, 0 to 4095.
        padding: samples added at the end, 0 to 4095.
        variable: whether the bit rate varies, which the tag's name says: Xing, or Info where it is constant.
    """
    head, header = _tag_header(first_frame)
    total = sum(sizes) + header.size
    name = b"Xing" if variable else b"Info"
    body = head + bytes(header.side_info)
    body += struct.pack(">4sIII100sI", name, 0xF, len(sizes), total, _toc(sizes, header.size), 50)
    body += struct.pack(
        ">9sBBfHHBB3sBBHIH",
        b"LAME3.100",
        0x04 if variable else 0x01,  # tag revision 0; the method: variable (mtrh) or constant bit rate
        200,  # low pass in units of 100 Hz
        0.0,  # peak, not measured
        0,
        0,  # replay gain, not measured
        0x00,
        255,  # the tag's way to say "255 kbit/s or more"; informative only
        (delay << 12 | padding).to_bytes(3),
        0x00,
        0x00,
        0,
        total,
        0,
    )
    return (body + crc16(body).to_bytes(2)).ljust(header.size, b"\0")


def _toc(sizes: Sequence[int], tag_bytes: int) -> bytes:
    """Where each hundredth of the song begins, in 256ths of the bytes."""
    # Part by part: all sums at once, of hours, would be most of the memory that a render takes beyond a song's.
    edges = [part * len(sizes) // 100 for part in range(101)]
    starts = list(accumulate((sum(sizes[begin:end]) for begin, end in pairwise(edges)), initial=tag_bytes))
    return bytes(min(start * 256 // starts[-1], 255) for start in starts[:-1])


def frame_count_tag(first_frame: bytes, frames: int) -> bytes:
    """Make a Xing tag frame that says how many frames follow, and nothing else."""
    head, header = _tag_header(first_frame)
    body = head + bytes(header.side_info) + struct.pack(">4sII", b"Xing", 1, frames)
    return body.ljust(header.size, b"\0")


def _tag_header(first_frame: bytes) -> tuple[bytes, FrameHeader]:
    """The stream's own header without CRC and padding, at the lowest bit rate from its own up that holds the tag."""
    for bitrate_index in range(first_frame[2] >> 4, 15):
        head = bytes([first_frame[0], first_frame[1] | 1, bitrate_index << 4 | first_frame[2] & 0x0D, first_frame[3]])
        header = parse_header(head)
        if header and header.size >= 4 + header.side_info + _TAG_BYTES:
            return head, header
    raise ValueError("the stream does not begin with a layer III frame that can carry a tag")


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(data: bytes, value: int = 0) -> int:
    """CRC-16 (polynomial 0x8005 reflected) as the LAME tag uses it."""
    for byte in data:
        value = value >> 8 ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return value
