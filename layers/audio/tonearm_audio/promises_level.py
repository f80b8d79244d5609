"""Promises of level: how loud a render is, how its level moves, and what its peaks stay below."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

import numpy as np

from tonearm_audio.operations import (
    Compress,
    Loudness,
    Master,
)
from tonearm_audio.output_format import Codec
from tonearm_audio.plan import CEILING_DBTP
from tonearm_audio.promise import (
    CEILING_PEAK,
    DEAFEST_EQUALIZER_DB,
    FULL_LEVEL_TOLERANCE_LU,
    LOWEST_LEVEL_HZ,
    QUIETEST_DBFS,
    Case,
    Promise,
    near,
    untold,
)
from tonearm_audio.promises_space import steady_tone_at_ears

LEVEL_TOLERANCE_LU = 1.0
FAR_LEVEL_LU = 0.5
"""Noise that is played three times as fast comes out 1.1 LU louder."""
_FEW_HITS_LU = 5.0
"""Of a single hit: its place in the window of a long-term spectrum makes it louder or softer, many even out."""
_SPECTRUM_HOP_S = 0.37
_FULL_PEAK = 10 ** (-0.5 / 20)
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
STEADY_TONE_AT_EARS_LU = 2.0
"""How loud a steady tone is at two ears depends on where it is: it has no other partials to make up for it."""
SIDES_ALONE_LU = 1.5
"""A source whose channels cancel has no middle that moves; the room answers its sides alone."""
DYNAMICS_TOLERANCE = 0.1
HARDEST_LIMITED_DB = 4.0
"""Up to here a limiter brings a song to its loudness; of what has higher peaks less is promised."""
PEAKIEST_DB = 10.0
"""A render whose true peak lies farther above its loudness, at the ceiling, cannot be made louder without harm."""
DENSEST_DB = 5.0
"""The same of a render whose true peak lies no farther above the level where its power is: a tone's lies 3 dB above it,
a drum's 6, or 4 after a limiter, and a song's 7 or more, however loud it was made."""
_NEAR_CEILING_DB, _NEAR_AT_LOW_RATES_DB = 2.5, 4.0
_LOW_RATE_KBPS, _LOW_RATE_SOFTER_LU = 128, 1.5
"""Of music of square waves and bass drums a codec of so low a rate makes peaks some decibels higher or lower by chance,
and hardest where a limiter worked: the best of seven tries was up to 1.8 LU softer, in one of forty songs."""
_MADE_UP_DB = 1.5
"""Of what an encoder leaves out, a render is made as much louder."""
_STEPS_LIFT_DB = 3.0
"""By how much steps before a limiter may lift a song's peaks above its loudness: a stretcher takes attacks apart."""
_ROOM_FOR_MASTERS_DB, _ROOM_FOR_CODECS_DB = 1.0, 2.5
"""What lies between the ceiling and the limiter of a lossy render, and of a master in any format."""
_WINDOW_S = 0.4
_SETTLING_TIMES = 2.0
"""Over how many of its time constants the gain of a compressor is looked at: before, it still follows what was."""
_FEWEST_WINDOWS = 10


def level(case: Case) -> Promise:
    """K-weighted level of what both files can hold, each partial weighted as in the source.

    Not gated: a gate opens on other moments once hits stand closer together. What a shift carries beyond half the
    sample rate is gone rightly, so it counts on neither side.
    """
    before, after, ratio = case.before, case.after, case.plan.change.pitch_ratio
    high = min(before.spectrum.highest_hz, after.spectrum.highest_hz / ratio)
    low = LOWEST_LEVEL_HZ * max(1.0, 1.0 / ratio)
    expected = before.spectrum.level_db(low, high, pitch_ratio=1.0)
    measured = after.spectrum.level_db(low, high, pitch_ratio=ratio)
    tolerance, note, full_peak = LEVEL_TOLERANCE_LU, "", _FULL_PEAK
    if not 0.5 <= case.plan.change.time_ratio <= 2.0:
        tolerance += FAR_LEVEL_LU
    tolerance += _FEW_HITS_LU / max(1.0, _moments(case))
    if case.plan.motion is not None:
        # A shadow behind the head is one thing, and a level of what both files can hold another.
        tolerance, full_peak = tolerance + LOUDNESS_TOLERANCE_LU, CEILING_PEAK
    if case.unheard and expected is not None:
        return untold(Promise("level", case.names, "LKFS", expected, measured, tolerance, kept=False))
    if expected is None or measured is None:
        return _silent(Promise("level", case.names, "LKFS", expected, measured, tolerance, kept=False))
    if measured < expected - tolerance and after.peak >= full_peak:
        # A float file may lie above full scale itself.
        # What moves has a ceiling besides.
        tolerance = max(FULL_LEVEL_TOLERANCE_LU, expected - LOUDEST_KEPT_LUFS + tolerance)
        tolerance += max(0.0, 20 * math.log10(max(before.peak, 1e-9)))
        note = f"as loud as full scale allows: the render's peaks reach {20 * math.log10(after.peak):.1f} dBFS"
    kept = abs(measured - expected) <= tolerance
    return Promise("level", case.names, "LKFS", expected, measured, tolerance, kept, note)


def _moments(case: Case) -> float:
    """How many windows of a long-term spectrum the source's power is spread over."""
    envelope = case.before.envelope
    width = round(_SPECTRUM_HOP_S / envelope.step_s)
    powers = 10 ** (envelope.levels_db / 10)
    sums = np.add.reduceat(powers, np.arange(0, len(powers), width)) if len(powers) else powers
    squares = float(sums @ sums)
    return float(sums.sum()) ** 2 / squares if squares > 0 else 0.0


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


def kept_loudness(case: Case) -> Promise:
    """Integrated loudness by BS.1770, gate and all, of what moves and is changed in no other way."""
    expected, measured = case.before.loudness.integrated_lufs, case.after.loudness.integrated_lufs
    tolerance = STEADY_TONE_AT_EARS_LU if steady_tone_at_ears(case) else LOUDNESS_TOLERANCE_LU
    if case.before.image.fold_db is None:
        tolerance = max(tolerance, SIDES_ALONE_LU)
    if measured is not None and expected is not None and measured < expected:
        tolerance += case.unshown_db
    if case.unheard and expected is not None:
        return untold(Promise("loudness", case.names, "LUFS", expected, measured, tolerance, kept=False))
    if expected is None or measured is None:
        return _silent(Promise("loudness", case.names, "LUFS", expected, measured, tolerance, kept=False))
    promise = near("loudness", case.names, "LUFS", expected=expected, measured=measured, tolerance=tolerance)
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
        silent = case.before.loudness.integrated_lufs is None or case.equalized_db < DEAFEST_EQUALIZER_DB
        note = "not measurable: there is nothing to hear" if silent else "the render is silent, the source is not"
        return Promise("loudness", operation, "LUFS", target_lufs, None, tolerance, silent, note)
    if measured < target_lufs:
        tolerance += max(0.0, case.unshown_db - _MADE_UP_DB)
    promise = near("loudness", operation, "LUFS", expected=target_lufs, measured=measured, tolerance=tolerance)
    low_rate = case.output.lossy and case.output.bitrate_kbps <= _LOW_RATE_KBPS
    near_db = _NEAR_AT_LOW_RATES_DB if low_rate else _NEAR_CEILING_DB
    if promise.kept or measured > target_lufs or peak_dbtp < ceiling_dbtp - near_db:
        return promise
    beyond_db = _peaks_beyond_db(case, target_lufs, ceiling_dbtp)
    softer_lu = max(0.0, beyond_db - HARDEST_LIMITED_DB) + (_LOW_RATE_SOFTER_LU if low_rate and beyond_db > 0 else 0.0)
    if softer_lu:
        tolerance += softer_lu
        note = f"as loud as {ceiling_dbtp:g} dBTP allows: at that loudness peaks would lie {beyond_db:.0f} dB above it"
        promise = replace(promise, tolerance=tolerance, kept=target_lufs - measured <= tolerance, note=note)
    peaky_db, dense_db = peak_dbtp - measured, peak_dbtp - case.after.envelope.dense_dbfs
    peaky = peaky_db > PEAKIEST_DB
    if not promise.kept and (peaky or dense_db <= DENSEST_DB):
        why = f"peaks lie {peaky_db:.0f} dB above its loudness" if peaky else "waves themselves reach it"
        note = f"as loud as {ceiling_dbtp:g} dBTP allows: its {why}"
        return replace(promise, tolerance=target_lufs - measured, kept=True, note=note)
    return promise


def _peaks_beyond_db(case: Case, target_lufs: float, ceiling_dbtp: float) -> float:
    """How far above the ceiling the source's peaks would lie, were it as loud as that."""
    lufs, peak_dbtp = case.before.loudness.integrated_lufs, case.before.loudness.true_peak_dbtp
    if case.output.lossy or case.plan.has(Master):
        ceiling_dbtp -= _ROOM_FOR_CODECS_DB if case.output.lossy else _ROOM_FOR_MASTERS_DB
    lifted_db = _STEPS_LIFT_DB if case.plan.steps else 0.0
    return 0.0 if lufs is None or peak_dbtp is None else peak_dbtp + lifted_db + target_lufs - lufs - ceiling_dbtp


def dynamics(case: Case) -> Promise:
    """How much the level of the render moves for each decibel that the source's does: a compressor's never more.

    By least squares over steps of 0.4 s, or of twice what the compressor takes, in which the source sounds. Not by
    loudness range: its gate opens to what was too soft before.
    """
    before, after = case.before.envelope, case.after.envelope
    settling_s = sum((s.attack_ms + s.release_ms) / 1000 for s in case.plan.steps if isinstance(s, Compress))
    width = round(max(_WINDOW_S, _SETTLING_TIMES * settling_s) / before.step_s)
    count = min(len(before.levels_db), len(after.levels_db)) // width
    levels_db = [
        10 * np.log10(np.mean(10 ** (line[: count * width].reshape(count, width) / 10), axis=1))
        for line in (before.levels_db, after.levels_db)
    ]
    sounding = levels_db[0] > QUIETEST_DBFS
    source, render = (line[sounding] - line[sounding].mean() if sounding.any() else line[:0] for line in levels_db)
    moved = float(source @ source)
    if len(source) < _FEWEST_WINDOWS or moved < len(source):
        note = "not measurable: the source is too short or too even"
        return Promise("dynamics", "compress", "dB a dB", 1.0, None, DYNAMICS_TOLERANCE, True, note, at_most=True)
    slope = float(source @ render) / moved
    return near(
        "dynamics",
        "compress",
        "dB a dB",
        expected=1.0,
        measured=slope,
        tolerance=DYNAMICS_TOLERANCE,
        at_most=True,
    )


def clipping(case: Case) -> Promise:
    """No more samples at full scale or beyond than the source has.

    Counted, not measured by the highest peak: an MP3 of a song that was mastered into the ceiling overshoots by some
    decibels at a few samples, however well it is made.
    """
    before, after = case.before.clipped_percent, case.after.clipped_percent
    tolerance = CLIPPING_TOLERANCE_PERCENT[case.output.codec]
    return near(
        "clipping",
        case.names,
        "% of samples",
        expected=before,
        measured=after,
        tolerance=tolerance,
        at_most=True,
    )


def peaks(case: Case) -> Iterator[Promise]:
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
    note = "not measurable: the render is silent" if measured is None else ""
    yield Promise("true_peak", operation, "dBTP", ceiling_dbtp, measured, 0.0, kept, note, at_most=True)


def _master_target_lufs(master: Master) -> float:
    target: float = import_module("tonearm_audio.master").target_lufs(master)
    return target
