"""Writing M4A: AAC packets in an MP4 file whose head comes first and tells to the sample what is for hearing.

The edit list, the length of the last packet and iTunes's gapless comment all say the same, since each player believes
another of them. Sources: ISO/IEC 14496-12 (boxes), 14496-14 and 14496-1 (descriptors), Apple's QuickTime File Format
(edit list, `ilst`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PACKET_SAMPLES = 1024
DATA_HEAD = struct.pack(">I4s", 0, b"mdat")
_CHUNK_PACKETS = 32
_UNITY = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_LANGUAGE = 0x55C4
"""Undetermined: three letters of five bits."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box around its contents."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


@dataclass(frozen=True)
class Movie:
    """What the head tells.

    Args:
        setup: AAC's AudioSpecificConfig.
        sample_rate_hz: of the sound.
        channels: of the sound.
        sizes: bytes of each packet.
        priming: samples at the start that are not for hearing.
        samples: samples a channel that are.
    """

    setup: bytes
    sample_rate_hz: int
    channels: int
    sizes: Sequence[int]
    priming: int
    samples: int


def head(movie: Movie, items: bytes = b"") -> bytes:
    """All that comes before the packets, which follow it in one run.

    Args:
        movie: what it tells.
        items: the entries of an `ilst` box: title, cover and so on.
    """
    brand = box(b"ftyp", b"M4A ", struct.pack(">I", 512), b"M4A mp42isom")
    start = len(brand) + len(_moov(movie, items, 0)) + len(DATA_HEAD)
    data = struct.pack(">I", len(DATA_HEAD) + sum(movie.sizes)) + DATA_HEAD[4:]
    return brand + _moov(movie, items, start) + data


def text_item(kind: bytes, text: str) -> bytes:
    """An `ilst` entry of text."""
    return data_item(kind, 1, text.encode())


def data_item(kind: bytes, data_type: int, data: bytes) -> bytes:
    """An `ilst` entry of a type: 0 binary, 1 text, 13 JPEG, 14 PNG."""
    return box(kind, box(b"data", struct.pack(">II", data_type, 0), data))


def _moov(movie: Movie, items: bytes, start: int) -> bytes:
    rate, length = movie.sample_rate_hz, movie.samples
    header = struct.pack(">12xIIIH10x", rate, length, 1 << 16, 1 << 8) + _UNITY + struct.pack(">24xI", 2)
    return box(
        b"moov",
        box(b"mvhd", header),
        box(
            b"trak",
            box(b"tkhd", struct.pack(">I8xI4xI8xHHH2x", 7, 1, length, 0, 1, 1 << 8), _UNITY, bytes(8)),
            box(b"edts", box(b"elst", struct.pack(">4xIIiI", 1, length, movie.priming, 1 << 16))),
            box(
                b"mdia",
                box(b"mdhd", struct.pack(">12xIIH2x", rate, movie.priming + length, _LANGUAGE)),
                box(b"hdlr", struct.pack(">8x4s12x", b"soun"), b"SoundHandler\0"),
                box(
                    b"minf",
                    box(b"smhd", bytes(8)),
                    box(b"dinf", box(b"dref", struct.pack(">4xI", 1), box(b"url ", struct.pack(">I", 1)))),
                    _table(movie, start),
                ),
            ),
        ),
        box(b"udta", _metadata(movie, items)),
    )


def _table(movie: Movie, start: int) -> bytes:
    sizes = np.asarray(movie.sizes, ">u4")
    count = len(sizes)
    places = start + np.append(0, np.cumsum(sizes, dtype=np.int64)[:-1])[::_CHUNK_PACKETS]
    whole, rest = divmod(count, _CHUNK_PACKETS)
    runs = [(1, _CHUNK_PACKETS, 1)] * bool(whole) + [(whole + 1, rest, 1)] * bool(rest)
    last = movie.priming + movie.samples - (count - 1) * PACKET_SAMPLES
    times = [(count - 1, PACKET_SAMPLES)] * (count > 1) + [(1, last)]
    return box(
        b"stbl",
        box(b"stsd", struct.pack(">4xI", 1), _description(movie)),
        box(b"stts", struct.pack(">4xI", len(times)), *(struct.pack(">II", *entry) for entry in times)),
        box(b"stsc", struct.pack(">4xI", len(runs)), *(struct.pack(">III", *run) for run in runs)),
        box(b"stsz", struct.pack(">4xII", 0, count), sizes.tobytes()),
        box(b"stco", struct.pack(">4xI", len(places)), places.astype(">u4").tobytes()),
    )


def _description(movie: Movie) -> bytes:
    seconds = len(movie.sizes) * PACKET_SAMPLES / movie.sample_rate_hz
    mean = round(8 * sum(movie.sizes) / seconds)
    specific = bytes([5, len(movie.setup)]) + movie.setup
    decoder = struct.pack(">BBBBHBII", 4, 13 + len(specific), 0x40, 0x15, 0, 0, mean, mean) + specific
    stream = struct.pack(">BBHB", 3, 3 + len(decoder) + 3, 1, 0) + decoder + bytes([6, 1, 2])
    entry = struct.pack(">6xH8xHHHHI", 1, movie.channels, 16, 0, 0, movie.sample_rate_hz << 16)
    return box(b"mp4a", entry, box(b"esds", bytes(4), stream))


def _metadata(movie: Movie, items: bytes) -> bytes:
    padding = len(movie.sizes) * PACKET_SAMPLES - movie.priming - movie.samples
    gapless = f" 00000000 {movie.priming:08X} {padding:08X} {movie.samples:016X}" + " 00000000" * 8
    comment = box(
        b"----",
        box(b"mean", bytes(4), b"com.apple.iTunes"),
        box(b"name", bytes(4), b"iTunSMPB"),
        box(b"data", struct.pack(">II", 1, 0), gapless.encode()),
    )
    handler = box(b"hdlr", struct.pack(">8x4s4s9x", b"mdir", b"appl"))
    return box(b"meta", bytes(4), handler, box(b"ilst", items, comment))
