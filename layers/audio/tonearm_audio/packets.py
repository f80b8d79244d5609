"""Packets: where the encoded pieces of a track lie in a container, as a demuxer hands them to a decoder.

A demuxer reads tables, never sound. What it returns costs 16 bytes a packet, whatever a packet holds, so an hour of
audio costs some megabytes; everything a table claims has been held against the file before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from tonearm_audio.errors import AudioError

PacketCodec = Literal["aac", "alac", "opus", "vorbis"]
Integers = npt.NDArray[np.int64]
FloatBlock = npt.NDArray[np.float32]
"""Samples with full scale at ±1.0: np.ndarray [shape=(frames, channels), dtype=float32]."""

MOST_PACKETS = 1 << 22
"""Twenty-four hours of AAC; what claims more is refused before it is read."""
LARGEST_PACKET_BYTES = 1 << 20
CODECS_READ = "AAC, ALAC, Opus or Vorbis"
FORMATS_READ = "WAV, AIFF, FLAC, MP3, AAC, OGG, Opus, M4A, MP4 or WebM"
_CONVERT = "Convert it to M4A, WAV, FLAC or MP3."


@dataclass(frozen=True)
class PacketTrack:
    """One audio track of a container.

    Attributes:
        codec: the encoding of the packets.
        setup: what the decoder must know first: AAC's AudioSpecificConfig, ALAC's magic cookie, an OpusHead, or the
            three Vorbis headers.
        offsets: where each packet begins in the file [shape=(packets,)].
        sizes: the bytes of each packet [shape=(packets,)].
        timescale: ticks a second of the two trims.
        trim_start: ticks of encoder priming to drop at the start.
        trim_end: ticks of padding to drop at the end.
    """

    codec: PacketCodec
    setup: tuple[bytes, ...]
    offsets: Integers
    sizes: Integers
    timescale: int
    trim_start: int = 0
    trim_end: int = 0

    def __len__(self) -> int:
        return len(self.offsets)

    def ticks_to_frames(self, ticks: int, sample_rate_hz: int) -> int:
        """Carry a trim over to frames."""
        return round(ticks * sample_rate_hz / self.timescale)


class PacketFile:
    """A file that packets are read from, one at a time."""

    def __init__(self, path: Path, track: PacketTrack) -> None:
        self._track = track
        self._file: BinaryIO = path.open("rb", buffering=1 << 16)

    def read(self, index: int, at_most: int | None = None) -> bytes:
        """The packet's bytes, or its first `at_most`."""
        size = int(self._track.sizes[index])
        self._file.seek(int(self._track.offsets[index]))
        return self._file.read(size if at_most is None else min(size, at_most))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def checked(track: PacketTrack, file_bytes: int) -> PacketTrack:
    """Hold every packet against the file.

    Raises:
        AudioError: `track.truncated`, `track.header_lies` or `track.too_short`.
    """
    if not len(track):
        raise AudioError(
            "track.too_short",
            "This file's audio track is empty: it holds 0 packets.",
            value=0,
            limit=1,
            mend="Check that the export holds the whole song, and try again.",
        )
    if len(track) > file_bytes:
        raise too_many_packets(len(track), file_bytes)
    if min(track.trim_start, track.trim_end) < 0:
        trim = min(track.trim_start, track.trim_end)
        raise lie(f"This file asks to drop {trim} ticks of its sound.", value=trim, limit=0)
    largest = int(track.sizes.max())
    if int(track.sizes.min()) < 0 or largest > LARGEST_PACKET_BYTES or int(track.offsets.min()) < 0:
        raise lie(
            f"This file's tables speak of a packet of {largest} bytes.", value=largest, limit=LARGEST_PACKET_BYTES
        )
    # Sizes are below 2**20 and offsets were read below 2**62, so that the sum cannot wrap round.
    present = int(np.count_nonzero(track.offsets + track.sizes <= file_bytes))
    if present < len(track):
        raise AudioError(
            "track.truncated",
            f"This file says that its audio is {len(track)} packets long, but only {present} are there.",
            value=present,
            limit=len(track),
            mend="The transfer or the recording was cut off. Use the complete file.",
        )
    # Packets that share their bytes would make hours of work out of a small file.
    total = int(track.sizes.sum())
    if total > file_bytes:
        raise lie(
            f"This file's packets are {total} bytes together, more than the {file_bytes} bytes of the file.",
            value=total,
            limit=file_bytes,
        )
    return track


def lie(detail: str, *, value: float | str, limit: float | str) -> AudioError:
    """A header or a table that the bytes contradict."""
    return AudioError(
        "track.header_lies",
        detail,
        value=value,
        limit=limit,
        mend="The file is damaged or was cut off. Export it again and use the new file.",
    )


def too_many_packets(count: int, limit: int = MOST_PACKETS) -> AudioError:
    """Tables that are longer than any song, or than the file has bytes."""
    return lie(
        f"This file says that its audio is {count} packets long; at most {limit} are read.",
        value=count,
        limit=limit,
    )


def no_audio(kind: str) -> AudioError:
    """A container without an audio track."""
    return AudioError(
        "track.no_audio",
        f"This {kind} file holds no audio track.",
        value=0,
        limit=1,
        mend="Record or export it with its sound, and use the new file.",
    )


def codec_unsupported(kind: str, codec: str) -> AudioError:
    """A container that is read, with an encoding in it that is not."""
    return AudioError(
        "track.codec_unsupported",
        f"The sound in this {kind} file is {codec}; what is read beside WAV, AIFF, FLAC and MP3 is {CODECS_READ}.",
        value=codec,
        limit=CODECS_READ,
        mend=_CONVERT,
    )


def container_unsupported(kind: str) -> AudioError:
    """A container that is known and not read, whatever is in it."""
    return AudioError(
        "track.codec_unsupported",
        f"This is {kind}, which is not read, whatever sound is in it.",
        value=kind,
        limit=FORMATS_READ,
        mend=_CONVERT,
    )
