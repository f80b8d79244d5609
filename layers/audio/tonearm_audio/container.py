"""What a file claims to be, held against what it is, before anything is decoded.

Decoders believe headers. This module reads them itself: it tells the container by its content (never by the file's
name), and refuses a header that the bytes on disk contradict.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from tonearm_audio import adts, matroska, mp4, mpeg, ogg
from tonearm_audio.errors import AudioError
from tonearm_audio.packets import FORMATS_READ, PacketTrack, codec_unsupported, container_unsupported, lie

Container = Literal["wav", "mp3", "flac", "ogg", "aiff", "mp4", "webm", "matroska", "adts"]

_BUFFER_BYTES = 1 << 18
_ACCEPTED = f"Use {FORMATS_READ}."
_PLAIN_AIFF = {b"NONE", b"sowt", b"twos", b"raw ", b"fl32", b"FL32", b"fl64", b"FL64"}
_UNKNOWN_SIZE = {0xFFFFFFFF, 0x7FFFFFFF}
"""Data sizes that a writer to a pipe leaves behind because it could not know better."""

_MP4_FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"styp"}
_OTHER_KINDS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"MThd", "a MIDI file, which holds notes and no sound"),
)
_UNREAD_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media", "WMA"),
    (b"#!AMR", "AMR", "AMR"),
    (b"wvpk", "WavPack", "WavPack"),
    (b"MAC ", "Monkey's Audio", "APE"),
)
_UNREAD_CONTAINERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"caff", "a Core Audio file (CAF)"),
    (0, b".snd", "a Sun audio file (AU)"),
    (0, b"riff\x2e\x91\xcf\x11", "a Wave64 file"),
    (8, b"AVI LIST", "an AVI film"),
    (0, b"FLV\x01", "a Flash film (FLV)"),
    (0, b"\x00\x00\x01\xba", "an MPEG film"),
    (0, b"ADIF", "AAC without packets (ADIF)"),
)
_TRANSPORT_PACKET_BYTES = 188


@dataclass(frozen=True)
class Claim:
    """What the container says about itself.

    Attributes:
        container: the kind of file, by its content.
        frames: samples a channel that the header claims; None when it claims none.
        proven: whether the bytes on disk bear the claim out, so that it can be trusted before decoding.
        present_frames: samples a channel that the bytes on disk can hold, where that can be told without decoding.
        tag: for an MP3 without a tag, one that says how many frames it has: a decoder would guess from the first
            frame's bit rate and stop early. For an Opus file that does not know its rate, a first page that does.
        start: where in the file the bytes begin that `tag` goes before.
        track: for a container that is taken apart here, where its packets are.
        ogg: for an Ogg file, the stream that its pages tell of.
    """

    container: Container
    frames: int | None
    proven: bool = False
    present_frames: int | None = None
    tag: bytes = b""
    start: int = 0
    track: PacketTrack | None = None
    ogg: ogg.Stream | None = None


def inspect(path: Path) -> Claim:
    """Tell a file's container and what it claims.

    Raises:
        AudioError: `track.empty`, `track.not_audio`, `track.no_audio`, `track.codec_unsupported`,
            `track.header_lies`, `track.truncated`, `track.too_short` or `track.unreadable`.
        OSError: the file cannot be opened.
    """
    size = path.stat().st_size
    if size == 0:
        raise AudioError(
            "track.empty",
            "This file is empty: it holds 0 bytes.",
            value=0,
            limit=1,
            mend="Export it again and check its size.",
        )
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        head = file.read(64)
        for offset, magic, kind in _OTHER_KINDS:
            if head[offset : offset + len(magic)] == magic:
                raise _not_audio(kind)
        for magic, kind, codec in _UNREAD_KINDS:
            if head.startswith(magic):
                raise codec_unsupported(kind, codec)
        for offset, magic, kind in _UNREAD_CONTAINERS:
            if head[offset : offset + len(magic)] == magic:
                raise container_unsupported(kind)
        if _is_transport_stream(file, size):
            raise container_unsupported("an MPEG transport stream")
        return _inspect_kind(file, size, head)


def _is_transport_stream(file: BinaryIO, size: int) -> bool:
    """Whether packets of 188 bytes begin with their mark: all that are there of the first four."""
    starts = range(0, min(4 * _TRANSPORT_PACKET_BYTES, size), _TRANSPORT_PACKET_BYTES)
    file.seek(0)
    head = file.read(4 * _TRANSPORT_PACKET_BYTES)
    return len(starts) > 1 and all(head[start] == ord("G") for start in starts)


def _inspect_kind(file: BinaryIO, size: int, head: bytes) -> Claim:
    name, form = head[:4], head[8:12]
    claim = Claim("flac", _flac_frames(head))
    if name in {b"RIFF", b"RF64"} and form == b"WAVE":
        claim = _inspect_wav(file, size)
    elif name == b"OggS":
        stream = ogg.inspect(file, size)
        claim = Claim("ogg", None, ogg=stream, tag=stream.first_page, start=len(stream.first_page))
    elif name == b"FORM" and form in {b"AIFF", b"AIFC"}:
        claim = _inspect_aiff(file, size)
    elif head[4:8] in _MP4_FIRST_BOXES:
        claim = Claim("mp4", None, track=mp4.demux(file, size))
    elif name == b"\x1aE\xdf\xa3":
        found = matroska.demux(file, size)
        claim = Claim(found.container, None, track=found.track)
    elif name != b"fLaC":
        track = adts.demux(file, size, mpeg.after_id3(file))
        claim = Claim("adts", None, track=track) if track else _inspect_mp3(file, size, head)
    return claim


def _not_audio(kind: str) -> AudioError:
    return AudioError(
        "track.not_audio",
        f"This file is {kind}, not a song in a format that Tonearm reads.",
        value=kind,
        limit=FORMATS_READ,
        mend=_ACCEPTED,
    )


def _inspect_mp3(file: BinaryIO, size: int, head: bytes) -> Claim:
    found = mpeg.scan(file, size)
    if found is None:
        if head[:3] == b"ID3":
            raise AudioError(
                "track.unreadable",
                f"This MP3 holds a title tag but not two audio frames in a row; it is {size} bytes long.",
                value=size,
                mend="Export it again and use the new file.",
            )
        text = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
        raise _not_audio("plain text" if text else "of a kind unknown to Tonearm")
    if found.next_rate_hz is not None:
        rate = found.header.sample_rate_hz
        raise AudioError(
            "track.unreadable",
            f"This MP3 changes its sample rate from {rate} to {found.next_rate_hz} Hz after"
            f" {found.samples / rate:.2f} s.",
            value=found.next_rate_hz,
            limit=rate,
            mend="It was joined from unlike parts. Export it again as one song, at one sample rate.",
        )
    claimed = found.claimed_samples
    if claimed is not None and found.claimed_frames is not None:
        rate = found.header.sample_rate_hz
        present_s, claimed_s = found.samples / rate, claimed / rate
        # Some writers count the tag's own frame; a cut costs more than two frames (52 ms).
        if found.frames < found.claimed_frames - 2:
            raise AudioError(
                "track.truncated",
                f"This MP3 says that it is {claimed_s:.2f} s long, but only {present_s:.2f} s are there.",
                value=present_s,
                limit=claimed_s,
                mend="The transfer or the export was cut off. Use the complete file.",
            )
        if found.frames > found.claimed_frames + 2:
            raise lie(
                f"This MP3 says that it is {claimed_s:.2f} s long, but {present_s:.2f} s are there, so"
                " players stop early.",
                value=present_s,
                limit=claimed_s,
            )
        return Claim("mp3", claimed, proven=True, present_frames=found.samples)
    file.seek(found.start)
    tag = mpeg.frame_count_tag(file.read(4), found.frames)
    return Claim("mp3", found.samples, proven=True, present_frames=found.samples, tag=tag, start=found.start)


def _flac_frames(head: bytes) -> int | None:
    """The 36-bit sample count of STREAMINFO (RFC 9639 §8.2), None when the encoder did not know it."""
    if len(head) < 26 or head[4] & 0x7F != 0:
        return None
    return int.from_bytes(head[21:26]) & 0xFFFFFFFFF or None


def _inspect_wav(file: BinaryIO, size: int) -> Claim:
    """Walk the RIFF chunks and hold every size against the file."""
    position = 12
    frame_bytes: int | None = None
    long_size: int | None = None
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        body = position + 8
        if name == b"ds64" and size >= body + 16:
            long_size = struct.unpack("<QQ", file.read(16))[1]
        elif name == b"fmt ":
            frame_bytes = _read_wav_format(file.read(16), length)
        elif name == b"data":
            if frame_bytes is None:
                raise lie("This WAV holds samples before it says what they are.", value="data", limit="fmt ")
            claimed = long_size if length == 0xFFFFFFFF and long_size is not None else length
            if claimed in _UNKNOWN_SIZE:
                return Claim("wav", None, present_frames=(size - body) // frame_bytes)
            _check_wav_data(file, body, claimed, size)
            frames = claimed // frame_bytes
            return Claim("wav", frames, proven=True, present_frames=frames)
        position = body + length + (length & 1)
    raise lie("This WAV holds no samples: its data chunk is missing.", value=0, limit=1)


def _read_wav_format(fields: bytes, length: int) -> int:
    """Check the `fmt ` chunk and return the bytes of one frame."""
    if length < 16 or len(fields) < 16:
        raise lie("This WAV's format header is cut short.", value=min(length, len(fields)), limit=16)
    tag, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", fields)
    if channels == 0:
        raise lie("This WAV says that it has 0 channels.", value=0, limit="1 or 2")
    linear = tag in {1, 3, 0xFFFE}
    if frame_bytes == 0 or rate == 0 or (linear and frame_bytes != channels * ((bits + 7) // 8)):
        raise lie(
            f"This WAV's header contradicts itself: {channels} channels of {bits} bits at {rate} Hz in frames of"
            f" {frame_bytes} bytes.",
            value=frame_bytes,
            limit=channels * ((bits + 7) // 8),
        )
    return int(frame_bytes)


def _check_wav_data(file: BinaryIO, body: int, claimed: int, size: int) -> None:
    present = size - body
    if claimed > present:
        raise lie(
            f"This WAV says that it holds {claimed} bytes of samples, but only {present} are there.",
            value=present,
            limit=claimed,
        )
    # What follows the samples must be further chunks; samples that the header leaves out look like anything else.
    end = body + claimed + (claimed & 1)
    file.seek(min(end, size))
    trailer = file.read(8)
    if len(trailer) == 8:
        name, length = struct.unpack("<4sI", trailer)
        if not all(32 <= byte < 127 for byte in name) or end + 8 + length > size + 1:
            raise lie(
                f"This WAV says that it holds {claimed} bytes of samples, but {present} bytes follow its header.",
                value=present,
                limit=claimed,
            )


def _inspect_aiff(file: BinaryIO, size: int) -> Claim:
    """Walk the chunks of an AIFF or AIFF-C file and hold its samples against the file."""
    position = 12
    frames, frame_bytes = 0, 0
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack(">4sI", file.read(8))
        body = position + 8
        if name == b"COMM":
            fields = file.read(22)
            if length < 18 or len(fields) < 22:
                raise lie("This AIFF's format header is cut short.", value=min(length, len(fields)), limit=18)
            channels, frames, bits = struct.unpack(">HIH", fields[:8])
            if channels == 0:
                raise lie("This AIFF says that it has 0 channels.", value=0, limit="1 or 2")
            # In AIFF-C a compressed frame may be anything; what is not is as long as its bits.
            plain = length < 22 or fields[18:22] in _PLAIN_AIFF
            frame_bytes = channels * ((bits + 7) // 8) if plain else 0
        elif name == b"SSND":
            present, claimed = size - body - 8, max(length - 8, frames * frame_bytes)
            if claimed > present:
                raise lie(
                    f"This AIFF says that it holds {claimed} bytes of samples, but only {max(0, present)} are there.",
                    value=max(0, present),
                    limit=claimed,
                )
            return Claim("aiff", frames if frame_bytes else None, proven=bool(frame_bytes))
        position = body + length + (length & 1)
    raise lie("This AIFF holds no samples: its sound data chunk is missing.", value=0, limit=1)
