"""Certify: what was measured on a render after encoding, held against what its recipe promised.

docs/audio-promises.md holds the table of promise, operation and tolerance that this module implements, and the
measurements behind each tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tonearm_audio.circling import Image, ImageMeter, share_of_motion
from tonearm_audio.decode import Source
from tonearm_audio.encode import output_sample_rate
from tonearm_audio.engine import TRUE_PEAK_DBTP, promised_frames
from tonearm_audio.envelope import Envelope, EnvelopeMeter, align
from tonearm_audio.loudness import LoudnessMeter, MeasuredLoudness
from tonearm_audio.operations import Change, Codec, Operation, OutputFormat, Pitch, Spatial, Tempo, fold, motion
from tonearm_audio.peaks import Peaks, PeaksMeter, mono
from tonearm_audio.transposition import STEADY, Spectrum, SpectrumMeter, transposition
from tonearm_audio.version import ENGINE_VERSION

PITCH_TOLERANCE_CENTS = 3.0
# A line wider than a song's is located less exactly, in proportion to its width.
STEADY_LINE_CENTS = 15.0
WIDEST_PITCH_TOLERANCE_CENTS = 20.0
LEVEL_TOLERANCE_LU = 1.0
FULL_LEVEL_TOLERANCE_LU = 6.0
"""For a render whose peaks reach full scale and whose source has nothing to spare: it cannot be louder."""
_FULL_PEAK = 10 ** (-0.5 / 20)
TIMING_TOLERANCE_MS = 30.0
FAR_TIMING_TOLERANCE_MS = 240.0
"""Where a song is stretched to more than twice or less than half, attacks smear over two of the stretcher's windows."""
GAP_TOLERANCE_S = 0.25
CLIPPING_TOLERANCE_PERCENT: dict[Codec, float] = {"wav": 0.01, "flac": 0.01, "mp3": 0.1, "ogg": 0.1}
LOUDNESS_TOLERANCE_LU = 0.5
LOUDEST_KEPT_LUFS = -9.0
"""Up to here a source's loudness is kept whatever it is; louder ones are as loud as the true-peak ceiling allows."""
SPIKIEST_KEPT_DB = 20.0
"""The same for a source's true peak over its loudness: of clicks, little is left when their peaks are turned down."""
MONO_LOSS_DB = 3.0
MOTION_TOLERANCE = 0.65
"""A room, which stays where it is, takes a part of the motion's share."""
MOTION_TOLERANCE_IN_A_HALL = 0.9
"""Of the largest rooms little else is left in a few seconds: what stands still or goes the wrong way is still told."""
_FEWEST_PARTIALS = 10
_LARGE_ROOM = 0.25
_HALL = 0.5
_CEILING_PEAK = 10 ** (-3.0 / 20)
_FULL_SCALE = 1.0 - 2.0**-15
_LOWEST_LEVEL_HZ = 30.0


@dataclass(frozen=True)
class Promise:
    """One promise of a recipe and what became of it.

    Attributes:
        name: "channels", "sample_rate", "duration", "pitch", "level", "timing", "gaps" or "clipping"; of a spatial
            render also "true_peak", "mono" and "motion", and "loudness" instead of "level" where it is nothing else.
        operation: the operation that makes it: "tempo", "pitch", "spatial", several as "tempo+pitch", or "convert" for
            none.
        unit: of the three figures.
        expected: what the recipe promises; for "clipping" the source's own value.
        measured: what the encoded file holds; None when it cannot be measured, and `note` says why.
        tolerance: how far measured may lie from expected (for "clipping", "true_peak" and "mono": above it).
        kept: whether it does not lie farther. Where the source has nothing to measure, `measured` is None and this is
            true; where the render lost it, `measured` is None and this is false.
        note: empty, or why there is no measurement or a wider tolerance.
    """

    name: str
    operation: str
    unit: str
    expected: float | None
    measured: float | None
    tolerance: float
    kept: bool
    note: str = ""


@dataclass(frozen=True)
class Certificate:
    """Every promise of one render, and what it looks like.

    Attributes:
        promises: all that its recipe promises.
        peaks: the waveform of the encoded file, a document of its own.
    """

    promises: tuple[Promise, ...]
    peaks: Peaks

    @property
    def kept(self) -> bool:
        """Whether no promise was found broken."""
        return all(promise.kept for promise in self.promises)

    @property
    def broken(self) -> tuple[Promise, ...]:
        """The promises that were not kept."""
        return tuple(promise for promise in self.promises if not promise.kept)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, all but the waveform; figures to a thousandth."""
        return {
            "engine_version": ENGINE_VERSION,
            "kept": self.kept,
            "promises": [
                {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(promise).items()}
                for promise in self.promises
            ],
        }


@dataclass(frozen=True)
class _Measured:
    """What one file holds."""

    frames: int
    sample_rate_hz: int
    channels: int
    peak: float
    spectrum: Spectrum
    envelope: Envelope
    clipped_percent: float
    peaks: Peaks
    stereo: _Stereo | None


@dataclass(frozen=True)
class _Stereo:
    """What is measured beside that where a recipe is spatial."""

    loudness: MeasuredLoudness
    image: Image


def certify(
    source: Path,
    render: Path,
    *,
    operations: Sequence[Operation],
    output: OutputFormat,
    on_progress: Callable[[float], None] | None = None,
) -> Certificate:
    """Measure an encoded render against its source and say which promises it keeps.

    Args:
        source: the file that was rendered.
        render: the encoded render.
        operations: what was asked for.
        output: the format that was asked for.
        on_progress: called with 0.0 to 1.0, rising.

    Raises:
        AudioError: any `track.*` code when one of the files cannot be decoded, `recipe.invalid` for the operations.
        OSError: a file cannot be opened.
    """
    change, circling = fold(operations), motion(operations)
    before = _measure(source, _part(on_progress, 0.0), in_stereo=circling is not None)
    after = _measure(render, _part(on_progress, 0.5), in_stereo=circling is not None)
    kinds = (("tempo", Tempo), ("pitch", Pitch), ("spatial", Spatial))
    names = [name for name, kind in kinds if any(isinstance(operation, kind) for operation in operations)]
    everything = "+".join(names) or "convert"
    rate_hz = output_sample_rate(before.sample_rate_hz, output)
    channels = before.channels if circling is None else 2
    frames = promised_frames(before.frames, change, source_rate_hz=before.sample_rate_hz, output_rate_hz=rate_hz)
    promises = [
        _near("channels", everything, "channels", expected=channels, measured=after.channels, tolerance=0),
        _near("sample_rate", everything, "Hz", expected=rate_hz, measured=after.sample_rate_hz, tolerance=0),
        _near(
            "duration",
            "tempo" if "tempo" in names else everything,
            "frames",
            expected=frames,
            measured=after.frames,
            tolerance=0,
        ),
        _pitch("pitch" if "pitch" in names else everything, change, before, after),
        _loudness(before, after) if names == ["spatial"] else _level(everything, change, before, after),
        *_timing(everything, change, before, after),
        _clipping(everything, output, before, after),
    ]
    if circling is not None:
        promises += [_true_peak(after), _mono(before, after), _motion(circling, change, before, after)]
    if on_progress is not None:
        on_progress(1.0)
    return Certificate(tuple(promises), after.peaks)


def _part(on_progress: Callable[[float], None] | None, start: float) -> Callable[[float], None]:
    def report(part: float) -> None:
        if on_progress is not None:
            on_progress(start + 0.5 * min(0.99, part))

    return report


def _measure(path: Path, report: Callable[[float], None], *, in_stereo: bool) -> _Measured:
    with Source(path) as opened:
        spectrum = SpectrumMeter(opened.sample_rate_hz, opened.channels)
        envelope = EnvelopeMeter(opened.sample_rate_hz)
        peaks = PeaksMeter(opened.sample_rate_hz)
        loudness = LoudnessMeter(opened.sample_rate_hz, opened.channels)
        image = ImageMeter(opened.sample_rate_hz, opened.channels)
        expected, clipped, peak = opened.expected_frames, 0, 0.0
        for block in opened.blocks():
            spectrum.feed(block)
            envelope.feed(block)
            peaks.feed(mono(block))
            if in_stereo:
                loudness.feed(block)
                image.feed(block)
            size = np.abs(block)
            peak = max(peak, float(size.max()))
            clipped += int(np.count_nonzero(size >= _FULL_SCALE))
            if expected:
                report(opened.frames / expected)
        return _Measured(
            frames=opened.frames,
            sample_rate_hz=opened.sample_rate_hz,
            channels=opened.channels,
            peak=peak,
            spectrum=spectrum.result(),
            envelope=envelope.result(),
            clipped_percent=100 * clipped / (opened.frames * opened.channels),
            peaks=peaks.result(),
            stereo=_Stereo(loudness.result(), image.result()) if in_stereo else None,
        )


def _near(name: str, operation: str, unit: str, *, expected: float, measured: float, tolerance: float) -> Promise:
    kept = abs(measured - expected) <= tolerance
    return Promise(name, operation, unit, float(expected), float(measured), float(tolerance), kept)


def _pitch(operation: str, change: Change, before: _Measured, after: _Measured) -> Promise:
    expected = 100 * change.semitones
    found = transposition(before.spectrum.tones, after.spectrum.tones, expected_cents=expected)
    if found.cents is None:
        # Noise has no pitch to keep. Tones that are steady through the source and gone from the render were lost.
        lost = before.spectrum.steadiness >= STEADY
        note = "the render lacks the source's tones" if lost else "not measurable: the source has no steady tones"
        note += f" (likeness {found.likeness:.2f}, steadiness {before.spectrum.steadiness:.2f})"
        return Promise("pitch", operation, "cents", expected, None, PITCH_TOLERANCE_CENTS, not lost, note)
    # Told from the source alone, so that no render can widen what is asked of it.
    width = before.spectrum.line_width_cents
    tolerance = min(PITCH_TOLERANCE_CENTS * max(1.0, width / STEADY_LINE_CENTS), WIDEST_PITCH_TOLERANCE_CENTS)
    promise = _near("pitch", operation, "cents", expected=expected, measured=found.cents, tolerance=tolerance)
    moving = f"the source's tones move or are short: lines {width:.0f} cents wide"
    return replace(promise, note=moving) if tolerance > PITCH_TOLERANCE_CENTS else promise


def _level(operation: str, change: Change, before: _Measured, after: _Measured) -> Promise:
    """K-weighted level of what both files can hold, each partial weighted as in the source.

    Not gated: a gate opens on other moments once hits stand closer together. What a shift carries beyond half the
    sample rate is gone rightly, so it counts on neither side.
    """
    ratio = change.pitch_ratio
    high = min(before.spectrum.highest_hz, after.spectrum.highest_hz / ratio)
    low = _LOWEST_LEVEL_HZ * max(1.0, 1.0 / ratio)
    expected = before.spectrum.level_db(low, high, pitch_ratio=1.0)
    measured = after.spectrum.level_db(low, high, pitch_ratio=ratio)
    tolerance, note, full_peak = LEVEL_TOLERANCE_LU, "", _FULL_PEAK
    if after.stereo is not None:
        # A shadow behind the head is one thing, and a level of what both files can hold another.
        tolerance, full_peak = tolerance + LOUDNESS_TOLERANCE_LU, _CEILING_PEAK
    if expected is None or measured is None:
        return _silent(Promise("level", operation, "LKFS", expected, measured, tolerance, kept=False))
    if measured < expected - tolerance and after.peak >= full_peak:
        tolerance = FULL_LEVEL_TOLERANCE_LU
        note = f"as loud as full scale allows: the render's peaks reach {20 * math.log10(after.peak):.1f} dBFS"
    kept = abs(measured - expected) <= tolerance
    return Promise("level", operation, "LKFS", expected, measured, tolerance, kept, note)


def _silent(promise: Promise) -> Promise:
    """Silence in, silence out: a promise of which one figure or both are missing."""
    expected, measured = promise.expected, promise.measured
    silent = expected is None and measured is None
    if silent:
        note = "not measurable: source and render are silent"
    elif expected is None:
        note = "the source is silent, the render is not"
    else:
        note = "the render is silent, the source is not"
    return replace(promise, kept=silent, note=note)


def _timing(operation: str, change: Change, before: _Measured, after: _Measured) -> tuple[Promise, Promise]:
    """Every moment of the source at its moment of the render, and none of them missing."""
    found = align(before.envelope, after.envelope, tempo_factor=change.tempo_factor)
    far = not 0.5 <= change.time_ratio <= 2.0
    tolerance = FAR_TIMING_TOLERANCE_MS if far else TIMING_TOLERANCE_MS
    if found.lag_ms is None:
        note = "not measurable: the level is too even to tell one moment from another"
        timing = Promise("timing", operation, "ms", 0.0, None, tolerance, kept=True, note=note)
    else:
        timing = _near("timing", operation, "ms", expected=0, measured=found.lag_ms, tolerance=tolerance)
    return timing, _near("gaps", operation, "s", expected=0, measured=found.silent_s, tolerance=GAP_TOLERANCE_S)


def _clipping(operation: str, output: OutputFormat, before: _Measured, after: _Measured) -> Promise:
    """No more samples at full scale or beyond than the source has.

    Counted, not measured by the highest peak: an MP3 of a song that was mastered into the ceiling overshoots by some
    decibels at a few samples, however well it is made.
    """
    tolerance = CLIPPING_TOLERANCE_PERCENT[output.codec]
    kept = after.clipped_percent <= before.clipped_percent + tolerance
    return Promise(
        "clipping", operation, "% of samples", before.clipped_percent, after.clipped_percent, tolerance, kept
    )


def _stereo(measured: _Measured) -> _Stereo:
    if measured.stereo is None:
        raise TypeError("a spatial render is measured in stereo")
    return measured.stereo


def _loudness(before: _Measured, after: _Measured) -> Promise:
    """Integrated loudness by BS.1770, gate and all."""
    expected, measured = _stereo(before).loudness.integrated_lufs, _stereo(after).loudness.integrated_lufs
    tolerance = LOUDNESS_TOLERANCE_LU
    if expected is None or measured is None:
        return _silent(Promise("loudness", "spatial", "LUFS", expected, measured, tolerance, kept=False))
    promise = _near("loudness", "spatial", "LUFS", expected=expected, measured=measured, tolerance=tolerance)
    peak = _stereo(before).loudness.true_peak_dbtp or 0.0
    spiky = peak - expected > SPIKIEST_KEPT_DB
    if measured < expected and (spiky or expected > LOUDEST_KEPT_LUFS):
        # A side takes in up to 3 dB more than one channel of the source, and a codec overshoots.
        tolerance += max(peak - TRUE_PEAK_DBTP + 5.0, 0.0) if spiky else expected - LOUDEST_KEPT_LUFS
        why = f"has peaks {peak - expected:.0f} dB above it" if spiky else f"is louder than {LOUDEST_KEPT_LUFS:g} LUFS"
        note = f"as loud as {TRUE_PEAK_DBTP:g} dBTP allows: the source {why}"
        return replace(promise, tolerance=tolerance, kept=expected - measured <= tolerance, note=note)
    return promise


def _true_peak(after: _Measured) -> Promise:
    measured = _stereo(after).loudness.true_peak_dbtp
    kept = measured is None or measured <= TRUE_PEAK_DBTP
    note = "not measurable: the render is silent" if measured is None else "at most"
    return Promise("true_peak", "spatial", "dBTP", TRUE_PEAK_DBTP, measured, 0.0, kept, note)


def _mono(before: _Measured, after: _Measured) -> Promise:
    """What the sum of both channels loses of the whole, beyond what it lost in the source."""
    source_db, render_db = _stereo(before).image.fold_db, _stereo(after).image.fold_db
    if source_db is None:
        note = "not measurable: the source is silent, or cancels in mono itself"
        return Promise("mono", "spatial", "dB", 0.0, None, MONO_LOSS_DB, kept=True, note=note)
    if render_db is None:
        note = "the render is silent, or cancels in mono"
        return Promise("mono", "spatial", "dB", 0.0, None, MONO_LOSS_DB, kept=False, note=note)
    loss_db = source_db - render_db
    return Promise("mono", "spatial", "dB", 0.0, loss_db, MONO_LOSS_DB, loss_db <= MONO_LOSS_DB, "lost, at most")


def _motion(circling: Spatial, change: Change, before: _Measured, after: _Measured) -> Promise:
    share = share_of_motion(_stereo(before).image, _stereo(after).image, circling, tempo_factor=change.tempo_factor)
    tolerance = MOTION_TOLERANCE_IN_A_HALL if circling.room > _HALL else MOTION_TOLERANCE
    few = circling.room > _LARGE_ROOM and before.spectrum.partials < _FEWEST_PARTIALS
    if share is None or few:
        why = "too short, too little depth or mix, or a source without a middle"
        note = f"not measurable: {'a room holds steady tones in place' if few else why}"
        return Promise("motion", "spatial", "of the path", 1.0, None, tolerance, kept=True, note=note)
    return _near("motion", "spatial", "of the path", expected=1.0, measured=share, tolerance=tolerance)
