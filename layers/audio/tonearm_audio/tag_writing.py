"""Writing tags: the bytes that each format wants, and where they go in a file that is otherwise complete.

Sources: as in `tag_reading`.
"""

from __future__ import annotations

import base64
import os
import struct
from typing import BinaryIO

from tonearm_audio import m4a
from tonearm_audio.sink import splice
from tonearm_audio.tags import FRONT_COVER, Cover, Name, Tags

_ID3: dict[Name, bytes] = {
    "title": b"TIT2",
    "artist": b"TPE1",
    "album": b"TALB",
    "album_artist": b"TPE2",
    "date": b"TDRC",
    "genre": b"TCON",
    "track": b"TRCK",
    "comment": b"COMM",
    "lyrics": b"USLT",
}
_VORBIS: dict[Name, str] = {
    "title": "TITLE",
    "artist": "ARTIST",
    "album": "ALBUM",
    "album_artist": "ALBUMARTIST",
    "date": "DATE",
    "genre": "GENRE",
    "comment": "COMMENT",
    "lyrics": "LYRICS",
}
_MP4: dict[Name, bytes] = {
    "title": b"\xa9nam",
    "artist": b"\xa9ART",
    "album": b"\xa9alb",
    "album_artist": b"aART",
    "date": b"\xa9day",
    "genre": b"\xa9gen",
    "comment": b"\xa9cmt",
    "lyrics": b"\xa9lyr",
}
_INFO: dict[Name, bytes] = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "date": b"ICRD",
    "genre": b"IGNR",
    "track": b"ITRK",
    "comment": b"ICMT",
}
_UTF8 = b"\x03"
_STREAMINFO_END = 4 + 4 + 34
_LANGUAGE = b"und"


def id3(tags: Tags) -> bytes:
    """An ID3v2.4 tag; none at all for no tags."""
    frames = []
    for name, text in tags.texts().items():
        about = _LANGUAGE + b"\0" if name in {"comment", "lyrics"} else b""
        frames.append(_id3_frame(_ID3[name], _UTF8 + about + text.encode()))
    if tags.cover:
        head = b"\0" + tags.cover.media_type.encode() + bytes([0, FRONT_COVER, 0])
        frames.append(_id3_frame(b"APIC", head + tags.cover.data))
    body = b"".join(frames)
    return b"ID3\x04\0\0" + _syncsafe(len(body)) + body if body else b""


def _id3_frame(kind: bytes, body: bytes) -> bytes:
    return kind + _syncsafe(len(body)) + bytes(2) + body


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


def ilst(tags: Tags) -> bytes:
    """The entries of an MP4 file's `ilst` box."""
    items = [m4a.text_item(_MP4[name], text) for name, text in tags.texts().items() if name in _MP4]
    if any(tags.track_numbers):
        items.append(m4a.data_item(b"trkn", 0, struct.pack(">2xHH2x", *tags.track_numbers)))
    if tags.cover:
        items.append(m4a.data_item(b"covr", 13 if tags.cover.media_type == "image/jpeg" else 14, tags.cover.data))
    return b"".join(items)


def vorbis_comments(tags: Tags, vendor: bytes, *, with_cover: bool) -> bytes:
    """A Vorbis comment header without its frame; with the cover in it, where the format has no other place for one."""
    entries = [f"{_VORBIS[name]}={text}".encode() for name, text in tags.texts().items() if name in _VORBIS]
    number, count = tags.track_numbers
    if number:
        entries.append(b"TRACKNUMBER=%d" % number)
    if count:
        entries.append(b"TRACKTOTAL=%d" % count)
    if tags.cover and with_cover:
        entries.append(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(_picture(tags.cover)))
    counted = b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(entries)) + counted


def vendor(comments: bytes) -> bytes:
    """The encoder's name in a Vorbis comment header without its frame."""
    return comments[4 : 4 + int.from_bytes(comments[:4], "little")]


def _picture(cover: Cover) -> bytes:
    kind = cover.media_type.encode()
    # Width, height, depth and colours 0: not given.
    return struct.pack(">II", FRONT_COVER, len(kind)) + kind + struct.pack(">I16xI", 0, len(cover.data)) + cover.data


def tag_flac(file: BinaryIO, tags: Tags) -> None:
    """Put tags into a complete FLAC file, in place of the comments that its encoder wrote.

    Args:
        file: opened for reading and writing.
    """
    file.seek(_STREAMINFO_END)
    end, last, encoder = _STREAMINFO_END, False, b""
    while not last:
        head = file.read(4)
        last, kind, size = bool(head[0] & 128), head[0] & 127, int.from_bytes(head[1:])
        body = file.read(size)
        encoder = vendor(body) if kind == 4 else encoder
        end += 4 + size
    blocks = [(4, vorbis_comments(tags, encoder, with_cover=False))]
    if tags.cover:
        blocks.append((6, _picture(tags.cover)))
    made = [
        struct.pack(">I", (kind | 128 * (index == len(blocks) - 1)) << 24 | len(body)) + body
        for index, (kind, body) in enumerate(blocks)
    ]
    splice(file, _STREAMINFO_END, end, b"".join(made))


def wav_chunks(tags: Tags) -> bytes:
    """What goes behind the sound of a WAV file: an INFO list for most programs, and an ID3 tag that holds all."""
    info = b"".join(_chunk(_INFO[name], text.encode() + b"\0") for name, text in tags.texts().items() if name in _INFO)
    listed = _chunk(b"LIST", b"INFO" + info) if info else b""
    return listed + _chunk(b"id3 ", id3(tags)) if tags else b""


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)


def tag_wav(file: BinaryIO, tags: Tags) -> None:
    """Put tags behind the sound of a complete WAV file.

    Args:
        file: opened for reading and writing.
    """
    file.seek(0, os.SEEK_END)
    file.write(wav_chunks(tags))
    size = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", size - 8))
