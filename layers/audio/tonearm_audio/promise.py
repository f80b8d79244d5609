"""A promise, and the case in which a render stands: its plan, and what source and render were found to hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Literal

import numpy as np
import numpy.typing as npt

from tonearm_audio.loudness import k_weight
from tonearm_audio.measured import Measured
from tonearm_audio.operations import (
    Convert,
    Equalize,
)
from tonearm_audio.output_format import OutputFormat
from tonearm_audio.plan import Plan

PromiseName = Literal[
    "channels",
    "clipping",
    "duration",
    "dynamics",
    "fade_in",
    "fade_out",
    "gaps",
    "level",
    "loudness",
    "mono",
    "motion",
    "pitch",
    "response",
    "sample_rate",
    "timing",
    "true_peak",
]
"""What is promised, as in the tables of docs/audio-promises.md."""

FULL_LEVEL_TOLERANCE_LU = 6.0
"""For a render whose peaks reach full scale and whose source has nothing to spare: it cannot be louder."""
CEILING_PEAK = 10 ** (-3.0 / 20)
"""A render with samples above it was limited, or nearly."""
DEAFEST_EQUALIZER_DB = -30.0
"""Of a song that equalizers make softer than this hardly anything is left."""
LOWEST_LEVEL_HZ = 30.0
_LEAST_HEARD = 10**-2.5
"""Of a source's power; where less lies above the lowest level that is told, the ends of the rest drown it."""
_CANCELS_DB = -10.0
_HIGHS_WEIGHT = 10**0.4
"""What BS.1770 makes of the power of all that is high."""
QUIETEST_DBFS = -50.0
"""Below it no level is told."""


@dataclass(frozen=True)
class Promise:
    """One promise of a recipe and what became of it.

    Attributes:
        name: what is promised: "duration", "clipping" and so on of every render; "fade_in", "response", "true_peak",
            "motion" and others of those operations that make them.
        operation: the operation that makes it, such as "tempo"; several as "tempo+pitch", or "convert" for none.
        unit: of the three figures.
        expected: what the recipe promises; for "clipping" the source's own value.
        measured: what the encoded file holds; None when it cannot be measured, and `note` says why.
        tolerance: how far measured may lie from expected.
        kept: whether it does not lie farther. Where the source has nothing to measure, `measured` is None and this is
            true; where the render lost it, `measured` is None and this is false.
        note: empty, or why there is no measurement or a wider tolerance.
        at_most: whether measured may lie below expected as far as it will: expected and tolerance are an upper limit.
    """

    name: PromiseName
    operation: str
    unit: str
    expected: float | None
    measured: float | None
    tolerance: float
    kept: bool
    note: str = ""
    at_most: bool = False


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
    def unheard(self) -> bool:
        """Whether nearly all of the source lies below what is heard, as a constant does: the rest cannot be told."""
        spectrum = self.before.spectrum
        heard = float(spectrum.power[spectrum.frequencies_hz >= LOWEST_LEVEL_HZ].sum())
        return heard < _LEAST_HEARD * float(spectrum.power.sum())

    @property
    def cancels(self) -> bool:
        """Whether channels are summed that leave little of each other."""
        fold_db = self.before.image.fold_db
        return self.folds and (fold_db is None or fold_db < _CANCELS_DB)

    @property
    def folds(self) -> bool:
        """Whether two channels become one."""
        return self.before.channels == 2 and any(
            isinstance(step, Convert) and step.channels == 1 for step in self.plan.steps
        )

    @cached_property
    def unshown_db(self) -> float:
        """By how much the source is louder than its long-term spectrum shows: what lies above its highest frequency.

        A codec, or a lower rate, may leave it out; 0 where neither is asked for.
        """
        spectrum, levels_db = self.before.spectrum, self.before.envelope.levels_db
        if not len(levels_db) or not (self.output.lossy or self.sample_rate_hz < self.before.sample_rate_hz):
            return 0.0
        shown = spectrum.power[spectrum.frequencies_hz <= spectrum.highest_hz]
        heard = float((shown * k_weight(spectrum.frequencies_hz[: len(shown)])).sum())
        above = self.before.channels * float(np.mean(10 ** (levels_db / 10))) - float(shown.sum())
        return 10 * math.log10(1 + _HIGHS_WEIGHT * max(0.0, above) / heard) if heard > 0 else 0.0

    @cached_property
    def equalized_db(self) -> float:
        """By how much softer or louder the equalizers make the whole of the source."""
        source, asked = float(self.before.spectrum.power.sum()), float(self.equalized_power.sum())
        return 10 * math.log10(max(asked, 1e-30) / source) if source > 0 else 0.0

    @property
    def equalized_power(self) -> npt.NDArray[np.float64]:
        """The source's long-term power at each frequency, as the equalizers ask for it [shape=(bins,)]."""
        asked: npt.NDArray[np.float64] = self.before.spectrum.power * 10 ** (self.equalizers_db / 10)
        return asked

    @cached_property
    def equalizers_db(self) -> npt.NDArray[np.float64]:
        """The gain of all equalizers together at each frequency of the source's spectrum [shape=(bins,)]."""
        spectrum = self.before.spectrum
        asked_db = np.zeros(len(spectrum.power))
        for step in self.plan.steps:
            if isinstance(step, Equalize):
                response_db = import_module("tonearm_audio.equalize").response_db
                asked_db += response_db(step, spectrum.frequencies_hz, self.before.sample_rate_hz)
        return asked_db

    @property
    def keeps_channels(self) -> bool:
        """Whether both channels go on as they are, or there is one only."""
        return self.plan.channels(self.before.channels) == self.before.channels


def maker(name: str, case: Case) -> str:
    """Who makes a promise: the operation that it is about where that is there, else all together."""
    return name if name in case.names.split("+") else case.names


def near(
    name: PromiseName,
    operation: str,
    unit: str,
    *,
    expected: float,
    measured: float,
    tolerance: float,
    at_most: bool = False,
) -> Promise:
    """A promise that is kept within a tolerance on either side, or on the upper one alone."""
    kept = measured <= expected + tolerance if at_most else abs(measured - expected) <= tolerance
    return Promise(name, operation, unit, float(expected), float(measured), float(tolerance), kept, at_most=at_most)


def untold(promise: Promise) -> Promise:
    """The same promise of a source of which hardly anything is heard."""
    note = "not measurable: nearly all of the source lies below what is heard"
    return replace(promise, measured=None, kept=True, note=note)
