"""Readers: what is behind a `Source`, one for each way of decoding, all with the same three facts and one method."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import soundfile

from tonearm_audio.container import Claim
from tonearm_audio.errors import AudioError
from tonearm_audio.ogg import OPUS_RATE_HZ, OggFile
from tonearm_audio.packets import FloatBlock, PacketTrack
from tonearm_audio.virtual import VirtualFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Reader(Protocol):
    """A decoder that has been opened.

    Attributes:
        codec: name of the encoding, lower case.
        sample_rate_hz: frames a second.
        channels: channels that it decodes to.
        expected_frames: frames that it says it will yield; None where it does not know.
    """

    codec: str
    sample_rate_hz: int
    channels: int
    expected_frames: int | None

    def read(self, frames: int) -> FloatBlock:
        """The next frames, `frames` of them unless the end is near; none at the end."""

    def close(self) -> None:
        """Let go of the file."""


def open_reader(path: Path, claim: Claim) -> Reader:
    """Open the decoder for a file that `container.inspect` has passed.

    Raises:
        AudioError: `track.unreadable`, `track.header_lies`.
        OSError: the file cannot be opened.
    """
    if claim.track is not None:
        return TrimmedReader(path, claim.track)
    reader = SoundFileReader(TaggedFile(path, claim) if claim.tag else path, says_frames=False)
    if claim.ogg is not None and claim.ogg.granules is not None:
        # A decoder says less when a page is damaged. Opus counts at 48 kHz and may be decoded at a lower rate.
        rate = OPUS_RATE_HZ if claim.ogg.codec == "opus" else reader.sample_rate_hz
        reader.expected_frames = claim.ogg.granules * reader.sample_rate_hz // rate
    return reader


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read once, from first to last."""

    def seekable(self) -> bool:
        """Say no: otherwise each read ends with a search for the place where it ended."""
        return False


class SoundFileReader:
    """What libsndfile reads: WAV, AIFF, FLAC, MP3, and Vorbis and Opus in Ogg.

    Args:
        file: a path, or an open file that is closed with the reader.
        says_frames: whether the decoder's own count means something: it does where it has looked at the last page.
    """

    def __init__(self, file: Path | io.RawIOBase, *, says_frames: bool) -> None:
        self._open = ExitStack()
        if isinstance(file, io.RawIOBase):
            self._open.callback(file.close)
        try:
            # The bytes of a path: on Linux a name need not be text.
            named = os.fsencode(file) if isinstance(file, Path) else file
            self._file = self._open.enter_context(_Stream(named))
        except soundfile.LibsndfileError as error:
            self._open.close()
            raise _unreadable(error) from error
        self.codec: str = str(self._file.subtype).lower()
        self.sample_rate_hz: int = int(self._file.samplerate)
        self.channels: int = int(self._file.channels)
        self.expected_frames: int | None = int(self._file.frames) if says_frames else None
        self._count = 0

    def read(self, frames: int) -> FloatBlock:
        """The next frames.

        Raises:
            AudioError: `track.unreadable`.
        """
        try:
            block: FloatBlock = self._file.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _unreadable(error, at_s=self._count / self.sample_rate_hz) from error
        self._count += len(block)
        return block

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()


class TrimmedReader:
    """A track of packets without its encoder's priming and padding.

    Args:
        path: the file that holds the packets.
        track: where they are, and what is to be dropped at both ends.

    Raises:
        AudioError: `track.unreadable`, `track.header_lies`.
    """

    def __init__(self, path: Path, track: PacketTrack) -> None:
        if track.codec in {"aac", "alac"}:
            from tonearm_audio.chunks import ChunkReader  # noqa: PLC0415  (for AAC and ALAC only)

            self._packets: Reader = ChunkReader(path, track)
        else:
            self._packets = SoundFileReader(OggFile(path, track), says_frames=True)
        self.codec: str = track.codec
        self.sample_rate_hz: int = self._packets.sample_rate_hz
        self.channels: int = self._packets.channels
        rate = self.sample_rate_hz
        self._skip = track.ticks_to_frames(track.trim_start, rate)
        total = self._packets.expected_frames or 0
        self._left = max(0, total - self._skip - track.ticks_to_frames(track.trim_end, rate))
        self.expected_frames: int | None = self._left

    def read(self, frames: int) -> FloatBlock:
        """The next frames.

        Raises:
            AudioError: `track.unreadable`.
        """
        while self._skip:
            dropped = len(self._packets.read(min(self._skip, frames)))
            self._skip = self._skip - dropped if dropped else 0
        block = self._packets.read(min(frames, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        """Let go of the file."""
        self._packets.close()


class TaggedFile(VirtualFile):
    """A file whose start is another one for a decoder to read: a tag before the first MP3 frame, a mended Ogg page."""

    def __init__(self, path: Path, claim: Claim) -> None:
        super().__init__(len(claim.tag) + path.stat().st_size - claim.start)
        self._tag = claim.tag
        self._start = claim.start
        self._file = io.BufferedReader(io.FileIO(path), 1 << 16)
        self.seek(0)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and say where that is."""
        position = super().seek(offset, whence)
        self._file.seek(self._start + max(0, position - len(self._tag)))
        return position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer as far as the file goes."""
        if self._at < len(self._tag):
            return super().readinto(buffer)
        # A decoder asks for an MP3 in very small pieces.
        count = self._file.readinto(buffer)
        self._at += count
        return count

    def _bytes_at(self, position: int, most: int) -> bytes:
        return self._tag[position : position + most] if position < len(self._tag) else self._file.read(most)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _unreadable(error: soundfile.LibsndfileError, *, at_s: float | None = None) -> AudioError:
    where = "" if at_s is None else f" after {at_s:.2f} s"
    reason = str(error.error_string).strip().rstrip(".")
    # What libsndfile calls an error of its own is a header that its decoder does not take.
    if "internal error" in reason.lower():
        reason = "File header is malformed"
    return AudioError(
        "track.unreadable",
        f"This file could not be decoded{where}: {reason}.",
        value=reason,
        limit="a file that decodes from start to end",
        mend="It is damaged or uses an encoding that Tonearm does not read. Export it again as WAV, FLAC or MP3.",
    )
