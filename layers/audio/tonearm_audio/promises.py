"""The promises that a recipe makes, each with its measurement, expectation and tolerance.

docs/audio-promises.md holds the table of promise, operation and tolerance that this module implements, and the
measurements behind each tolerance. A promise is made only where it can be measured: what an equalizer leaves of a level
is no level kept, so a recipe with one promises its response instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonearm_audio.circling import share_of_motion
from tonearm_audio.envelope import align, expected_levels
from tonearm_audio.long_term_spectrum import STEADY, transposition
from tonearm_audio.measured import Measured, Span
from tonearm_audio.operations import (
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    Reverb,
    Spatial,
    Trim,
)
from tonearm_audio.output_format import Codec, OutputFormat
from tonearm_audio.plan import CEILING_DBTP, Change, Plan

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
CLIPPING_TOLERANCE_PERCENT: dict[Codec, float] = {
    "wav": 0.01,
    "flac": 0.01,
    "mp3": 0.1,
    "ogg": 0.1,
    "opus": 0.1,
    "m4a": 0.1,
}
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
_LEAST_MOVED_AT_EARS = 0.5
STEADY_TONE_AT_EARS_LU = 2.0
"""How loud a steady tone is at two ears depends on where it is: it has no other partials to make up for it."""
STEADY_TONE_MONO_LOSS_DB = 4.5
_LARGE_ROOM = 0.25
_HALL = 0.5
_CEILING_PEAK = 10 ** (-3.0 / 20)
RESPONSE_TOLERANCE_DB = 1.5
FADE_TOLERANCE_DB = 1.5
COARSE_RESPONSE_TOLERANCE_DB = 3.0
"""Of Opus, and of codecs below 128 kbit/s, which draw the highest bands by their own measure."""
DYNAMICS_TOLERANCE = 0.1
HARDEST_LIMITED_DB = 5.0
"""Up to here a limiter brings a song to its loudness; of what has higher peaks less is promised."""
PEAKIEST_DB = 10.0
"""A render whose true peak lies farther above its loudness, at the ceiling, cannot be made louder without harm."""
_NEAR_CEILING_DB = 2.5
_TRUE_KBPS = 128
_SHORTEST_SPECTRUM_S = 1.0
_STEPS_A_WINDOW = 40
_FEWEST_WINDOWS = 10
_NOISE_STEADINESS = 0.2
_SOFTEST_DB = -45.0
_DEAFEST_EQUALIZER_DB = -30.0
_LOWEST_LEVEL_HZ = 30.0
_BANDS_PER_OCTAVE = 3
_LEAST_BAND_SHARE = 1e-4
_SHORTEST_FADE_S = 0.2
_FADE_FLOOR_DB = -30.0
_QUIETEST_FADE_DBFS = -50.0


@dataclass(frozen=True)
class Promise:
    """One promise of a recipe and what became of it.

    Attributes:
        name: what is promised, as in the tables of docs/audio-promises.md: "duration", "clipping" and so on of every
            render; "fade_in", "response", "true_peak", "motion" and others of those operations that make them.
        operation: the operation that makes it, such as "tempo"; several as "tempo+pitch", or "convert" for none.
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
class Case:
    """A render, and what is held against it.

    Attributes:
        plan: what was done.
        output: the format that was asked for.
        names: the operations by name, such as "tempo+pitch", or "convert" for none.
        before: what the part of the source holds that the render was made of.
        after: what the encoded render holds.
        channels: that the render must have.
        sample_rate_hz: that the render must have.
        frames: that the render must have.
    """

    plan: Plan
    output: OutputFormat
    names: str
    before: Measured
    after: Measured
    channels: int
    sample_rate_hz: int
    frames: int

    def only(self, *kinds: type) -> bool:
        """Whether nothing but these kinds of step is done, and no finishing operation."""
        return self.plan.finish is None and self.steps_only(*kinds)

    def steps_only(self, *kinds: type) -> bool:
        """The same, whatever finishes it."""
        return all(isinstance(step, kinds) for step in self.plan.steps)

    @property
    def rechannelled(self) -> bool:
        """Whether a step sums or doubles channels."""
        return any(isinstance(step, Convert) and step.channels is not None for step in self.plan.steps)

    @cached_property
    def equalized_db(self) -> float:
        """By how much softer or louder the equalizers make the whole of the source."""
        source, asked = float(self.before.spectrum.power.sum()), float(self.equalized_power.sum())
        return 10 * math.log10(max(asked, 1e-30) / source) if source > 0 else 0.0

    @cached_property
    def equalized_power(self) -> npt.NDArray[np.float64]:
        """The source's long-term power at each frequency, as the equalizers ask for it [shape=(bins,)]."""
        spectrum = self.before.spectrum
        asked_db = np.zeros(len(spectrum.power))
        for step in self.plan.steps:
            if isinstance(step, Equalize):
                response_db = import_module("tonearm_audio.equalize").response_db
                asked_db += response_db(step, spectrum.frequencies_hz, self.before.sample_rate_hz)
        asked: npt.NDArray[np.float64] = spectrum.power * 10 ** (asked_db / 10)
        return asked

    @property
    def keeps_channels(self) -> bool:
        """Whether both channels go on as they are, or there is one only."""
        return self.plan.channels(self.before.channels) == self.before.channels


def promises(case: Case) -> Iterator[Promise]:
    """Every promise that a recipe makes, and what became of it."""
    yield _near("channels", case.names, "channels", expected=case.channels, measured=case.after.channels, tolerance=0)
    yield _near(
        "sample_rate",
        case.names,
        "Hz",
        expected=case.sample_rate_hz,
        measured=case.after.sample_rate_hz,
        tolerance=0,
    )
    yield _near(
        "duration", _sole("tempo", case), "frames", expected=case.frames, measured=case.after.frames, tolerance=0
    )
    # A mix holds other songs' tones and moments as well.
    if not case.plan.has(Mix):
        yield _pitch(case)
        yield from _levels(case)
        yield from _timing(case)
    yield from _gaps(case)
    yield _clipping(case)
    yield from _peaks(case)
    yield from _space(case)


def _sole(name: str, case: Case) -> str:
    """Who makes a promise: the operation that it is about where that is there, else all together."""
    return name if name in case.names.split("+") else case.names


def _near(name: str, operation: str, unit: str, *, expected: float, measured: float, tolerance: float) -> Promise:
    kept = abs(measured - expected) <= tolerance
    return Promise(name, operation, unit, float(expected), float(measured), float(tolerance), kept)


def _pitch(case: Case) -> Promise:
    before, after, operation = case.before, case.after, _sole("pitch", case)
    expected = 100 * case.plan.change.semitones
    found = transposition(before.spectrum.tones, after.spectrum.tones, expected_cents=expected)
    if found.cents is None:
        # Noise has no pitch to keep. Tones that are steady through the source and gone from the render were lost,
        # unless it was asked to change the spectrum itself.
        coloured = case.plan.has(Equalize, Reverb, Master)
        noise = after.spectrum.steadiness < _NOISE_STEADINESS and not case.plan.has(Equalize)
        lost = before.spectrum.steadiness >= STEADY and (noise or not coloured)
        note = "the render lacks the source's tones" if lost else "not measurable: the source has no steady tones"
        if coloured and not lost:
            note = "not measurable: the recipe changes the spectrum"
        note += f" (likeness {found.likeness:.2f}, steadiness {before.spectrum.steadiness:.2f})"
        return Promise("pitch", operation, "cents", expected, None, PITCH_TOLERANCE_CENTS, not lost, note)
    # Told from the source alone, so that no render can widen what is asked of it.
    width = before.spectrum.line_width_cents
    tolerance = min(PITCH_TOLERANCE_CENTS * max(1.0, width / STEADY_LINE_CENTS), WIDEST_PITCH_TOLERANCE_CENTS)
    promise = _near("pitch", operation, "cents", expected=expected, measured=found.cents, tolerance=tolerance)
    moving = f"the source's tones move or are short: lines {width:.0f} cents wide"
    return replace(promise, note=moving) if tolerance > PITCH_TOLERANCE_CENTS else promise


def _timing(case: Case) -> Iterator[Promise]:
    """Every moment of the source at its moment of the render."""
    # A room answers later, an equalizer may take away what a moment is known by.
    asked_db = _faded_db(case)
    if asked_db is None or not case.steps_only(Change, Spatial, Trim, Convert, Fade, Compress):
        return
    change = case.plan.change
    found = align(case.before.envelope, case.after.envelope, tempo_factor=change.tempo_factor, asked_db=asked_db)
    far = not 0.5 <= change.time_ratio <= 2.0
    tolerance = FAR_TIMING_TOLERANCE_MS if far else TIMING_TOLERANCE_MS
    if found.lag_ms is None:
        note = "not measurable: the level is too even to tell one moment from another"
        yield Promise("timing", case.names, "ms", 0.0, None, tolerance, kept=True, note=note)
    else:
        yield _near("timing", case.names, "ms", expected=0, measured=found.lag_ms, tolerance=tolerance)


def _gaps(case: Case) -> Iterator[Promise]:
    """Where the source sounds, the render does."""
    asked_db = _faded_db(case)
    if asked_db is None or case.equalized_db < _DEAFEST_EQUALIZER_DB:
        return
    plain = case.only(Change, Spatial, Trim, Convert)
    found = align(
        case.before.envelope,
        case.after.envelope,
        tempo_factor=case.plan.change.tempo_factor,
        asked_db=asked_db,
        least_gain_db=0.0 if plain else _SOFTEST_DB + min(0.0, case.equalized_db),
    )
    rooms_s = sum(step.pre_delay_ms / 1000 for step in case.plan.steps if isinstance(step, Reverb))
    tolerance = GAP_TOLERANCE_S + rooms_s
    yield _near("gaps", case.names, "s", expected=0, measured=found.silent_s, tolerance=tolerance)


def _faded_db(case: Case) -> npt.NDArray[np.float64] | None:
    """The gain of a fade at each step of the render's level; None where it cannot be told: one that others follow."""
    envelope = case.after.envelope
    times_s = (np.arange(len(envelope.levels_db), dtype=np.float64) + 0.5) * envelope.step_s
    fades = [step for step in case.plan.steps if isinstance(step, Fade)]
    if not fades:
        return np.zeros(len(times_s))
    if len(fades) > 1 or case.plan.steps[-1] is not fades[0]:
        return None
    length_s, fade = case.after.frames / case.after.sample_rate_hz, fades[0]
    rising, falling = times_s / max(fade.in_s, 1e-9), (length_s - times_s) / max(fade.out_s, 1e-9)
    return _way_db(rising, fade) + _way_db(falling, fade)


def _levels(case: Case) -> Iterator[Promise]:
    """Level, loudness, dynamics, response: what each recipe says about them."""
    if case.plan.finish is None and case.keeps_channels and case.steps_only(Spatial) and case.plan.motion:
        yield _kept_loudness(case)
    elif case.only(Change, Spatial, Trim, Convert) and not case.plan.change.keep_formants:
        # Channels that are summed or doubled are another level by themselves.
        if not case.rechannelled:
            yield _level(case)
    elif case.only(Equalize, Trim, Convert) and case.keeps_channels and case.plan.has(Equalize):
        yield _response(case)
    elif case.only(Fade, Trim, Change, Convert) and case.keeps_channels:
        yield from _fades(case)
    elif case.only(Compress, Trim, Convert) and case.plan.has(Compress):
        yield _dynamics(case)


def _level(case: Case) -> Promise:
    """K-weighted level of what both files can hold, each partial weighted as in the source.

    Not gated: a gate opens on other moments once hits stand closer together. What a shift carries beyond half the
    sample rate is gone rightly, so it counts on neither side.
    """
    before, after, ratio = case.before, case.after, case.plan.change.pitch_ratio
    high = min(before.spectrum.highest_hz, after.spectrum.highest_hz / ratio)
    low = _LOWEST_LEVEL_HZ * max(1.0, 1.0 / ratio)
    expected = before.spectrum.level_db(low, high, pitch_ratio=1.0)
    measured = after.spectrum.level_db(low, high, pitch_ratio=ratio)
    tolerance, note, full_peak = LEVEL_TOLERANCE_LU, "", _FULL_PEAK
    if case.plan.motion is not None:
        # A shadow behind the head is one thing, and a level of what both files can hold another.
        tolerance, full_peak = tolerance + LOUDNESS_TOLERANCE_LU, _CEILING_PEAK
    if expected is None or measured is None:
        return _silent(Promise("level", case.names, "LKFS", expected, measured, tolerance, kept=False))
    if measured < expected - tolerance and after.peak >= full_peak:
        # A float file may lie above full scale itself.
        tolerance = FULL_LEVEL_TOLERANCE_LU + max(0.0, 20 * math.log10(max(before.peak, 1e-9)))
        note = f"as loud as full scale allows: the render's peaks reach {20 * math.log10(after.peak):.1f} dBFS"
    kept = abs(measured - expected) <= tolerance
    return Promise("level", case.names, "LKFS", expected, measured, tolerance, kept, note)


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


def _kept_loudness(case: Case) -> Promise:
    """Integrated loudness by BS.1770, gate and all, of what moves and is changed in no other way."""
    expected, measured = case.before.loudness.integrated_lufs, case.after.loudness.integrated_lufs
    tolerance = STEADY_TONE_AT_EARS_LU if _steady_tone_at_ears(case) else LOUDNESS_TOLERANCE_LU
    if expected is None or measured is None:
        return _silent(Promise("loudness", case.names, "LUFS", expected, measured, tolerance, kept=False))
    promise = _near("loudness", case.names, "LUFS", expected=expected, measured=measured, tolerance=tolerance)
    peak = case.before.loudness.true_peak_dbtp or 0.0
    spiky = peak - expected > SPIKIEST_KEPT_DB
    if measured < expected and (spiky or expected > LOUDEST_KEPT_LUFS):
        # A side takes in up to 3 dB more than one channel of the source, and a codec overshoots.
        tolerance += max(peak - CEILING_DBTP + 5.0, 0.0) if spiky else expected - LOUDEST_KEPT_LUFS
        why = f"has peaks {peak - expected:.0f} dB above it" if spiky else f"is louder than {LOUDEST_KEPT_LUFS:g} LUFS"
        note = f"as loud as {CEILING_DBTP:g} dBTP allows: the source {why}"
        return replace(promise, tolerance=tolerance, kept=expected - measured <= tolerance, note=note)
    return promise


def _target_loudness(case: Case, operation: str, target_lufs: float, ceiling_dbtp: float) -> Promise:
    """Integrated loudness by BS.1770 against the one that was asked for."""
    measured, tolerance = case.after.loudness.integrated_lufs, LOUDNESS_TOLERANCE_LU
    peak_dbtp = case.after.loudness.true_peak_dbtp
    if measured is None or peak_dbtp is None:
        # Only silence stays silent, and what is cut out of a song or filtered may be.
        silent = case.before.loudness.integrated_lufs is None or case.equalized_db < _DEAFEST_EQUALIZER_DB
        note = "not measurable: there is nothing to hear" if silent else "the render is silent, the source is not"
        return Promise("loudness", operation, "LUFS", target_lufs, None, tolerance, silent, note)
    promise = _near("loudness", operation, "LUFS", expected=target_lufs, measured=measured, tolerance=tolerance)
    if promise.kept or measured > target_lufs or peak_dbtp < ceiling_dbtp - _NEAR_CEILING_DB:
        return promise
    beyond_db = _peaks_beyond_db(case, target_lufs, ceiling_dbtp)
    if beyond_db > HARDEST_LIMITED_DB:
        tolerance += beyond_db - HARDEST_LIMITED_DB
        note = f"as loud as {ceiling_dbtp:g} dBTP allows: at that loudness peaks would lie {beyond_db:.0f} dB above it"
        promise = replace(promise, tolerance=tolerance, kept=target_lufs - measured <= tolerance, note=note)
    if not promise.kept and peak_dbtp - measured > PEAKIEST_DB:
        note = (
            f"as loud as {ceiling_dbtp:g} dBTP allows: its peaks lie {peak_dbtp - measured:.0f} dB above its loudness"
        )
        return replace(promise, tolerance=target_lufs - measured, kept=True, note=note)
    return promise


def _peaks_beyond_db(case: Case, target_lufs: float, ceiling_dbtp: float) -> float:
    """How far above the ceiling the source's peaks would lie, were it as loud as that."""
    lufs, peak_dbtp = case.before.loudness.integrated_lufs, case.before.loudness.true_peak_dbtp
    return 0.0 if lufs is None or peak_dbtp is None else peak_dbtp + target_lufs - lufs - ceiling_dbtp


def _response(case: Case) -> Promise:
    """The power of each third of an octave against what the equalizers make of the source's."""
    before, after, asked = case.before.spectrum, case.after.spectrum, case.equalized_power
    tolerance = RESPONSE_TOLERANCE_DB
    if case.output.lossy and (case.output.codec == "opus" or case.output.bitrate_kbps < _TRUE_KBPS):
        tolerance = COARSE_RESPONSE_TOLERANCE_DB
    if case.frames < _SHORTEST_SPECTRUM_S * case.sample_rate_hz:
        note = "not measurable: too short for a spectrum"
        return Promise("response", "equalize", "dB", 0.0, None, tolerance, kept=True, note=note)
    highest_hz = min(before.highest_hz, after.highest_hz)
    count = int(math.log2(highest_hz / _LOWEST_LEVEL_HZ) * _BANDS_PER_OCTAVE)
    edges_hz = _LOWEST_LEVEL_HZ * 2.0 ** (np.arange(count + 1) / _BANDS_PER_OCTAVE)
    bounds = np.searchsorted(before.frequencies_hz, edges_hz)
    off_db = []
    for low, high in pairwise(bounds):
        wanted, found = float(asked[low:high].sum()), float(after.power[low:high].sum())
        # What is hardly there is the codec's to leave out.
        if wanted > _LEAST_BAND_SHARE * float(asked.sum()) and wanted > 0:
            off_db.append(10 * math.log10(max(found, 1e-30) / wanted))
    if not off_db:
        note = "not measurable: nothing is left to hear"
        return Promise("response", "equalize", "dB", 0.0, None, tolerance, kept=True, note=note)
    worst = max(off_db, key=abs)
    promise = _near("response", "equalize", "dB", expected=0.0, measured=worst, tolerance=tolerance)
    if worst < -tolerance and case.after.peak >= _CEILING_PEAK:
        note = f"as loud as {CEILING_DBTP:g} dBTP allows"
        return replace(promise, tolerance=FULL_LEVEL_TOLERANCE_LU, kept=-worst <= FULL_LEVEL_TOLERANCE_LU, note=note)
    return promise


def _fades(case: Case) -> Iterator[Promise]:
    """Level over time in the fades against the source's level and the gain that was asked for."""
    asked_db, after = _faded_db(case), case.after.envelope
    if (
        asked_db is None
        or not case.plan.has(Fade)
        or not len(after.levels_db)
        or not len(case.before.envelope.levels_db)
    ):
        return
    fade = next(step for step in case.plan.steps if isinstance(step, Fade))
    times_s = (np.arange(len(after.levels_db), dtype=np.float64) + 0.5) * after.step_s
    source_db = expected_levels(case.before.envelope, after, tempo_factor=case.plan.change.tempo_factor)
    length_s = case.after.frames / case.after.sample_rate_hz
    for name, seconds, inside in (
        ("fade_in", fade.in_s, times_s < fade.in_s),
        ("fade_out", fade.out_s, times_s > length_s - fade.out_s),
    ):
        if seconds < _SHORTEST_FADE_S:
            continue
        told = inside & (asked_db > _FADE_FLOOR_DB) & (source_db + asked_db > _QUIETEST_FADE_DBFS)
        if not told.any():
            note = "not measurable: the source is silent there"
            yield Promise(name, "fade", "dB", 0.0, None, FADE_TOLERANCE_DB, kept=True, note=note)
            continue
        off_db = float(np.median(after.levels_db[told] - source_db[told] - asked_db[told]))
        yield _near(name, "fade", "dB", expected=0.0, measured=off_db, tolerance=FADE_TOLERANCE_DB)


def _way_db(way: npt.NDArray[np.float64], fade: Fade) -> npt.NDArray[np.float64]:
    """The gain of a fade at a part of its way, 0 for silence and 1 for the full sound."""
    way = np.clip(way, 0.0, 1.0)
    if fade.shape == "equal_power":
        way = np.sin(np.pi / 2 * way)
    elif fade.shape == "s_curve":
        way = (1 - np.cos(np.pi * way)) / 2
    gain_db: npt.NDArray[np.float64] = 20 * np.log10(np.maximum(way, 1e-6))
    return gain_db


def _dynamics(case: Case) -> Promise:
    """How much the level of the render moves for each decibel that the source's does: a compressor's never more.

    By least squares over steps of 0.4 s in which the source sounds. Not by loudness range: its gate opens to what was
    too soft before.
    """
    before, after = case.before.envelope, case.after.envelope
    count = min(len(before.levels_db), len(after.levels_db)) // _STEPS_A_WINDOW
    levels_db = [
        10 * np.log10(np.mean(10 ** (line[: count * _STEPS_A_WINDOW].reshape(count, _STEPS_A_WINDOW) / 10), axis=1))
        for line in (before.levels_db, after.levels_db)
    ]
    sounding = levels_db[0] > _QUIETEST_FADE_DBFS
    source, render = (line[sounding] - line[sounding].mean() if sounding.any() else line[:0] for line in levels_db)
    moved = float(source @ source)
    if len(source) < _FEWEST_WINDOWS or moved < len(source):
        note = "not measurable: the source is too short or too even"
        return Promise("dynamics", "compress", "dB a dB", 1.0, None, DYNAMICS_TOLERANCE, kept=True, note=note)
    slope = float(source @ render) / moved
    kept = slope <= 1.0 + DYNAMICS_TOLERANCE
    return Promise("dynamics", "compress", "dB a dB", 1.0, slope, DYNAMICS_TOLERANCE, kept, "at most")


def _clipping(case: Case) -> Promise:
    """No more samples at full scale or beyond than the source has.

    Counted, not measured by the highest peak: an MP3 of a song that was mastered into the ceiling overshoots by some
    decibels at a few samples, however well it is made.
    """
    before, after = case.before.clipped_percent, case.after.clipped_percent
    tolerance = CLIPPING_TOLERANCE_PERCENT[case.output.codec]
    return Promise("clipping", case.names, "% of samples", before, after, tolerance, after <= before + tolerance)


def _peaks(case: Case) -> Iterator[Promise]:
    """What a ceiling and a target are held to."""
    ceiling_dbtp, finish = case.plan.ceiling_dbtp, case.plan.finish
    if ceiling_dbtp is None:
        return
    operation = case.names
    if finish is not None:
        operation = "loudness" if isinstance(finish, Loudness) else "master"
        target_lufs = finish.target_lufs if isinstance(finish, Loudness) else _master_target_lufs(finish)
        yield _target_loudness(case, operation, target_lufs, ceiling_dbtp)
    measured = case.after.loudness.true_peak_dbtp
    kept = measured is None or measured <= ceiling_dbtp
    note = "not measurable: the render is silent" if measured is None else "at most"
    yield Promise("true_peak", operation, "dBTP", ceiling_dbtp, measured, 0.0, kept, note)


def _master_target_lufs(master: Master) -> float:
    target: float = import_module("tonearm_audio.master").target_lufs(master)
    return target


def _space(case: Case) -> Iterator[Promise]:
    """Where the sound is, and what of it a single loudspeaker keeps."""
    if case.plan.motion is not None and case.only(Change, Spatial, Trim, Convert) and not case.rechannelled:
        yield _mono(case)
        yield _motion(case, case.plan.motion)


def _mono(case: Case) -> Promise:
    """What the sum of both channels loses of the whole, beyond what it lost in the source."""
    source_db, render_db = case.before.image.fold_db, case.after.image.fold_db
    if source_db is None:
        note = "not measurable: the source is silent, or cancels in mono itself"
        return Promise("mono", "spatial", "dB", 0.0, None, MONO_LOSS_DB, kept=True, note=note)
    if render_db is None:
        note = "the render is silent, or cancels in mono"
        return Promise("mono", "spatial", "dB", 0.0, None, MONO_LOSS_DB, kept=False, note=note)
    loss_db = source_db - render_db
    tolerance = STEADY_TONE_MONO_LOSS_DB if _steady_tone_at_ears(case) else MONO_LOSS_DB
    return Promise("mono", "spatial", "dB", 0.0, loss_db, tolerance, loss_db <= tolerance, "lost, at most")


def _steady_tone_at_ears(case: Case) -> bool:
    moving = case.plan.motion
    few = case.before.spectrum.partials < _FEWEST_PARTIALS
    return moving is not None and moving.listening == "headphones" and few


def _motion(case: Case, moving: Spatial) -> Promise:
    share = share_of_motion(case.before.image, case.after.image, moving, tempo_factor=case.plan.change.tempo_factor)
    tolerance = MOTION_TOLERANCE_IN_A_HALL if moving.room > _HALL else MOTION_TOLERANCE
    few = moving.room > _LARGE_ROOM and case.before.spectrum.partials < _FEWEST_PARTIALS
    # At the ears motion is told by what is above 3 kHz, and little of it beside the song itself.
    faint = moving.listening == "headphones" and moving.mix * moving.depth < _LEAST_MOVED_AT_EARS
    if share is None or few or faint:
        why = "too short, too little depth or mix, or a source without a middle"
        note = f"not measurable: {'a room holds steady tones in place' if few else why}"
        return Promise("motion", "spatial", "of the path", 1.0, None, tolerance, kept=True, note=note)
    return _near("motion", "spatial", "of the path", expected=1.0, measured=share, tolerance=tolerance)


def span_of(plan: Plan) -> Span:
    """The part of the source that a render is made of, through all that is cut and how fast it is played."""
    start_s, end_s, pace = 0.0, math.inf, 1.0
    for step in plan.steps:
        if isinstance(step, Change):
            pace *= step.tempo_factor
        elif isinstance(step, Trim):
            end_s = end_s if step.end_s is None else min(end_s, start_s + pace * step.end_s)
            start_s += pace * step.start_s
    return Span(start_s, end_s)
