"""Promises of space: where the sound is, and what of it a single loudspeaker keeps."""

from __future__ import annotations

from collections.abc import Iterator

from tonearm_audio.circling import share_of_motion
from tonearm_audio.operations import (
    Convert,
    Spatial,
    Trim,
)
from tonearm_audio.plan import Change
from tonearm_audio.promise import Case, Promise, near

MONO_LOSS_DB = 3.0
MOTION_TOLERANCE = 0.65
"""A room, which stays where it is, takes a part of the motion's share."""
MOTION_TOLERANCE_IN_A_HALL = 0.9
"""Of the largest rooms little else is left in a few seconds: what stands still or goes the wrong way is still told."""
_FEWEST_PARTIALS = 10
_LEAST_MOVED_AT_EARS = 0.5
STEADY_TONE_MONO_LOSS_DB = 4.5
_LARGE_ROOM = 0.25
_HALL = 0.5


def space(case: Case) -> Iterator[Promise]:
    """Where the sound is, and what of it a single loudspeaker keeps."""
    if case.plan.motion is not None and case.only(Change, Spatial, Trim, Convert) and not case.rechannelled:
        yield _mono(case)
        yield _motion(case, case.plan.motion)


def _mono(case: Case) -> Promise:
    """What the sum of both channels loses of the whole, beyond what it lost in the source."""
    source_db, render_db = case.before.image.fold_db, case.after.image.fold_db
    if source_db is None:
        note = "not measurable: the source is silent, or cancels in mono itself"
        return Promise("mono", "spatial", "dB", 0.0, None, MONO_LOSS_DB, True, note, at_most=True)
    if render_db is None:
        note = "the render is silent, or cancels in mono"
        return Promise("mono", "spatial", "dB", 0.0, None, MONO_LOSS_DB, False, note, at_most=True)
    loss_db = source_db - render_db
    tolerance = STEADY_TONE_MONO_LOSS_DB if steady_tone_at_ears(case) else MONO_LOSS_DB
    return near("mono", "spatial", "dB", expected=0.0, measured=loss_db, tolerance=tolerance, at_most=True)


def steady_tone_at_ears(case: Case) -> bool:
    """Whether a tone moves at the ears that has no other partials to make up for what its place takes of it."""
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
    return near("motion", "spatial", "of the path", expected=1.0, measured=share, tolerance=tolerance)
