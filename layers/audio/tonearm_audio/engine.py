"""Render: source, steps and sink joined into one stream of blocks; the source is decoded once.

The same source, operations and engine version give the same samples on every run: nothing depends on threads, on the
clock or on how the blocks happen to be cut. What must hear all of a song before it can begin, such as mastering, hears
it from a spool on disk the second time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np

from tonearm_audio.decode import FloatBlock, Source
from tonearm_audio.encode import open_sink, output_sample_rate
from tonearm_audio.encoding_tries import Tries
from tonearm_audio.limiter import TruePeakLimiter, limit
from tonearm_audio.loudness_match import Heard, Listener
from tonearm_audio.memory import reuse_freed_memory
from tonearm_audio.operations import (
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    Operation,
    Reverb,
    Spatial,
    Trim,
)
from tonearm_audio.output_format import OutputFormat
from tonearm_audio.plan import Change, Finish, Plan, Stage, channels_after, plan, staged
from tonearm_audio.spool import Spool
from tonearm_audio.tag_reading import read_tags
from tonearm_audio.tags import Tags

_OVERSHOOT_DB = 1.0
"""What is left below the ceiling at first for a lossy codec to overshoot; of a master in any format, for it is there to
be encoded by others."""
_WORST_OVERSHOOT_DB, _WORST_AT_HIGH_RATES_DB = 17.0, 4.0
"""By how much the true peak of an encoded file may be above that of what was encoded. Of the worst sounds that a search
found, held values and noise of two of them: 14.7 dB in Opus of 32 kbit/s and 9.0 in 64, in AAC 12.2 at 96 kbit/s and
10.7 at 128, 9.4 in Vorbis at 8 kHz, in MP3 9.1 at 32 kbit/s, 8.5 at a variable rate and 3.44 at 320 kbit/s."""
_HIGH_RATE_KBPS = 320
_FULL_RATE_HZ = 32000
"""From here on an MP3 can have that rate."""
_UNLIMITED_DBTP = 40.0
"""A ceiling that no song reaches, where none is promised or a finishing operation will hold it."""

_MODULES: dict[type, str] = {
    Trim: "trim",
    Fade: "fade",
    Equalize: "equalize",
    Compress: "compress",
    Reverb: "reverb",
    Mix: "mix",
    Convert: "convert",
}
"""The module of each step that needs nothing but its operation; it is loaded when a recipe asks for it."""


class Finisher(Protocol):
    """What must hear all of a song before it can begin."""

    def feed(self, block: FloatBlock) -> None:
        """Take the next np.ndarray [shape=(frames, channels), dtype=float32]."""

    def blocks(
        self, replay: Callable[[], Iterator[FloatBlock]], *, ceiling_dbtp: float, gain_db: float
    ) -> Iterator[FloatBlock]:
        """Yield the finished song.

        Args:
            replay: gives all that was fed, from the start; may be called several times.
            ceiling_dbtp: highest true peak that may leave.
            gain_db: by how much more than asked for; what the encoder was found to take away.
        """


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


def output_rate_hz(made: Plan, source_rate_hz: int, output: OutputFormat) -> int:
    """The rate of a render: what the plan asks for, or the nearest that the codec has."""
    return output_sample_rate(made.sample_rate_hz(source_rate_hz), output)


def promised_frames(made: Plan, source_frames: int, *, source_rate_hz: int, rate_hz: int) -> int:
    """The exact length that a render has; the other files of a mix are decoded to tell theirs."""
    frames = source_frames
    for stage in staged(made, source_rate_hz=source_rate_hz, output_rate_hz=rate_hz):
        others = 0
        if isinstance(stage.step, Mix):
            others = import_module("tonearm_audio.mix").mixed_frames(stage.step, stage.rate_in_hz)
        frames = stage.frames_after(frames, others=others)
    return frames


def render(
    source: Path,
    destination: Path,
    *,
    operations: Sequence[Operation],
    output: OutputFormat,
    on_progress: Callable[[float], None] | None = None,
) -> RenderResult:
    """Apply operations to a file and write the result.

    Where the recipe promises a true-peak ceiling or a loudness, a lossy file is encoded again, a little lower or
    louder, when decoding it shows that it is not kept: how far a codec overshoots, and what it leaves out, is known
    only then.

    Without operations, and at a rate that the output can hold, the samples reach the encoder bit for bit.

    Args:
        source: a file of any format in docs/formats.md, mono or stereo.
        destination: appears complete or not at all; its folder must exist.
        operations: heard in their order, as `plan` tells; loudness or master last.
        output: the format to write.
        on_progress: called with 0.0 to 1.0, rising.

    Raises:
        AudioError: any `track.*` code for the source, `recipe.*` for the operations.
        OSError: a file cannot be read or written.
        ValueError: destination and source are the same file, which is read while the other is written.

    Example:
        >>> render(Path("song.mp3"), Path("fast.mp3"), operations=[Tempo(1.1)], output=OutputFormat("mp3"))
    """
    if destination.exists() and destination.samefile(source):
        raise ValueError(f"{destination} is the source itself; write the render beside it")
    reuse_freed_memory()
    work = _Work.of(source, plan(operations), output, on_progress)
    with ExitStack() as stack:
        if work.plan.finish is None:
            return work.encode(lambda ceiling_dbtp, _: work.heard(ceiling_dbtp), destination)
        finisher = open_finisher(work.plan.finish, sample_rate_hz=work.rate_hz, channels=work.channels)
        spool = stack.enter_context(Spool(work.channels))
        frames = 0
        for block in work.heard(_UNLIMITED_DBTP):
            finisher.feed(block)
            spool.write(block)
            frames += len(block)
        return work.encode(
            lambda ceiling_dbtp, gain_db: work.finishing(
                finisher.blocks(spool.blocks, ceiling_dbtp=ceiling_dbtp, gain_db=gain_db), frames
            ),
            destination,
        )


def open_finisher(finish: Finish, *, sample_rate_hz: int, channels: int) -> Finisher:
    """What measures a song and then brings it to a loudness."""
    module = import_module(f"tonearm_audio.{'loudness_match' if isinstance(finish, Loudness) else 'master'}")
    finisher: Finisher = module.Finisher(finish, sample_rate_hz=sample_rate_hz, channels=channels)
    return finisher


@dataclass(frozen=True)
class _Work:
    """One render.

    Attributes:
        source: the file.
        plan: what is done to it.
        output: the format to write.
        rate_hz: of the render.
        channels: of the render.
        tags: what the source says of the song, and the render will.
        report: told the share of the source that has been read, rising.
    """

    source: Path
    plan: Plan
    output: OutputFormat
    rate_hz: int
    channels: int
    tags: Tags
    report: Callable[[float], None]

    @classmethod
    def of(cls, source: Path, made: Plan, output: OutputFormat, on_progress: Callable[[float], None] | None) -> _Work:
        with Source(source) as opened:
            rate_hz = output_rate_hz(made, opened.sample_rate_hz, output)
            channels = made.channels(opened.channels)
        for path in made.mixed:
            # What is no sound file is refused at once, and not when it is first heard.
            with Source(path):
                pass
        return cls(source, made, output, rate_hz, channels, read_tags(source), _rising(on_progress))

    def heard(self, ceiling_dbtp: float) -> Iterator[FloatBlock]:
        """The song after all steps; a motion among them keeps below the ceiling."""
        with Source(self.source) as opened:
            blocks, channels = self._reported(opened), opened.channels
            for stage in staged(self.plan, source_rate_hz=opened.sample_rate_hz, output_rate_hz=self.rate_hz):
                blocks = self._applied(blocks, stage, channels, ceiling_dbtp)
                channels = channels_after(stage.step, channels)
            yield from self._held(blocks, ceiling_dbtp)

    def _held(self, blocks: Iterator[FloatBlock], ceiling_dbtp: float) -> Iterator[FloatBlock]:
        """The song below the ceiling, or below full scale where there is none; what is below it is not touched."""
        if self.plan.finish is not None or self._moves_last:
            return blocks
        if ceiling_dbtp == _UNLIMITED_DBTP:
            return limit(blocks, sample_rate_hz=self.rate_hz)
        return _below(blocks, TruePeakLimiter(self.rate_hz, ceiling_dbtp=ceiling_dbtp))

    @property
    def _moves_last(self) -> bool:
        """Whether nothing comes after a motion that could lift its peaks again."""
        return bool(self.plan.steps) and isinstance(self.plan.steps[-1], Spatial)

    def _reported(self, opened: Source) -> Iterator[FloatBlock]:
        expected = opened.expected_frames
        for block in opened.blocks():
            if expected:
                self.report(self._heard_share * min(1.0, opened.frames / expected))
            yield block

    @property
    def _heard_share(self) -> float:
        """How much of the work is done once the source has been read."""
        return 0.99 if self.plan.finish is None else 0.5

    def finishing(self, blocks: Iterator[FloatBlock], frames: int) -> Iterator[FloatBlock]:
        """Report how far what is finished has come, of so many frames."""
        done = 0
        for block in blocks:
            done += len(block)
            self.report(min(0.99, self._heard_share + 0.5 * done / max(1, frames)))
            yield block

    def _applied(
        self, blocks: Iterator[FloatBlock], stage: Stage, channels: int, ceiling_dbtp: float
    ) -> Iterator[FloatBlock]:
        step = stage.step
        if isinstance(step, Change):
            changed: Iterator[FloatBlock] = import_module("tonearm_audio.change").process_change(
                blocks,
                change=step,
                sample_rate_hz=stage.rate_in_hz,
                channels=channels,
                output_rate_hz=stage.rate_out_hz,
            )
            return changed
        if isinstance(step, Spatial):
            spatial = import_module("tonearm_audio.spatial").spatial
            if not self._moves_last:
                ceiling_dbtp = _UNLIMITED_DBTP
            moved: Iterator[FloatBlock] = spatial(
                blocks,
                operation=step,
                sample_rate_hz=stage.rate_in_hz,
                channels=channels,
                ceiling_dbtp=ceiling_dbtp,
            )
            return moved
        process = import_module(f"tonearm_audio.{_MODULES[type(step)]}").process
        processed: Iterator[FloatBlock] = process(
            blocks, operation=step, sample_rate_hz=stage.rate_in_hz, channels=channels
        )
        return processed

    def encode(self, sound: Callable[[float, float], Iterator[FloatBlock]], destination: Path) -> RenderResult:
        """Write the file; again while decoding it shows that it is beyond the ceiling, or not as loud as it went in.

        Args:
            sound: gives what to encode, for a ceiling in dBTP and a gain in dB.
            destination: the file.
        """
        ceiling_dbtp = self.plan.ceiling_dbtp
        if ceiling_dbtp is None:
            return self._write(sound(_UNLIMITED_DBTP, 0.0), destination)
        # Judged where nobody sees it: what stands at the destination is as good as it gets.
        with TemporaryDirectory(dir=destination.parent, prefix=".tonearm-") as folder:
            attempt = Path(folder, destination.name)
            result = self._best(sound, attempt, ceiling_dbtp)
            attempt.replace(destination)
        return result

    def _best(
        self, sound: Callable[[float, float], Iterator[FloatBlock]], attempt: Path, ceiling_dbtp: float
    ) -> RenderResult:
        """The best of some tries, which stands at `attempt` then."""
        headroom_db = _OVERSHOOT_DB if self.output.lossy or self.plan.has(Master) else 0.0
        if not self.output.lossy:
            return self._write(sound(ceiling_dbtp - headroom_db, 0.0), attempt)
        tries, wanted_lufs = Tries(headroom_db), None
        candidate = attempt.with_name(f"next-{attempt.name}")
        # From there on encoding may lift a peak beyond the ceiling.
        harmless_dbtp = -math.inf if self.plan.finish is not None else ceiling_dbtp - self._worst_overshoot_db
        while True:
            listener = self._listener(self.rate_hz, self.channels, enough_dbtp=harmless_dbtp)
            result = self._write(sound(ceiling_dbtp - tries.headroom_db, tries.gain_db), candidate, listener)
            heard = sent = listener.heard()
            if sent.true_peak_dbtp > harmless_dbtp:
                heard = self._heard(candidate)
            wanted_lufs = sent.integrated_lufs if wanted_lufs is None else wanted_lufs
            softer_lu = 0.0
            if wanted_lufs is not None and heard.integrated_lufs is not None:
                softer_lu = wanted_lufs - heard.integrated_lufs
            if tries.heard(heard.true_peak_dbtp - ceiling_dbtp, softer_lu):
                best = result
                candidate.replace(attempt)
            if tries.done:
                # What is not as promised even then is the certificate's to name.
                return best

    @property
    def _worst_overshoot_db(self) -> float:
        """What encoding may add to a true peak, at the very most."""
        output = self.output
        high = output.codec == "mp3" and not output.variable and output.bitrate_kbps >= _HIGH_RATE_KBPS
        return _WORST_AT_HIGH_RATES_DB if high and self.rate_hz >= _FULL_RATE_HZ else _WORST_OVERSHOOT_DB

    def _listener(self, sample_rate_hz: int, channels: int, *, enough_dbtp: float = math.inf) -> Listener:
        """Measures what a promise is about."""
        return Listener(sample_rate_hz, channels, peak_only=self.plan.finish is None, enough_dbtp=enough_dbtp)

    def _heard(self, path: Path) -> Heard:
        """The encoded file as it comes out of a decoder."""
        with Source(path) as opened:
            listener = self._listener(opened.sample_rate_hz, opened.channels)
            for block in opened.blocks():
                listener.feed(block)
        return listener.heard()

    def _write(self, blocks: Iterator[FloatBlock], destination: Path, listener: Listener | None = None) -> RenderResult:
        digest, frames = hashlib.sha256(), 0
        with open_sink(
            destination,
            output=self.output,
            sample_rate_hz=self.rate_hz,
            channels=self.channels,
            tags=self.tags,
            wide=self.plan.wide,
        ) as sink:
            for block in blocks:
                digest.update(np.ascontiguousarray(block, "<f4").data)
                frames += len(block)
                if listener is not None:
                    listener.feed(block)
                sink.write(block)
        self.report(1.0)
        return RenderResult(frames, self.rate_hz, self.channels, digest.hexdigest())


def _below(blocks: Iterator[FloatBlock], limiter: TruePeakLimiter) -> Iterator[FloatBlock]:
    for block in blocks:
        yield from limiter.feed(block)
    yield from limiter.finish()


def _rising(on_progress: Callable[[float], None] | None) -> Callable[[float], None]:
    """Progress that never falls back: a second attempt has nothing to tell."""
    told = 0.0

    def report(part: float) -> None:
        nonlocal told
        if on_progress is not None and part > told:
            told = part
            on_progress(part)

    return report
