"""Reading tags from every container that the engine reads but Matroska, within bounds, so that no tag can do harm.

A tag that is damaged, too large or encrypted reads as far as it makes sense and is absent beyond. Sources: ID3v2.2,
2.3.0 and 2.4.0 (id3.org), ID3v1.1, the Vorbis comment specification, RFC 9639 §8.8 (pictures), RFC 7845 §5.2
(OpusTags), Apple's QuickTime File Format and what iTunes writes (`ilst`), the RIFF INFO list and EA IFF 85 (AIFF).
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tonearm_audio import mp4
from tonearm_audio.errors import AudioError
from tonearm_audio.tags import FRONT_COVER, LARGEST_COVER_BYTES, MOST_TAG_BYTES, MOST_TEXT_BYTES, Cover, Name, Tags

_MOST_ENTRIES = 4096
"""Frames, comments, chunks or pages of one tag that are looked at."""
_MOST_READ_BYTES = 2 * MOST_TAG_BYTES
"""What is read of all chunks or blocks of one file together."""
_SEVERAL: set[Name] = {"artist", "album_artist", "genre"}
_ID3: dict[bytes, Name] = {
    b"TIT2": "title",
    b"TPE1": "artist",
    b"TALB": "album",
    b"TPE2": "album_artist",
    b"TDRC": "date",
    b"TYER": "date",
    b"TCON": "genre",
    b"TRCK": "track",
    b"COMM": "comment",
    b"USLT": "lyrics",
    b"TT2": "title",
    b"TP1": "artist",
    b"TAL": "album",
    b"TP2": "album_artist",
    b"TYE": "date",
    b"TCO": "genre",
    b"TRK": "track",
    b"COM": "comment",
    b"ULT": "lyrics",
}
_VORBIS: dict[str, Name] = {
    "TITLE": "title",
    "ARTIST": "artist",
    "ALBUM": "album",
    "ALBUMARTIST": "album_artist",
    "ALBUM ARTIST": "album_artist",
    "DATE": "date",
    "YEAR": "date",
    "GENRE": "genre",
    "COMMENT": "comment",
    "DESCRIPTION": "comment",
    "LYRICS": "lyrics",
    "UNSYNCEDLYRICS": "lyrics",
}
_NUMBERS = {"TRACKNUMBER": 0, "TRACKTOTAL": 1, "TOTALTRACKS": 1}
_MP4: dict[bytes, Name] = {
    b"\xa9nam": "title",
    b"\xa9ART": "artist",
    b"\xa9alb": "album",
    b"aART": "album_artist",
    b"\xa9day": "date",
    b"\xa9gen": "genre",
    b"\xa9cmt": "comment",
    b"\xa9lyr": "lyrics",
}
_CHUNKS: dict[bytes, Name] = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ICRD": "date",
    b"IGNR": "genre",
    b"ITRK": "track",
    b"IPRT": "track",
    b"ICMT": "comment",
    b"NAME": "title",
    b"AUTH": "artist",
    b"ANNO": "comment",
}
# fmt: off
_GENRES = (
    "Blues", "Classic Rock", "Country", "Dance", "Disco", "Funk", "Grunge", "Hip-Hop", "Jazz", "Metal", "New Age",
    "Oldies", "Other", "Pop", "R&B", "Rap", "Reggae", "Rock", "Techno", "Industrial", "Alternative", "Ska",
    "Death Metal", "Pranks", "Soundtrack", "Euro-Techno", "Ambient", "Trip-Hop", "Vocal", "Jazz+Funk", "Fusion",
    "Trance", "Classical", "Instrumental", "Acid", "House", "Game", "Sound Clip", "Gospel", "Noise",
    "Alternative Rock", "Bass", "Soul", "Punk", "Space", "Meditative", "Instrumental Pop", "Instrumental Rock",
    "Ethnic", "Gothic", "Darkwave", "Techno-Industrial", "Electronic", "Pop-Folk", "Eurodance", "Dream",
    "Southern Rock", "Comedy", "Cult", "Gangsta", "Top 40", "Christian Rap", "Pop/Funk", "Jungle", "Native US",
    "Cabaret", "New Wave", "Psychadelic", "Rave", "Showtunes", "Trailer", "Lo-Fi", "Tribal", "Acid Punk", "Acid Jazz",
    "Polka", "Retro", "Musical", "Rock & Roll", "Hard Rock",
)
# fmt: on
"""ID3v1's own eighty."""


class _Found:
    """What has been found of a song so far; of each name the first counts, of artists and genres all."""

    def __init__(self) -> None:
        self._texts: dict[Name, list[str]] = {}
        self._room = MOST_TEXT_BYTES
        self._cover: Cover | None = None
        self._is_front = False

    def add(self, name: Name, *texts: str) -> None:
        held = self._texts.setdefault(name, [])
        for text in texts[: 16 if name in _SEVERAL else 1]:
            cost = len(text.encode(errors="replace")) + 2
            if text and text not in held and (not held or (name in _SEVERAL and len(held) < 16)) and cost <= self._room:
                self._room -= cost
                held.append(text)

    def add_cover(self, data: bytes, *, front: bool) -> None:
        if self._cover is not None and (self._is_front or not front):
            return
        try:
            self._cover, self._is_front = Cover(data), front
        except ValueError:
            return

    def add_all(self, other: Tags) -> None:
        """Take what another tag of the same file has beyond this one."""
        for name, text in other.texts().items():
            if not self._texts.get(name):
                self.add(name, text)
        if other.cover:
            self.add_cover(other.cover.data, front=False)

    def tags(self) -> Tags:
        joined = {name: "; ".join(texts) for name, texts in self._texts.items()}
        return Tags(
            **{str(name): text.encode(errors="replace").decode() for name, text in joined.items()}, cover=self._cover
        )


def read_tags(path: Path) -> Tags:
    """Read what a file says about its song; empty when it says nothing, or nothing that makes sense.

    Args:
        path: a file of any kind.

    Raises:
        OSError: it cannot be read.

    Example:
        >>> read_tags(Path("song.mp3")).title
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        found = _Found()
        try:
            if head[:4] == b"fLaC":
                _read_flac(file, found)
            elif head[:4] == b"OggS":
                _read_ogg(file, found)
            elif head[:4] in {b"RIFF", b"RF64"} and head[8:] == b"WAVE":
                _read_chunks(file, size, found, "<")
            elif head[:4] == b"FORM" and head[8:11] == b"AIF":
                _read_chunks(file, size, found, ">")
            elif head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"styp"}:
                _read_mp4(file, size, found)
            else:
                _read_id3v2(file, 0, found)
                _read_id3v1(file, size, found)
        except (ValueError, struct.error, IndexError, AudioError):
            # Damaged from here on.
            return found.tags()
        return found.tags()


# --- ID3


def _syncsafe(data: bytes) -> int:
    return (data[0] & 127) << 21 | (data[1] & 127) << 14 | (data[2] & 127) << 7 | data[3] & 127


def _read_id3v2(file: BinaryIO, start: int, found: _Found, *, most: int = MOST_TAG_BYTES) -> None:
    """Read a tag of at most so many bytes, whatever it claims."""
    file.seek(start)
    head = file.read(10)
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in {2, 3, 4}:
        return
    version, flags = head[3], head[5]
    data = file.read(min(_syncsafe(head[6:]), most))
    if flags & 0x80 and version < 4:
        data = data.replace(b"\xff\x00", b"\xff")
    if version == 2 and flags & 0x40:
        # Compressed, by a scheme that was never written down.
        return
    at = 0
    if flags & 0x40:
        at = 4 + int.from_bytes(data[:4]) if version == 3 else _syncsafe(data)
    for kind, body in _id3_frames(data, at, version):
        if kind in {b"APIC", b"PIC"}:
            _add_id3_picture(body, found, short=kind == b"PIC")
        elif kind in _ID3:
            _add_id3_text(kind, body, found)


def _id3_frames(data: bytes, at: int, version: int) -> Iterator[tuple[bytes, bytes]]:
    letters, head_bytes = (3, 6) if version == 2 else (4, 10)
    for _ in range(_MOST_ENTRIES):
        head = data[at : at + head_bytes]
        kind = head[:letters]
        if len(head) < head_bytes or not kind.strip(b"\0"):
            return
        sized = head[letters : 2 * letters]
        # Some writers of 2.4 forgot that sizes are of seven bits a byte.
        plain = version < 4 or max(sized) > 127
        size = int.from_bytes(sized) if plain else _syncsafe(sized)
        body = data[at + head_bytes : at + head_bytes + size]
        at += head_bytes + size
        if len(body) < size:
            return
        flags = head[9] if version > 2 else 0
        unreadable, drop, unsync = (0x0C, 4 * bool(flags & 1), flags & 2) if version == 4 else (0xC0, 0, 0)
        if flags & unreadable:
            continue
        drop += bool(flags & (0x40 if version == 4 else 0x20))
        yield kind, body[drop:].replace(b"\xff\x00", b"\xff") if unsync else body[drop:]


def _decoded(encoding: int, data: bytes) -> str:
    if encoding == 1 and data[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16-le", "replace")
    return data.decode(("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding], "replace")


def _cut_text(encoding: int, data: bytes) -> tuple[bytes, bytes]:
    """What is before the first end of text, and what is behind it."""
    if encoding in {0, 3}:
        before, _, after = data.partition(b"\0")
        return before, after
    at = next((at for at in range(0, min(len(data), 2048) - 1, 2) if data[at : at + 2] == b"\0\0"), len(data))
    return data[:at], data[at + 2 :]


def _add_id3_text(kind: bytes, body: bytes, found: _Found) -> None:
    if not body or body[0] > 3 or len(body) > MOST_TEXT_BYTES:
        return
    encoding, name = body[0], _ID3[kind]
    if name in {"comment", "lyrics"}:
        about, text = _cut_text(encoding, body[4:])
        # Comments about something are a program's notes to itself.
        if name == "lyrics" or not _decoded(encoding, about).strip("\ufeff\0"):
            found.add(name, _decoded(encoding, text).strip("\0"))
        return
    texts = _decoded(encoding, body[1:]).split("\0")
    found.add(name, *(_genre(text) if name == "genre" else text.strip("\ufeff") for text in texts if text))


def _genre(text: str) -> str:
    """A genre in words: ID3 writes "17" or "(17)" for ID3v1's, and words of its own behind it."""
    number, _, words = text.removeprefix("(").partition(")") if text.startswith("(") else (text, "", "")
    if number.isascii() and number.isdigit():
        return words or (_GENRES[int(number)] if int(number[:4]) < len(_GENRES) and len(number) < 4 else "")
    return text


def _add_id3_picture(body: bytes, found: _Found, *, short: bool) -> None:
    encoding = body[0]
    rest = body[4:] if short else body[1:].partition(b"\0")[2]
    _, data = _cut_text(encoding, rest[1:])
    found.add_cover(data, front=rest[0] == FRONT_COVER)


def _read_id3v1(file: BinaryIO, size: int, found: _Found) -> None:
    if size < 128:
        return
    file.seek(size - 128)
    tag = file.read(128)
    if tag[:3] != b"TAG":
        return

    def text(start: int, end: int) -> str:
        return tag[start:end].partition(b"\0")[0].decode("latin-1").strip()

    numbered = not tag[125] and tag[126]
    found.add_all(
        Tags(
            title=text(3, 33),
            artist=text(33, 63),
            album=text(63, 93),
            date=text(93, 97),
            comment=text(97, 125 if numbered else 127),
            track=str(tag[126]) if numbered else "",
            genre=_GENRES[tag[127]] if tag[127] < len(_GENRES) else "",
        )
    )


# --- Vorbis comments


def _read_flac(file: BinaryIO, found: _Found) -> None:
    file.seek(4)
    room = _MOST_READ_BYTES
    for _ in range(_MOST_ENTRIES):
        head = file.read(4)
        kind, size = head[0] & 127, int.from_bytes(head[1:])
        if kind in {4, 6} and size <= min(room, MOST_TAG_BYTES):
            room -= size
            (_add_comments if kind == 4 else _add_picture)(file.read(size), found)
        else:
            file.seek(size, io.SEEK_CUR)
        if head[0] & 128:
            return


def _read_ogg(file: BinaryIO, found: _Found) -> None:
    """Put the second packet of the first stream that has comments together."""
    file.seek(0)
    serial, skip, parts, held = b"", 0, [], 0
    for _ in range(_MOST_ENTRIES):
        head = file.read(27)
        lacing = file.read(head[26])
        if head[:4] != b"OggS" or held > MOST_TAG_BYTES:
            return
        body = file.read(sum(lacing))
        if head[5] & 2:
            kinds = {b"\x01vorbis": 7, b"OpusHea": 8, b"\x7fFLAC\x01": 4}
            if not serial and (mark := next((mark for mark in kinds if body.startswith(mark)), None)):
                serial, skip = head[14:18], kinds[mark]
            continue
        if head[14:18] != serial:
            continue
        length = 0
        for lace in lacing:
            length += lace
            if lace < 255:
                parts.append(body[:length])
                _add_comments(b"".join(parts)[skip:], found)
                return
        parts.append(body)
        held += len(body)


def _add_comments(data: bytes, found: _Found) -> None:
    (vendor,) = struct.unpack_from("<I", data)
    (entries,) = struct.unpack_from("<I", data, 4 + vendor)
    at, numbers = 8 + vendor, ["", ""]
    for _ in range(min(entries, _MOST_ENTRIES)):
        (size,) = struct.unpack_from("<I", data, at)
        entry = data[at + 4 : at + 4 + size]
        at += 4 + size
        key, _, value = entry.partition(b"=")
        name = key.decode("ascii", "replace").upper() if len(key) < 64 else ""
        if name == "METADATA_BLOCK_PICTURE":
            try:
                _add_picture(base64.b64decode(value), found)
            except binascii.Error:
                continue
        elif name in _NUMBERS and size < 64:
            numbers[_NUMBERS[name]] = value.decode("utf-8", "replace")
        elif name in _VORBIS and size <= MOST_TEXT_BYTES:
            found.add(_VORBIS[name], value.decode("utf-8", "replace"))
    number, count = numbers
    found.add("track", f"{number}/{count}" if number and count and "/" not in number else number)


def _add_picture(data: bytes, found: _Found) -> None:
    kind, at = struct.unpack_from(">I", data)[0], 4
    for _ in range(2):
        at += 4 + struct.unpack_from(">I", data, at)[0]
    (size,) = struct.unpack_from(">I", data, at + 16)
    found.add_cover(data[at + 20 : at + 20 + size], front=kind == FRONT_COVER)


# --- MP4 and chunks


def _read_mp4(file: BinaryIO, size: int, found: _Found) -> None:
    for index, (kind, data_type, data) in enumerate(mp4.items(file, size, largest=LARGEST_COVER_BYTES)):
        if index == _MOST_ENTRIES:
            return
        if kind == b"covr":
            found.add_cover(data, front=True)
        elif kind == b"trkn" and len(data) >= 6:
            number, count = struct.unpack_from(">2xHH", data)
            found.add("track", f"{number}/{count}" if count else str(number or ""))
        elif kind == b"gnre" and len(data) == 2:
            found.add("genre", _genre(str(int.from_bytes(data) - 1)))
        elif kind in _MP4 and data_type == 1 and len(data) <= MOST_TEXT_BYTES:
            found.add(_MP4[kind], data.decode("utf-8", "replace"))


def _read_chunks(file: BinaryIO, size: int, found: _Found, order: str) -> None:
    """The chunks of a WAV file (little endian) or an AIFF file (big endian)."""
    position, spare = 12, _Found()
    room, has_id3 = _MOST_READ_BYTES, False
    for _ in range(_MOST_ENTRIES):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8 or position > size:
            break
        kind, length = head[:4], struct.unpack(f"{order}I", head[4:])[0]
        if kind in {b"id3 ", b"ID3 "}:
            if not has_id3:
                _read_id3v2(file, position + 8, found, most=min(length, MOST_TAG_BYTES))
            has_id3 = True
        elif (kind == b"LIST" or kind in _CHUNKS) and length <= min(room, MOST_TEXT_BYTES):
            room -= length
            data = file.read(length)
            if kind == b"LIST":
                _add_info(data, spare)
            else:
                _add_chunk(kind, data, spare)
        position += 8 + length + length % 2
    found.add_all(spare.tags())


def _add_info(data: bytes, found: _Found) -> None:
    at = 4
    while data[:4] == b"INFO" and at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind in _CHUNKS:
            _add_chunk(kind, data[at + 8 : at + 8 + length], found)
        at += 8 + length + length % 2


def _add_chunk(kind: bytes, data: bytes, found: _Found) -> None:
    text = data.partition(b"\0")[0]
    try:
        found.add(_CHUNKS[kind], text.decode())
    except UnicodeDecodeError:
        found.add(_CHUNKS[kind], text.decode("latin-1"))
