"""Render: source, operations and sink joined into one stream of blocks, read once and written once.

The same source, operations and engine version give the same samples on every run: nothing depends on threads, on the
clock or on how the blocks happen to be cut.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonearm_audio.decode import FloatBlock, Source
from tonearm_audio.encode import encoder_loss_db, open_sink, output_sample_rate
from tonearm_audio.limiter import limit
from tonearm_audio.loudness import PeakMeter
from tonearm_audio.operations import Change, Codec, Operation, OutputFormat, Spatial, fold, motion
from tonearm_audio.pitch import fit_length, resample
from tonearm_audio.spatial import spatial
from tonearm_audio.stretch import stretch

_SAME = 1e-9

TRUE_PEAK_DBTP = -1.0
"""Highest true peak of a spatial render, measured on the encoded file."""
_OVERSHOOT_DB: dict[Codec, float] = {"wav": 0.0, "flac": 0.0, "mp3": 1.0, "ogg": 1.0}
"""What is left below it at first for a lossy codec to overshoot."""
_WORST_OVERSHOOT_DB = 4.0
_MOST_TRIES = 4


@dataclass(frozen=True)
class RenderResult:
    """What `render` wrote.

    Attributes:
        frames: frames written.
        sample_rate_hz: the file's sample rate.
        channels: the file's channels.
        pcm_sha256: hash of the samples handed to the encoder, as little-endian float32, interleaved. Equal hashes mean
            equal sound before encoding.
    """

    frames: int
    sample_rate_hz: int
    channels: int
    pcm_sha256: str


def promised_frames(source_frames: int, change: Change, *, source_rate_hz: int, output_rate_hz: int) -> int:
    """The exact length a render has: round(frames / factor), then carried over to the output's sample rate."""
    return max(1, round(change.frames_after(source_frames) * output_rate_hz / source_rate_hz))


def render(
    source: Path,
    destination: Path,
    *,
    operations: Sequence[Operation],
    output: OutputFormat,
    on_progress: Callable[[float], None] | None = None,
) -> RenderResult:
    """Apply operations to a file and write the result.

    What moves is encoded again, a little lower, when the decoded file turns out to be beyond its true-peak ceiling: how
    far a lossy codec overshoots is known only then. It is rare, and only loud songs are looked at.

    Without operations, and at a rate that the output can hold, the samples reach the encoder bit for bit.

    Args:
        source: a file of any format in docs/formats.md, mono or stereo.
        destination: appears complete or not at all; its folder must exist.
        operations: tempo and pitch changes, which commute, and at most one spatial operation, which comes last.
        output: the format to write.
        on_progress: called with 0.0 to 1.0, rising.

    Raises:
        AudioError: any `track.*` code for the source, `recipe.invalid` for the operations.
        OSError: a file cannot be read or written.

    Example:
        >>> render(Path("song.mp3"), Path("fast.mp3"), operations=[Tempo(1.1)], output=OutputFormat("mp3"))
    """
    change, moving = fold(operations), motion(operations)
    if moving is None:
        return _rendered(source, destination, change, None, output=output, on_progress=on_progress)
    headroom_db, left = _OVERSHOOT_DB[output.codec], _MOST_TRIES
    while True:
        circling = _Circling(moving, TRUE_PEAK_DBTP - headroom_db)
        result = _rendered(source, destination, change, circling, output=output, on_progress=on_progress)
        left -= 1
        # What is beyond the ceiling after the last try is the certificate's to name.
        over_db = _true_peak_dbtp(destination) - TRUE_PEAK_DBTP if left and circling.may_overshoot(output) else 0.0
        if over_db <= 0:
            return result
        # Progress has been told; the same work once more is not told again.
        on_progress = None
        headroom_db += over_db + 0.1


@dataclass
class _Circling:
    """A spatial operation on its way through one render.

    Attributes:
        operation: what was asked for.
        ceiling_dbtp: for the samples that the encoder encodes.
        peak: highest of these samples.
    """

    operation: Spatial
    ceiling_dbtp: float
    peak: float = 0.0

    def may_overshoot(self, output: OutputFormat) -> bool:
        """Whether the encoded file could be beyond the ceiling."""
        loud = self.peak > 10 ** ((TRUE_PEAK_DBTP - _WORST_OVERSHOOT_DB) / 20)
        return loud and _OVERSHOOT_DB[output.codec] > 0


def _true_peak_dbtp(path: Path) -> float:
    with Source(path) as opened:
        peaks = PeakMeter(opened.channels)
        for block in opened.blocks():
            peaks.feed(block)
    peaks.finish()
    return 20 * math.log10(max(peaks.true_peak, 1e-9))


def _rendered(
    source: Path,
    destination: Path,
    change: Change,
    circling: _Circling | None,
    *,
    output: OutputFormat,
    on_progress: Callable[[float], None] | None,
) -> RenderResult:
    with Source(source) as opened:
        rate_hz = output_sample_rate(opened.sample_rate_hz, output)

        def promised() -> int:
            return promised_frames(opened.frames, change, source_rate_hz=opened.sample_rate_hz, output_rate_hz=rate_hz)

        blocks = _reported(opened, on_progress)
        blocks = _changed(blocks, change, opened, rate_hz)
        blocks = fit_length(blocks, frames=promised, channels=opened.channels)
        channels = opened.channels
        if circling is None:
            blocks = limit(blocks, sample_rate_hz=rate_hz)
        else:
            blocks = spatial(
                blocks,
                operation=circling.operation,
                sample_rate_hz=rate_hz,
                channels=channels,
                ceiling_dbtp=circling.ceiling_dbtp + encoder_loss_db(output),
                gain_db=encoder_loss_db(output),
            )
            channels = 2
        digest, frames = hashlib.sha256(), 0
        with open_sink(destination, output=output, sample_rate_hz=rate_hz, channels=channels) as sink:
            for block in blocks:
                digest.update(block.astype("<f4", copy=False).tobytes())
                frames += len(block)
                if circling is not None:
                    circling.peak = max(circling.peak, float(np.abs(block).max()))
                sink.write(block)
        if on_progress is not None:
            on_progress(1.0)
        return RenderResult(frames, rate_hz, channels, digest.hexdigest())


def _reported(source: Source, on_progress: Callable[[float], None] | None) -> Iterator[FloatBlock]:
    expected = source.expected_frames
    for block in source.blocks():
        if on_progress is not None and expected:
            on_progress(min(0.99, source.frames / expected))
        yield block


def _changed(blocks: Iterator[FloatBlock], change: Change, source: Source, rate_hz: int) -> Iterator[FloatBlock]:
    source_hz, channels = source.sample_rate_hz, source.channels
    if abs(change.time_ratio - 1.0) > _SAME:
        blocks = stretch(blocks, time_ratio=change.time_ratio, sample_rate_hz=source_hz, channels=channels)
    # One resampling serves both the pitch and a codec that lacks the source's rate.
    ratio = change.pitch_ratio * source_hz / rate_hz
    if abs(ratio - 1.0) > _SAME:
        blocks = resample(blocks, ratio=ratio, channels=channels)
    return blocks
