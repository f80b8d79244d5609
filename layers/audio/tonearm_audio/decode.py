"""Sources: any accepted file as a stream of float32 blocks, checked while it flows.

Frames are counted, never believed: every block that leaves a `Source` has been decoded, is finite, and is inside the
limits, and the end of the stream is held against what the header claimed. Memory does not depend on the length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tonearm_audio.container import Claim, Container, inspect
from tonearm_audio.errors import AudioError, refusals_of, spoken_duration
from tonearm_audio.packets import FloatBlock
from tonearm_audio.readers import open_reader

__all__ = ["BLOCK_FRAMES", "ENGINE_LIMITS", "LOUDEST_SAMPLE", "FloatBlock", "Limits", "Source"]

BLOCK_FRAMES = 1 << 16
LOUDEST_SAMPLE = 100.0
"""+40 dBFS. Beyond it a float file holds something else than sound, and sums of squares leave float32."""


@dataclass(frozen=True)
class Limits:
    """What a track may be.

    Args:
        max_duration_s: longest duration in seconds.
        min_duration_s: shortest duration in seconds.
        max_channels: 1 or 2; the engine works in mono and stereo.
        max_sample_rate_hz: highest sample rate.
        min_sample_rate_hz: lowest sample rate.
    """

    max_duration_s: float
    min_duration_s: float = 0.05
    max_channels: int = 2
    max_sample_rate_hz: int = 192_000
    min_sample_rate_hz: int = 8_000


ENGINE_LIMITS = Limits(max_duration_s=math.inf, min_duration_s=0.0)
"""What the engine itself can work on, where the caller has no stricter wish."""


class Source:
    """A file opened for streaming; use it as a context manager.

    Args:
        path: the file.
        limits: what it may be.

    Raises:
        AudioError: any `track.*` code; those that need the samples are raised by `blocks`.
        OSError: the file cannot be opened.

    Example:
        >>> with Source(Path("song.mp3")) as source:
        ...     peak = max(abs(block).max() for block in source.blocks())
    """

    def __init__(self, path: Path, *, limits: Limits = ENGINE_LIMITS) -> None:
        self._path = path
        self._limits = limits
        self._temporary = ExitStack()
        with refusals_of(path), ExitStack() as failed:
            failed.push(self._temporary)
            path, self._claim = self._inspect(path)
            self._reader = open_reader(path, self._claim)
            failed.pop_all()
        if self._reader.expected_frames is not None:
            # Packets have been counted; an Ogg file's last page may say anything.
            proven = self._claim.track is not None
            self._claim = replace(self._claim, frames=self._reader.expected_frames, proven=proven)
        self.container: Container = self._claim.container
        self.codec: str = self._reader.codec
        self.sample_rate_hz: int = self._reader.sample_rate_hz
        self.channels: int = self._reader.channels
        self.frames: int = 0
        """Frames that `blocks` has yielded so far: the counted length, once it is through."""
        try:
            with refusals_of(self._path):
                self._check_format()
        except AudioError:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._reader.close()
        self._temporary.close()

    def _inspect(self, path: Path) -> tuple[Path, Claim]:
        """The claim of a file, or that of what an installed ffmpeg makes of it where the engine reads it not."""
        try:
            return path, inspect(path)
        except AudioError as error:
            if error.code != "track.codec_unsupported":
                raise
            from tonearm_audio.foreign import converted  # noqa: PLC0415  (what runs programs, for such files only)

            wave = converted(path, self._temporary)
            if wave is None:
                raise
            return wave, inspect(wave)

    @property
    def expected_frames(self) -> int | None:
        """About how many frames there will be, for progress only; None when unknown."""
        return self._claim.present_frames or self._claim.frames

    def blocks(self, frames: int = BLOCK_FRAMES) -> Iterator[FloatBlock]:
        """Yield the samples from first to last, once.

        Args:
            frames: frames a block, the last one excepted.

        Yields:
            np.ndarray [shape=(frames, channels), dtype=float32], the caller's own copy.

        Raises:
            AudioError: `track.too_long` as soon as the limit is passed, `track.not_finite`, `track.unreadable`,
                and at the end `track.too_short` or `track.truncated`.
        """
        longest = self._limits.max_duration_s * self.sample_rate_hz
        with refusals_of(self._path):
            while len(block := self._reader.read(frames)):
                self._check_samples(block)
                self.frames += len(block)
                if self.frames > longest:
                    raise self._too_long(self.frames)
                yield block
            self._check_end()

    def _check_format(self) -> None:
        limits = self._limits
        if self.channels > limits.max_channels:
            raise AudioError(
                "track.too_many_channels",
                f"This file has {self.channels} channels; the limit is {limits.max_channels}.",
                value=self.channels,
                limit=limits.max_channels,
                mend="Mix it down to stereo.",
            )
        if not limits.min_sample_rate_hz <= self.sample_rate_hz <= limits.max_sample_rate_hz:
            raise AudioError(
                "track.sample_rate_unsupported",
                f"This file's sample rate is {self.sample_rate_hz} Hz; it must lie between"
                f" {limits.min_sample_rate_hz} and {limits.max_sample_rate_hz} Hz.",
                value=self.sample_rate_hz,
                limit=limits.max_sample_rate_hz
                if self.sample_rate_hz > limits.max_sample_rate_hz
                else limits.min_sample_rate_hz,
                mend="Resample it to 44100 or 48000 Hz.",
            )
        # Where the bytes bear the claim out, a file that is far too long is refused without decoding a sample.
        proven = (self._claim.frames or 0) if self._claim.proven else 0
        if proven > limits.max_duration_s * self.sample_rate_hz:
            raise self._too_long(proven)

    def _too_long(self, frames: int) -> AudioError:
        longest = self._limits.max_duration_s
        seconds = frames / self.sample_rate_hz
        claimed = (self._claim.frames or 0) / self.sample_rate_hz
        length = spoken_duration(max(seconds, claimed)) if max(seconds, claimed) > longest + 1 else f"{seconds:.2f} s"
        return AudioError(
            "track.too_long",
            f"This file is {length} long; the limit is {spoken_duration(longest)}.",
            value=max(seconds, claimed),
            limit=longest,
            mend="Trim it, or split it into parts.",
        )

    def _check_samples(self, block: FloatBlock) -> None:
        # One comparison finds NaN and infinity too: neither is within the bounds.
        if float(block.max()) <= LOUDEST_SAMPLE and float(block.min()) >= -LOUDEST_SAMPLE:
            return
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            at_s = (self.frames + int(finite.argmin())) / self.sample_rate_hz
            raise AudioError(
                "track.not_finite",
                f"This file holds samples that are no numbers (NaN or infinite), the first at {at_s:.3f} s.",
                value="NaN or infinity",
                limit="finite numbers",
                mend="A plug-in or an export went wrong there. Render the song again and use the new file.",
            )
        peak = float(np.abs(block).max())
        raise AudioError(
            "track.unreadable",
            f"This file's samples reach {peak:.3g} times full scale; the limit is {LOUDEST_SAMPLE:g}.",
            value=peak,
            limit=LOUDEST_SAMPLE,
            mend="Its sample format is mislabelled, or the export went wrong. Export it again as 24-bit WAV.",
        )

    def _check_end(self) -> None:
        seconds = self.frames / self.sample_rate_hz
        claimed = self._claim.present_frames or self._claim.frames
        if claimed is not None and self.frames < claimed - _end_slack(self.container, self.codec):
            raise AudioError(
                "track.truncated",
                f"This file says that it is {claimed / self.sample_rate_hz:.2f} s long, but only {seconds:.2f} s could"
                " be decoded.",
                value=seconds,
                limit=claimed / self.sample_rate_hz,
                mend="The transfer or the export was cut off or damaged. Use the complete file.",
            )
        if self.frames == 0 or seconds < self._limits.min_duration_s:
            raise AudioError(
                "track.too_short",
                f"This file is {spoken_duration(seconds)} long; the shortest that can be worked on is"
                f" {spoken_duration(self._limits.min_duration_s)}.",
                value=seconds,
                limit=self._limits.min_duration_s,
                mend="Check that the export holds the whole song, and try again.",
            )


def _end_slack(container: Container, codec: str) -> int:
    """Frames that a sound file may lack against its claim.

    MP3 decoders drop a first frame whose bit reservoir is missing, and their own delay; Ogg's leave out damaged
    packets; the last packet of ALAC may be shorter than the others. The rest is exact.
    """
    if codec == "alac":
        return 1 << 14
    return 4 * 1152 if container == "mp3" else 4 * 2048 if container == "ogg" else 0
