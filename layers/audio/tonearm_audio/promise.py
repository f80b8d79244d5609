"""A promise, and the case in which a render stands: its plan, and what source and render were found to hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

import numpy as np
import numpy.typing as npt

from tonearm_audio.measured import Measured
from tonearm_audio.operations import (
    Convert,
    Equalize,
)
from tonearm_audio.output_format import OutputFormat
from tonearm_audio.plan import Plan

FULL_LEVEL_TOLERANCE_LU = 6.0
"""For a render whose peaks reach full scale and whose source has nothing to spare: it cannot be louder."""
CEILING_PEAK = 10 ** (-3.0 / 20)
"""A render with samples above it was limited, or nearly."""
DEAFEST_EQUALIZER_DB = -30.0
"""Of a song that equalizers make softer than this hardly anything is left."""
LOWEST_LEVEL_HZ = 30.0
QUIETEST_DBFS = -50.0
"""Below it no level is told."""


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


def maker(name: str, case: Case) -> str:
    """Who makes a promise: the operation that it is about where that is there, else all together."""
    return name if name in case.names.split("+") else case.names


def near(name: str, operation: str, unit: str, *, expected: float, measured: float, tolerance: float) -> Promise:
    """A promise that is kept within a tolerance on either side."""
    kept = abs(measured - expected) <= tolerance
    return Promise(name, operation, unit, float(expected), float(measured), float(tolerance), kept)
