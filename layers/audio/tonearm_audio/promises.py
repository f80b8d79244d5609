"""The promises that a recipe makes, each with its measurement, expectation and tolerance.

docs/audio-promises.md holds the table of promise, operation and tolerance, and the measurements behind each tolerance.
This module and its like implement it: `promises_time`, `promises_level`, `promises_spectrum`, `promises_space`.
A promise is made only where it can be measured: what an equalizer leaves of a level is no level kept, so a recipe with
one promises its response instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tonearm_audio.measured import Span
from tonearm_audio.operations import (
    Compress,
    Convert,
    Equalize,
    Fade,
    Mix,
    Spatial,
    Trim,
)
from tonearm_audio.plan import Change, Plan
from tonearm_audio.promise import Case, Promise, maker, near
from tonearm_audio.promises_level import clipping, dynamics, kept_loudness, level, peaks
from tonearm_audio.promises_space import space
from tonearm_audio.promises_spectrum import pitch, response
from tonearm_audio.promises_time import fades, gaps, timing


def promises(case: Case) -> Iterator[Promise]:
    """Every promise that a recipe makes, and what became of it."""
    yield near("channels", case.names, "channels", expected=case.channels, measured=case.after.channels, tolerance=0)
    yield near(
        "sample_rate",
        case.names,
        "Hz",
        expected=case.sample_rate_hz,
        measured=case.after.sample_rate_hz,
        tolerance=0,
    )
    yield near(
        "duration", maker("tempo", case), "frames", expected=case.frames, measured=case.after.frames, tolerance=0
    )
    # A mix holds other songs' tones and moments as well.
    if not case.plan.has(Mix):
        yield pitch(case)
        yield from _levels(case)
        yield from timing(case)
    yield from gaps(case)
    yield clipping(case)
    yield from peaks(case)
    yield from space(case)


def _levels(case: Case) -> Iterator[Promise]:
    """Level, loudness, dynamics, response: what each recipe says about them."""
    if case.plan.finish is None and case.keeps_channels and case.steps_only(Spatial) and case.plan.motion:
        yield kept_loudness(case)
    elif case.only(Change, Spatial, Trim, Convert) and not case.plan.change.keep_formants:
        # Channels that are summed or doubled are another level by themselves.
        if not case.rechannelled:
            yield level(case)
    elif case.only(Equalize, Trim, Convert) and case.keeps_channels and case.plan.has(Equalize):
        yield response(case)
    elif case.only(Fade, Trim, Change, Convert) and case.keeps_channels:
        yield from fades(case)
    elif case.only(Compress, Trim, Convert) and case.plan.has(Compress):
        yield dynamics(case)


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
