"""Promises of time: every moment of the source at its moment of the render, no holes, and the fades."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import numpy as np
import numpy.typing as npt

from tonearm_audio.envelope import Levels, align, expected_levels
from tonearm_audio.operations import (
    Compress,
    Convert,
    Fade,
    Reverb,
    Spatial,
    Trim,
)
from tonearm_audio.plan import Change
from tonearm_audio.promise import (
    DEAFEST_EQUALIZER_DB,
    LOWEST_LEVEL_HZ,
    QUIETEST_DBFS,
    Case,
    Promise,
    PromiseName,
    near,
    untold,
)

TIMING_TOLERANCE_MS = 30.0
FAR_TIMING_TOLERANCE_MS = 240.0
"""Where a song is stretched to more than twice or less than half, attacks smear over two of the stretcher's windows."""
GAP_TOLERANCE_S = 0.25
FADE_TOLERANCE_DB = 1.5
_SOFTEST_DB = -45.0
_SHORTEST_FADE_S = 0.2
_FADE_FLOOR_DB = -30.0
_FADE_PARTS = 8
_LIFTED_DB = 3.0
"""By how much a stretcher may lift peaks: it takes attacks apart."""
_CREST_DB = 6.0
"""How far peaks lie above the level of 10 ms: 3 dB in a tone, 10 dB in a song; a compressor goes by peaks."""
_SMEARED_S = 0.03
"""By how much a stretcher may move an attack."""


def timing(case: Case) -> Iterator[Promise]:
    """Every moment of the source at its moment of the render."""
    # A room answers later, an equalizer may take away what a moment is known by.
    asked_db = _asked_db(case)
    if asked_db is None or not case.steps_only(Change, Spatial, Trim, Convert, Fade, Compress):
        return
    if case.unheard and case.before.spectrum.power.any():
        yield untold(Promise("timing", case.names, "ms", 0.0, None, TIMING_TOLERANCE_MS, kept=True))
        return
    asked_db = asked_db + _compressed_db(case, asked_db)
    change = case.plan.change
    found = align(case.before.envelope, case.after.envelope, tempo_factor=change.tempo_factor, asked_db=asked_db)
    far = not 0.5 <= change.time_ratio <= 2.0
    tolerance = FAR_TIMING_TOLERANCE_MS if far else TIMING_TOLERANCE_MS
    if found.backwards:
        yield Promise("timing", case.names, "ms", 0.0, None, tolerance, kept=False, note="the render runs backwards")
    elif found.lag_ms is None:
        note = "not measurable: the level is too even to tell one moment from another"
        yield Promise("timing", case.names, "ms", 0.0, None, tolerance, kept=True, note=note)
    else:
        yield near("timing", case.names, "ms", expected=0, measured=found.lag_ms, tolerance=tolerance)


def gaps(case: Case) -> Iterator[Promise]:
    """Where the source sounds, the render does."""
    asked_db = _asked_db(case)
    if asked_db is None or case.equalized_db < DEAFEST_EQUALIZER_DB:
        return
    if case.unheard and case.output.lossy and case.before.spectrum.power.any():
        # A codec may leave out what is not heard.
        yield untold(Promise("gaps", case.names, "s", 0.0, None, GAP_TOLERANCE_S, kept=True, at_most=True))
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
    yield near("gaps", case.names, "s", expected=0, measured=found.silent_s, tolerance=tolerance, at_most=True)


def _compressed_db(case: Case, asked_db: Levels) -> Levels:
    """The gain of all compressors at each step of the render's level: the compressor itself, fed with the source's."""
    before, after = case.before.envelope, case.after.envelope
    if not case.plan.has(Compress) or not len(before.levels_db) or not len(after.levels_db):
        return np.zeros(len(asked_db))
    expected_db = expected_levels(before, after, tempo_factor=case.plan.change.tempo_factor)
    peaks = (10 ** ((expected_db + _CREST_DB) / 20)).astype(np.float32)[:, np.newaxis]
    level = peaks
    for step in case.plan.steps:
        if isinstance(step, Compress):
            compressor = import_module("tonearm_audio.compress").Compressor
            level = compressor(step, sample_rate_hz=round(1 / after.step_s), channels=1).feed(level)
    gain_db: Levels = 20 * np.log10(level.astype(np.float64) / peaks)[:, 0]
    return gain_db


def _asked_db(case: Case) -> Levels | None:
    """The gain of a fade, and of a sum of both channels, at each step of the render's level."""
    faded_db = _faded_db(case)
    if faded_db is None or not case.folds or not len(faded_db):
        return faded_db
    image, envelope = case.before.image, case.after.envelope
    left_db = 10 * np.log10(np.maximum(image.middle, 1e-12) / np.maximum(image.middle + image.sides, 1e-12))
    times = (np.arange(len(faded_db)) + 0.5) * (envelope.step_s * case.plan.change.tempo_factor / image.step_s) - 0.5
    return faded_db + np.interp(times, np.arange(len(left_db)), left_db) if len(left_db) else faded_db


def _faded_db(case: Case) -> Levels | None:
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


def fades(case: Case) -> Iterator[Promise]:
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
    ends: tuple[tuple[PromiseName, float, npt.NDArray[np.bool_]], ...] = (
        ("fade_in", fade.in_s, times_s < fade.in_s),
        ("fade_out", fade.out_s, times_s > length_s - fade.out_s),
    )
    for name, seconds, inside in ends:
        if seconds < _SHORTEST_FADE_S:
            continue
        # Of hits a moment earlier or later another part is heard: what that makes cannot be told from a wrong gain.
        reach = round(_SMEARED_S / after.step_s) if case.plan.has(Change) else 1
        moved = [_beside(source_db, steps) for steps in (0, -reach, reach)]
        off_db, *others = (_off_db(after.levels_db, line, asked_db, inside) for line in moved)
        if off_db is None:
            note = "not measurable: the source is silent there"
            yield Promise(name, "fade", "dB", 0.0, None, FADE_TOLERANCE_DB, kept=True, note=note)
            continue
        tolerance = FADE_TOLERANCE_DB + max((abs(other - off_db) for other in others if other is not None), default=0.0)
        if off_db < 0:
            tolerance += _softer_db(case)
        yield near(name, "fade", "dB", expected=0.0, measured=off_db, tolerance=tolerance)


def _beside(line: Levels, steps: int) -> Levels:
    """The same so many steps later."""
    return line[np.clip(np.arange(len(line)) - steps, 0, len(line) - 1)]


def _off_db(
    measured_db: Levels,
    source_db: Levels,
    asked_db: Levels,
    inside: npt.NDArray[np.bool_],
) -> float | None:
    """By how much a fade is louder than asked for, in the median of its parts in which something is heard."""
    off_db = []
    for part in np.array_split(np.flatnonzero(inside & (asked_db > _FADE_FLOOR_DB)), _FADE_PARTS):
        if len(part):
            expected = _mean_db(source_db[part] + asked_db[part])
            if expected > QUIETEST_DBFS:
                off_db.append(_mean_db(measured_db[part]) - expected)
    return float(np.median(off_db)) if off_db else None


def _softer_db(case: Case) -> float:
    """By how much softer a fade may be than asked for: what a codec, a lower rate or a stretcher may leave out.

    That is what the source holds below 30 Hz and beyond what a long-term spectrum shows, and, of a source at or above
    full scale, what the limiter takes.
    """
    levels_db = case.before.envelope.levels_db
    limited_db = 20 * np.log10(max(case.before.peak, 1e-9)) + (_LIFTED_DB if case.plan.has(Change) else 0.0)
    left_out_db = 0.0
    if case.output.lossy or case.plan.has(Change) or case.sample_rate_hz < case.before.sample_rate_hz:
        spectrum = case.before.spectrum
        heard = (spectrum.frequencies_hz > LOWEST_LEVEL_HZ) & (spectrum.frequencies_hz < spectrum.highest_hz)
        power = float(np.mean(10 ** (levels_db / 10))) * case.before.channels
        left_out_db = 10 * np.log10(power / max(float(spectrum.power[heard].sum()), 1e-12))
    return float(max(0.0, limited_db) + max(0.0, left_out_db))


def _mean_db(levels_db: Levels) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels_db / 10))))


def _way_db(way: Levels, fade: Fade) -> Levels:
    """The gain of a fade at a part of its way, 0 for silence and 1 for the full sound."""
    way = np.clip(way, 0.0, 1.0)
    if fade.shape == "equal_power":
        way = np.sin(np.pi / 2 * way)
    elif fade.shape == "s_curve":
        way = (1 - np.cos(np.pi * way)) / 2
    gain_db: Levels = 20 * np.log10(np.maximum(way, 1e-6))
    return gain_db
