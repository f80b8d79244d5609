"""ISO base media files (MP4, M4A, MOV, fragmented MP4): from boxes to packets.

Only what leads to the packets of one audio track is read, along a fixed path and never recursively, and every size and
count is held against the file first. Sources: ISO/IEC 14496-12 (boxes), 14496-14 and 14496-3 (AAC in them), the
Opus-in-ISOBMFF encapsulation, Apple's QuickTime File Format and its iTunSMPB comment.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import BinaryIO, NamedTuple

import numpy as np

from tonearm_audio.errors import AudioError
from tonearm_audio.packets import (
    MOST_PACKETS,
    Integers,
    PacketCodec,
    PacketTrack,
    checked,
    codec_unsupported,
    lie,
    no_audio,
    too_many_packets,
)

_KIND = "MP4"
_MOST_BOXES = 1 << 20
_MOST_TRACKS = 100
_MOST_DESCRIPTION_BYTES = 1 << 16
_FARTHEST = 1 << 62
_AAC_OBJECT_TYPES = {1, 2, 4, 5, 29}
"""Main, LC, LTP, and the two extensions of HE-AAC."""
_NAMES = {
    "samr": "AMR",
    "sawb": "AMR-WB",
    "ac-3": "AC-3",
    "ec-3": "E-AC-3",
    "ac-4": "AC-4",
    "dtsc": "DTS",
    "fLaC": "FLAC",
    ".mp3": "MP3",
    "enca": "encrypted",
    "drms": "encrypted",
    "lpcm": "PCM",
    "sowt": "PCM",
    "twos": "PCM",
    "in24": "PCM",
    "fl32": "PCM",
    "ulaw": "µ-law",
    "alaw": "A-law",
    "ima4": "IMA ADPCM",
    "mha1": "MPEG-H",
    "mhm1": "MPEG-H",
}
_MPEG4_NAMES = {0x69: "MP3", 0x6B: "MP3", 0xA5: "AC-3", 0xA6: "E-AC-3", 0xA9: "DTS", 0xDD: "Vorbis", 0xE1: "QCELP"}


class Box(NamedTuple):
    """One box: its four letters, where it, its body and what follows it begin, and whether the file ends before."""

    kind: bytes
    start: int
    body: int
    end: int
    cut: bool


@dataclass
class _Track:
    """What the movie header says of one track, and what its fragments add."""

    track_id: int = 0
    handler: bytes = b""
    timescale: int = 0
    codec: PacketCodec | None = None
    codec_name: str = ""
    setup: bytes = b""
    edit: tuple[int, int] | None = None
    offsets: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    most_packets: int = MOST_PACKETS
    packets: int = 0
    ticks: int = 0
    durations: Counter[int] = field(default_factory=Counter)
    last_duration: int = 0
    default_duration: int = 0
    default_size: int = 0

    def claim(self, count: int) -> None:
        """Count packets that a table speaks of, before anything is made of them."""
        self.packets += count
        if self.packets > self.most_packets:
            raise too_many_packets(self.packets, self.most_packets)

    def add_durations(self, counts: Iterable[int], ticks: Iterable[int]) -> None:
        """Count packets by their length; the last one may be shorter, which is how padding is told."""
        for count, length in zip(counts, ticks, strict=True):
            if count:
                self.durations[length] += count
                self.ticks += count * length
                self.last_duration = length


def demux(file: BinaryIO, size: int) -> PacketTrack:
    """Find the first audio track that can be decoded.

    Args:
        file: opened binary.
        size: the length of the file in bytes.

    Raises:
        AudioError: `track.no_audio`, `track.codec_unsupported`, `track.truncated`, `track.header_lies` or
            `track.too_short`.
    """
    tracks: list[_Track] = []
    chosen: _Track | None = None
    movie_timescale, gapless, movie, fragment = 0, None, False, 0
    for box in _boxes(file, 0, size):
        if box.kind in {b"moov", b"moof"} and box.cut:
            raise _truncated(box, size)
        if box.kind == b"moov" and not movie:
            movie = True
            tracks, movie_timescale, gapless = _read_movie(file, box, most_packets=min(size, MOST_PACKETS))
            chosen = next((track for track in tracks if track.codec), None)
        elif box.kind == b"moof":
            fragment = _read_fragment(file, box, chosen, after=fragment)
    if not movie:
        raise AudioError(
            "track.truncated",
            "This MP4 file has no table of contents (moov), which is written last: the recording or the transfer ended"
            " before it was complete.",
            value=0,
            limit=1,
            mend="Use the complete file, or let the recorder finish and save it again.",
        )
    heard = [track for track in tracks if track.handler == b"soun"]
    if not heard:
        raise no_audio(_KIND)
    if chosen is None or chosen.codec is None:
        raise codec_unsupported(_KIND, heard[0].codec_name)
    return checked(_trimmed(chosen, chosen.codec, movie_timescale, gapless), size)


def _truncated(box: Box, size: int) -> AudioError:
    name = box.kind.decode("latin-1")
    return AudioError(
        "track.truncated",
        f"This MP4 file ends at {size} bytes, inside its {name} box.",
        value=size,
        limit=name,
        mend="The transfer or the recording was cut off. Use the complete file.",
    )


def _trimmed(
    track: _Track, codec: PacketCodec, movie_timescale: int, gapless: tuple[int, int, int] | None
) -> PacketTrack:
    """Turn the edit list, the last packet's length and the gapless comment into trims at both ends.

    The edit list counts in ticks of the movie, which may be as coarse as 1/600 s: where it ends within one such tick of
    the packets' own end, the packets, which are exact, decide.
    """
    start, end = 0, 0
    if track.durations:
        usual = track.durations.most_common(1)[0][0]
        # Packets all decode to the same length; one that is written down as shorter holds padding.
        end = max(0, usual - track.last_duration) if codec != "alac" else 0
    if track.edit is not None:
        start, length = track.edit
        if length and movie_timescale:
            tick = -(-track.timescale // movie_timescale)
            spare = track.ticks - start - length * track.timescale // movie_timescale
            end += spare if spare > tick else 0
    if gapless is not None and gapless[0] + gapless[2] <= track.ticks and (start in {0, gapless[0]}):
        usual_total = sum(track.durations.values()) * (track.durations.most_common(1)[0][0] if track.durations else 0)
        if sum(gapless) == usual_total:
            start, end = gapless[0], gapless[1]
    return PacketTrack(
        codec=codec,
        setup=(track.setup,),
        offsets=np.array(track.offsets, np.int64),
        sizes=np.array(track.sizes, np.int64),
        timescale=track.timescale,
        trim_start=start,
        trim_end=end,
    )


# --- boxes


def _read(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    data = file.read(count)
    if len(data) < count:
        raise lie("This MP4 file ends in the middle of its tables.", value=len(data), limit=count)
    return data


def _boxes(file: BinaryIO, position: int, end: int) -> Iterator[Box]:
    """Walk the boxes between two places; each step goes forward by at least a head, so the walk ends."""
    for _ in range(_MOST_BOXES):
        if position + 8 > end:
            return
        size, kind = struct.unpack(">I4s", _read(file, position, 8))
        head = 8
        if size == 1:
            if position + 16 > end:
                return
            size, head = int.from_bytes(_read(file, position + 8, 8)), 16
        elif size == 0:
            size = end - position
        if size < head:
            raise lie(
                f"This MP4 file holds a box of {size} bytes, which is less than its own head.", value=size, limit=head
            )
        yield Box(kind, position, position + head, min(position + size, end), cut=position + size > end)
        position += size
    raise lie(f"This MP4 file holds more than {_MOST_BOXES} boxes.", value=_MOST_BOXES, limit=_MOST_BOXES)


def _find(file: BinaryIO, parent: Box, *path: bytes) -> Box | None:
    """The first box along a path of kinds."""
    found = parent
    for kind in path:
        child = next((box for box in _boxes(file, found.body, found.end) if box.kind == kind), None)
        if child is None:
            return None
        found = child
    return found


def _table(
    file: BinaryIO, box: Box, at: int, count: int, dtype: str, *, columns: int = 1
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Read a table of `count` rows, flat; a count that the box cannot hold is a lie, told before anything is read."""
    if count > MOST_PACKETS:
        raise too_many_packets(count)
    kind = np.dtype(dtype)
    count *= columns
    room = max(0, box.end - box.body - at) // kind.itemsize
    if count > room:
        raise lie(
            f"This MP4 file's {box.kind.decode('latin-1')} table says that it has {count} entries, but there is room"
            f" for {room}.",
            value=count,
            limit=room,
        )
    raw = np.frombuffer(_read(file, box.body + at, count * kind.itemsize), kind)
    if kind.itemsize == 8 and count and int(raw.max()) >= _FARTHEST:
        raise lie("This MP4 file speaks of bytes that no file has.", value=int(raw.max()), limit=_FARTHEST)
    return raw.astype(np.int64)


def _head(file: BinaryIO, box: Box, count: int) -> bytes:
    """The first bytes of a box's body."""
    if box.end - box.body < count:
        raise lie(
            f"This MP4 file's {box.kind.decode('latin-1')} box is cut short.", value=box.end - box.body, limit=count
        )
    return _read(file, box.body, count)


# --- the movie header


def _read_movie(
    file: BinaryIO, movie: Box, *, most_packets: int
) -> tuple[list[_Track], int, tuple[int, int, int] | None]:
    tracks: list[_Track] = []
    timescale, gapless = 0, None
    defaults: dict[int, tuple[int, int]] = {}
    for box in _boxes(file, movie.body, movie.end):
        if box.kind == b"mvhd":
            timescale = _timescale(file, box)
        elif box.kind == b"trak":
            if len(tracks) == _MOST_TRACKS:
                raise lie(
                    f"This MP4 file holds more than {_MOST_TRACKS} tracks.", value=_MOST_TRACKS + 1, limit=_MOST_TRACKS
                )
            found = any(track.codec for track in tracks)
            tracks.append(_read_track(file, box, most_packets=0 if found else most_packets))
        elif box.kind == b"mvex":
            for extends in _boxes(file, box.body, box.end):
                if extends.kind == b"trex":
                    track_id, _, duration, size = struct.unpack(">4x4I", _head(file, extends, 20))
                    defaults[track_id] = duration, size
        elif box.kind == b"udta":
            gapless = _read_gapless(file, box)
    for track in tracks:
        track.default_duration, track.default_size = defaults.get(track.track_id, (0, 0))
    return tracks, timescale, gapless


def _timescale(file: BinaryIO, box: Box) -> int:
    """The ticks a second of an mvhd or mdhd box, which stand after two dates."""
    at = 20 if _head(file, box, 1)[0] == 1 else 12
    return int.from_bytes(_head(file, box, at + 4)[at:])


def _read_track(file: BinaryIO, box: Box, *, most_packets: int) -> _Track:
    """What a trak box says; its tables only where its packets are wanted and can be decoded."""
    track = _Track(most_packets=most_packets)
    if (header := _find(file, box, b"tkhd")) is not None:
        at = 20 if _head(file, header, 1)[0] == 1 else 12
        track.track_id = int.from_bytes(_head(file, header, at + 4)[at:])
    if (handler := _find(file, box, b"mdia", b"hdlr")) is not None:
        track.handler = _head(file, handler, 12)[8:]
    if track.handler != b"soun" or not most_packets:
        return track
    clock = _find(file, box, b"mdia", b"mdhd")
    table = _find(file, box, b"mdia", b"minf", b"stbl")
    if clock is None or table is None:
        raise lie("This MP4 file has an audio track without tables.", value=0, limit=1)
    track.timescale = _timescale(file, clock)
    if not track.timescale:
        raise lie("This MP4 file's audio track has 0 ticks a second.", value=0, limit=1)
    if (edits := _find(file, box, b"edts", b"elst")) is not None:
        track.edit = _read_edits(file, edits)
    found = {inner.kind: inner for inner in _boxes(file, table.body, table.end)}
    if b"stsd" in found:
        _read_description(file, found[b"stsd"], track)
    if track.codec:
        _read_tables(file, found, track)
    return track


def _read_edits(file: BinaryIO, box: Box) -> tuple[int, int] | None:
    """Where in the media the sound begins, and how many ticks of the movie it lasts (0: to the end)."""
    version, count = struct.unpack(">B3xI", _head(file, box, 8))
    entry = ">QqI" if version == 1 else ">IiI"
    size = struct.calcsize(entry)
    if count > (box.end - box.body - 8) // size:
        raise lie("This MP4 file's edit list is longer than its box.", value=count, limit=box.end - box.body)
    edits = []
    for index in range(min(count, 1000)):
        length, media_time, _ = struct.unpack(entry, _read(file, box.body + 8 + index * size, size))
        # An edit of media time -1 is a wait before the sound; alone, without its picture, a song need not wait.
        if media_time >= 0:
            edits.append((media_time, length))
    if len(edits) > 1:
        raise AudioError(
            "track.unreadable",
            f"This MP4 file was cut into {len(edits)} pieces by an edit list; one is read.",
            value=len(edits),
            limit=1,
            mend="Export it again from the program that edited it, so that the edits are made real.",
        )
    return edits[0] if edits else None


def _read_gapless(file: BinaryIO, user_data: Box) -> tuple[int, int, int] | None:
    """Priming, padding and length in samples from iTunes's gapless comment."""
    for item in _items(file, user_data):
        if item.kind != b"----" or item.end - item.body > 1024:
            continue
        text = _read(file, item.body, item.end - item.body)
        at = text.find(b"data")
        if b"iTunSMPB" in text and at >= 0:
            words = text[at + 12 :].split()
            try:
                priming, padding, length = (int(word, 16) for word in words[1:4])
            except ValueError:
                return None
            return (priming, padding, length) if min(priming, padding, length) >= 0 else None
    return None


def _items(file: BinaryIO, user_data: Box) -> Iterator[Box]:
    """The entries of iTunes's list."""
    meta = _find(file, user_data, b"meta")
    listed = _find(file, meta._replace(body=meta.body + 4), b"ilst") if meta else None
    return _boxes(file, listed.body, listed.end) if listed else iter(())


def items(file: BinaryIO, size: int, *, largest: int) -> Iterator[tuple[bytes, int, bytes]]:
    """The entries of iTunes's list: kind, type of the data (0 binary, 1 text, 13 JPEG, 14 PNG) and data.

    Args:
        file: opened binary.
        size: the length of the file in bytes.
        largest: bytes of the largest entry that is read.

    Raises:
        AudioError: `track.header_lies`.
    """
    user_data = _find(file, Box(b"", 0, 0, size, cut=False), b"moov", b"udta")
    for item in _items(file, user_data) if user_data else ():
        data = _find(file, item, b"data")
        if data is not None and 8 <= data.end - data.body <= largest + 8:
            raw = _read(file, data.body, data.end - data.body)
            yield item.kind, int.from_bytes(raw[1:4]), raw[8:]


# --- the sample description


def _read_description(file: BinaryIO, box: Box, track: _Track) -> None:
    size = box.end - box.body
    if size < 16 or size > _MOST_DESCRIPTION_BYTES:
        raise lie(
            f"This MP4 file's sample description is {size} bytes long.", value=size, limit=_MOST_DESCRIPTION_BYTES
        )
    # The first description counts; a second one would be another codec in the middle of a song.
    entry = next(_boxes(file, box.body + 8, box.end), None)
    if entry is None or entry.end - entry.body < 28:
        raise lie("This MP4 file's sample description is cut short.", value=size, limit=44)
    kind = entry.kind.decode("latin-1")
    track.codec_name = _NAMES.get(kind, f"{kind.strip()!r}" if kind.isprintable() else "of an unknown kind")
    (version,) = struct.unpack(">H", _read(file, entry.body + 8, 2))
    # QuickTime's versions 1 and 2 put further fields before the boxes, and a "wave" box around them.
    extra = {1: 16, 2: 36}.get(version, 0)
    inner = entry._replace(body=entry.body + 28 + extra)
    if (wave := _find(file, inner, b"wave")) is not None:
        inner = wave
    if kind == "mp4a" and (descriptor := _find(file, inner, b"esds")) is not None:
        _read_mpeg4(_read(file, descriptor.body + 4, max(0, descriptor.end - descriptor.body - 4)), track)
    elif kind == "alac" and (cookie := _find(file, inner, b"alac")) is not None:
        track.codec, track.codec_name = "alac", "ALAC"
        track.setup = _head(file, cookie, 28)[4:]
    elif kind == "Opus" and (head := _find(file, inner, b"dOps")) is not None:
        track.codec, track.codec_name = "opus", "Opus"
        track.setup = _opus_head(_read(file, head.body, head.end - head.body))


def _opus_head(box: bytes) -> bytes:
    """The OpusHead of RFC 7845 from a dOps box, which holds the same fields the other way round."""
    if len(box) < 11:
        raise lie("This MP4 file's Opus header is cut short.", value=len(box), limit=11)
    _, channels, skip, rate, gain, family = struct.unpack(">BBHIhB", box[:11])
    return b"OpusHead" + struct.pack("<BBHIhB", 1, channels, skip, rate, gain, family) + box[11:]


def _read_mpeg4(data: bytes, track: _Track) -> None:
    """The object type and the AudioSpecificConfig within the nested descriptors of an esds box."""
    tag, body = _descriptor(data)
    if tag == 3 and len(body) >= 3:
        flags = body[2]
        skip = 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
        if flags & 0x40 and len(body) > skip:
            skip += 1 + body[skip]
        tag, body = _descriptor(body[skip:])
    if tag != 4 or len(body) < 13:
        raise lie("This MP4 file's AAC description is damaged.", value=len(data), limit="an MPEG-4 descriptor")
    object_type = body[0]
    tag, config = _descriptor(body[13:])
    if object_type not in {0x40, 0x66, 0x67, 0x68}:
        track.codec_name = _MPEG4_NAMES.get(object_type, f"MPEG-4 object type 0x{object_type:02X}")
        return
    if tag != 5 or len(config) < 2:
        raise lie("This MP4 file's AAC description is damaged.", value=len(config), limit=2)
    object_type, readable = aac_object(config)
    track.codec_name = "AAC" if readable else f"AAC of object type {object_type}"
    if readable:
        track.codec, track.setup = "aac", config


def aac_object(config: bytes) -> tuple[int, bool]:
    """The object type of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), and whether it can be decoded."""
    object_type = config[0] >> 3
    if object_type == 31:
        object_type = 32 + ((config[0] & 7) << 3 | config[1] >> 5)
    return object_type, object_type in _AAC_OBJECT_TYPES


def _descriptor(data: bytes) -> tuple[int, bytes]:
    """A descriptor's tag and body; its length stands in up to four groups of seven bits."""
    length = 0
    for at in range(1, min(5, len(data))):
        length = length << 7 | data[at] & 0x7F
        if not data[at] & 0x80:
            return data[0], data[at + 1 : at + 1 + length]
    return 0, b""


# --- the sample tables


def _read_tables(file: BinaryIO, found: dict[bytes, Box], track: _Track) -> None:
    if b"stsz" not in found and b"stz2" not in found:
        return
    sizes = _read_sizes(file, found, track)
    if not len(sizes):
        return
    if b"stsc" not in found or not ({b"stco", b"co64"} & found.keys()):
        raise lie("This MP4 file does not say where its packets are.", value=0, limit=1)
    place = found.get(b"stco") or found[b"co64"]
    (count,) = struct.unpack(">4xI", _head(file, place, 8))
    chunks = _table(file, place, 8, count, ">u4" if place.kind == b"stco" else ">u8")
    track.offsets.frombytes(_sample_offsets(file, found[b"stsc"], chunks, sizes).tobytes())
    track.sizes.frombytes(sizes.tobytes())
    if b"stts" in found:
        (count,) = struct.unpack(">4xI", _head(file, found[b"stts"], 8))
        times = _table(file, found[b"stts"], 8, count, ">u4", columns=2).reshape(-1, 2)
        if int(times[:, 0].sum()) > MOST_PACKETS:
            raise too_many_packets(int(times[:, 0].sum()))
        times = times[times[:, 0] > 0]
        if len(times) > track.packets:
            raise lie(
                f"This MP4 file says {len(times)} times how long its {track.packets} packets last.",
                value=len(times),
                limit=track.packets,
            )
        track.add_durations(times[:, 0].tolist(), times[:, 1].tolist())


def _read_sizes(file: BinaryIO, found: dict[bytes, Box], track: _Track) -> Integers:
    if b"stsz" in found:
        box = found[b"stsz"]
        constant, count = struct.unpack(">4xII", _head(file, box, 12))
        track.claim(count)
        return np.full(count, constant, np.int64) if constant else _table(file, box, 12, count, ">u4")
    box = found[b"stz2"]
    bits, count = struct.unpack(">7xBI", _head(file, box, 12))
    track.claim(count)
    if bits in {8, 16}:
        return _table(file, box, 12, count, f">u{bits // 8}")
    if bits != 4:
        raise lie(f"This MP4 file writes packet sizes in {bits} bits.", value=bits, limit="4, 8 or 16")
    packed = _table(file, box, 12, (count + 1) // 2, ">u1")
    sizes: Integers = np.stack([packed >> 4, packed & 15], axis=1).ravel()[:count]
    return sizes


def _sample_offsets(file: BinaryIO, box: Box, chunks: Integers, sizes: Integers) -> Integers:
    """Where each packet begins: in chunks, of which a run-length table says how many packets each holds."""
    (count,) = struct.unpack(">4xI", _head(file, box, 8))
    runs = _table(file, box, 8, count, ">u4", columns=3).reshape(-1, 3)
    first = runs[:, 0] - 1
    steps = np.diff(np.append(first, len(chunks)))
    if not len(runs) or first[0] != 0 or int(steps.min()) < 0:
        raise lie("This MP4 file's table of chunks is out of order.", value=count, limit=len(chunks))
    # At most as many packets as there are, however many the table promises.
    ends = np.minimum(np.cumsum(np.repeat(np.minimum(runs[:, 1], len(sizes)), steps)), len(sizes))
    if not len(ends) or int(ends[-1]) < len(sizes):
        raise lie(
            f"This MP4 file says where {int(ends[-1]) if len(ends) else 0} packets are, of {len(sizes)}.",
            value=int(ends[-1]) if len(ends) else 0,
            limit=len(sizes),
        )
    starts = np.append(0, ends[:-1])
    before = np.cumsum(sizes) - sizes
    held = ends - starts
    base = chunks - np.append(before, before[-1])[starts]
    offsets: Integers = np.repeat(base, held) + before
    return offsets


# --- fragments


def _read_fragment(file: BinaryIO, fragment: Box, track: _Track | None, *, after: int) -> int:
    """Take what a fragment adds to the track, and return its number; numbers go up by one."""
    header = _find(file, fragment, b"mfhd")
    number = int.from_bytes(_head(file, header, 8)[4:]) if header is not None else 0
    if after and number > after + 1:
        raise lie(f"This MP4 file's fragments {after + 1} to {number - 1} are missing.", value=number, limit=after + 1)
    for traf in _boxes(file, fragment.body, fragment.end):
        if traf.kind != b"traf":
            continue
        header = _find(file, traf, b"tfhd")
        if header is None:
            raise lie("This MP4 file has a fragment that belongs to no track.", value=0, limit=1)
        flags, track_id = struct.unpack(">II", _head(file, header, 8))
        if track is None or track.track_id != track_id:
            continue
        fields = [(0x01, ">Q"), (0x02, ">I"), (0x08, ">I"), (0x10, ">I"), (0x20, ">I")]
        at, values = 8, {}
        for flag, kind in fields:
            if flags & flag:
                size = struct.calcsize(kind)
                values[flag] = struct.unpack(kind, _head(file, header, at + size)[at:])[0]
                at += size
        base = values.get(0x01, fragment.start)
        if base >= _FARTHEST:
            raise lie("This MP4 file speaks of bytes that no file has.", value=base, limit=_FARTHEST)
        duration = values.get(0x08, track.default_duration)
        size = values.get(0x10, track.default_size)
        following = base
        for run in _boxes(file, traf.body, traf.end):
            if run.kind == b"trun":
                following = _read_run(file, run, track, base=base, following=following, defaults=(duration, size))
    return number


def _read_run(file: BinaryIO, box: Box, track: _Track, *, base: int, following: int, defaults: tuple[int, int]) -> int:
    """Take one run of packets that lie behind each other, and return where it ends."""
    flags, count = struct.unpack(">II", _head(file, box, 8))
    at, position = 8, following
    if flags & 0x01:
        (offset,) = struct.unpack(">i", _head(file, box, at + 4)[at:])
        position, at = base + offset, at + 4
    at += 4 if flags & 0x04 else 0
    columns = [name for flag, name in ((0x100, "d"), (0x200, "s"), (0x400, "f"), (0x800, "c")) if flags & flag]
    track.claim(count)
    if not count:
        return position
    # Runs may be of one packet each, for which numpy's own cost would be most of the work.
    entries = _unsigned(_head(file, box, at + 4 * count * len(columns))[at:])
    sizes = entries[columns.index("s") :: len(columns)] if "s" in columns else array("I", [defaults[1]]) * count
    if "d" in columns:
        lengths = entries[columns.index("d") :: len(columns)]
        usual = Counter(lengths[:-1])
        track.add_durations(usual.values(), usual.keys())
        track.add_durations([1], lengths[-1:])
    else:
        track.add_durations([count], [defaults[0]])
    places: array[int] = array("q", accumulate(sizes, initial=position))
    end = places.pop()
    track.offsets.extend(places)
    track.sizes.extend(array("q", sizes))
    return end


def _unsigned(raw: bytes) -> array[int]:
    """Numbers of four bytes, the highest first."""
    numbers = array("I", raw)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
