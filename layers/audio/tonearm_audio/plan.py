"""The steps that a recipe comes to, in the order in which they are heard, and the length and format that they lead to.

Operations are heard in the order of the list, with three exceptions. Tempo and pitch changes that stand side by side
are one step: they commute. Motion comes after every change of tempo and pitch, because its path is in the render's
time. What brings a song to a loudness is last, or nothing could be promised of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from tonearm_audio.checks import require_within
from tonearm_audio.errors import AudioError
from tonearm_audio.operations import (
    PITCH_RANGE_SEMITONES,
    TEMPO_RANGE,
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    Operation,
    Pitch,
    Reverb,
    Spatial,
    Tempo,
    Trim,
)

NEUTRAL = 1e-9
"""A ratio this near to 1 changes nothing."""


@dataclass(frozen=True)
class Change:
    """What tempo and pitch operations that stand side by side come to together."""

    tempo_factor: float = 1.0
    semitones: float = 0.0
    keep_formants: bool = False

    @property
    def pitch_ratio(self) -> float:
        """Frequency out over frequency in."""
        return math.pow(2.0, self.semitones / 12.0)

    @property
    def time_ratio(self) -> float:
        """By how much the song is stretched before it is resampled to its pitch: frames out over frames in."""
        return self.pitch_ratio / self.tempo_factor

    def frames_after(self, frames: int) -> int:
        """The promised length: round(frames / factor), never less than one frame."""
        return max(1, round(frames / self.tempo_factor))


Step = Trim | Fade | Change | Spatial | Equalize | Compress | Reverb | Mix | Convert
Finish = Loudness | Master


@dataclass(frozen=True)
class Plan:
    """What is done to a song.

    Attributes:
        steps: in order, all that need only hear the song once.
        finish: what must hear all of it before it can begin, at most one.
    """

    steps: tuple[Step, ...]
    finish: Finish | None

    @property
    def change(self) -> Change:
        """All changes of tempo and pitch together."""
        changes = [step for step in self.steps if isinstance(step, Change)]
        return Change(
            math.prod(change.tempo_factor for change in changes),
            math.fsum(change.semitones for change in changes),
            any(change.keep_formants for change in changes),
        )

    @property
    def motion(self) -> Spatial | None:
        """The spatial operation, if there is one."""
        return next((step for step in self.steps if isinstance(step, Spatial)), None)

    @property
    def mixed(self) -> tuple[Path, ...]:
        """The other files that are heard beside the song."""
        return tuple(track.path for step in self.steps if isinstance(step, Mix) for track in step.tracks)

    @property
    def wide(self) -> bool:
        """Whether it ends with left and right so unlike that an encoder gains nothing from what they share."""
        last = self.steps[-1] if self.steps else None
        return isinstance(last, Spatial) and last.listening == "anywhere" and last.depth * last.mix >= _WIDE_FROM_DEPTH

    @property
    def ceiling_dbtp(self) -> float | None:
        """Highest true peak of the encoded file, where there is such a promise."""
        if self.finish is not None:
            return self.finish.ceiling_dbtp
        return CEILING_DBTP if self.has(*_LIFTING) else None

    def has(self, *kinds: type) -> bool:
        """Whether one of these kinds of step, or finish, is part of it."""
        return any(isinstance(step, kinds) for step in (*self.steps, self.finish))

    def sample_rate_hz(self, source_rate_hz: int) -> int:
        """The rate that it asks for: the last that is named, or the source's own."""
        named = [step.sample_rate_hz for step in self.steps if isinstance(step, Convert) and step.sample_rate_hz]
        return named[-1] if named else source_rate_hz

    def channels(self, source_channels: int) -> int:
        """The channels that it leads to."""
        channels = source_channels
        for step in self.steps:
            channels = channels_after(step, channels)
        return channels


CEILING_DBTP = -1.0
"""Highest true peak of a render whose steps may lift peaks, unless its loudness is asked for as well."""
_WIDE_FROM_DEPTH = 0.9
"""Of a motion. MP3s of three songs at 320 and 192 kbit/s: middle and sides save 0.1 to 0.2 dB of noise at a depth of 1,
0.6 to 1.3 dB at one of 0.3."""
_LIFTING = (Spatial, Equalize, Compress, Reverb, Mix)


def channels_after(step: Step, channels: int) -> int:
    """How many channels a step makes of so many."""
    if isinstance(step, Spatial | Mix):
        return 2
    if isinstance(step, Convert) and step.channels is not None:
        return step.channels
    return channels


def plan(operations: Sequence[Operation]) -> Plan:
    """Order and fold a recipe's operations.

    Raises:
        AudioError: `recipe.invalid` when changes leave the range together that each may span alone, at the end or at
            any step, when there are several motions or finishing operations, or when something comes after a finishing
            one.
    """
    _require_once(operations, Spatial)
    _require_once(operations, Mix)
    _require_once(operations, Loudness, Master)
    finish = operations[-1] if operations and isinstance(operations[-1], Loudness | Master) else None
    steps: list[Step] = []
    for operation in operations:
        if isinstance(operation, Tempo | Pitch):
            last = steps[-1] if steps else None
            if isinstance(last, Change):
                steps[-1] = _with(last, operation)
            else:
                steps.append(_with(Change(), operation))
        elif not isinstance(operation, Loudness | Master):
            steps.append(operation)
        elif operation is not finish:
            raise AudioError(
                "recipe.invalid",
                f"{type(operation).__name__.lower()} is followed by other operations; it must be the last.",
                value=f"{len(operations) - 1 - operations.index(operation)} after it",
                limit="the last operation",
                mend="Move it to the end of the list.",
            )
    _require_within_at_each_step(operations)
    return Plan(_moving_last(steps), finish)


def _require_within_at_each_step(operations: Sequence[Operation]) -> None:
    """Hold what the changes come to, seen from the source and each for itself, to what one operation may do.

    What is between two steps is as long as all changes before it make it: sixteen times as long as the source, were it
    the end alone that counts. Changes that stand side by side are one step, and only what they come to is made.
    """
    factors, semitones, heard = [1.0], [0.0], 0
    for changes, side_by_side in groupby(operations, lambda operation: isinstance(operation, Tempo | Pitch)):
        step = list(side_by_side)
        heard += len(step)
        if not changes:
            continue
        own_factors = [operation.factor for operation in step if isinstance(operation, Tempo)]
        own_semitones = [operation.semitones for operation in step if isinstance(operation, Pitch)]
        factors += own_factors
        semitones += own_semitones
        so_far = "all operations" if heard == len(operations) else f"the first {heard} operations"
        for which, some_factors, some_semitones in (
            (so_far, factors, semitones),
            (f"operations {heard - len(step) + 1} to {heard}", own_factors, own_semitones),
        ):
            # To a millionth, so that the order of a sum makes no difference.
            require_within(f"tempo factor of {which} together", round(math.prod(some_factors), 6), TEMPO_RANGE)
            require_within(
                f"pitch shift of {which} together", round(math.fsum(some_semitones), 6), PITCH_RANGE_SEMITONES
            )


def _with(change: Change, operation: Tempo | Pitch) -> Change:
    if isinstance(operation, Tempo):
        return replace(change, tempo_factor=float(change.tempo_factor * operation.factor))
    keep = change.keep_formants or operation.formants == "keep"
    return replace(change, semitones=change.semitones + operation.semitones, keep_formants=keep)


def _moving_last(steps: list[Step]) -> tuple[Step, ...]:
    """Motion after every change: it stays where it stands unless one follows."""
    motions = [index for index, step in enumerate(steps) if isinstance(step, Spatial)]
    changes = [index for index, step in enumerate(steps) if isinstance(step, Change)]
    if motions and changes and motions[0] < changes[-1]:
        steps.insert(changes[-1], steps.pop(motions[0]))
    return tuple(steps)


def _require_once(operations: Sequence[Operation], *kinds: type) -> None:
    count = sum(isinstance(operation, kinds) for operation in operations)
    if count > 1:
        name = " or ".join(kind.__name__.lower() for kind in kinds)
        raise AudioError(
            "recipe.invalid",
            f"The recipe has {count} {name} operations; it may have 1.",
            value=count,
            limit=f"1 {name} operation",
            mend="Leave one of them out.",
        )


def frames_after(step: Step, frames: int, sample_rate_hz: int, *, others: int = 0) -> int:
    """How many frames a step makes of so many, at one rate.

    Args:
        step: any but a conversion of rate.
        frames: that come in.
        sample_rate_hz: of them.
        others: for a mix: frames at which the last of the other files ends.
    """
    match step:
        case Trim():
            end = frames if step.end_s is None else min(frames, round(step.end_s * sample_rate_hz))
            return max(0, end - round(step.start_s * sample_rate_hz))
        case Change():
            return step.frames_after(frames)
        case Reverb():
            return frames + round(step.tail_s * sample_rate_hz)
        case Mix():
            return max(frames, others)
        case _:
            return frames


@dataclass(frozen=True)
class Stage:
    """A step at the rates at which it runs.

    Attributes:
        step: what is done.
        rate_in_hz: sample rate of what comes in.
        rate_out_hz: sample rate of what leaves.
    """

    step: Step
    rate_in_hz: int
    rate_out_hz: int

    def frames_after(self, frames: int, *, others: int = 0) -> int:
        """How many frames it makes of so many; `others` as for `frames_after`."""
        made = frames_after(self.step, frames, self.rate_in_hz, others=others)
        if self.rate_in_hz == self.rate_out_hz:
            return made
        return max(1, round(made * self.rate_out_hz / self.rate_in_hz))


def staged(made: Plan, *, source_rate_hz: int, output_rate_hz: int) -> list[Stage]:
    """The stages of a plan: the rate is changed once, by the first change of tempo or pitch, or before anything else.

    One resampling then serves both a pitch and a codec that lacks the source's rate.
    """
    steps = list(made.steps)
    if source_rate_hz != output_rate_hz and not any(isinstance(step, Change) for step in steps):
        steps.insert(0, Change())
    stages, rate_hz = [], source_rate_hz
    for step in steps:
        after_hz = output_rate_hz if isinstance(step, Change) else rate_hz
        stages.append(Stage(step, rate_hz, after_hz))
        rate_hz = after_hz
    return stages
