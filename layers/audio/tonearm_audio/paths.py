"""Where a source is at each moment, on a path that a seed decides.

All randomness is numpy's PCG64 by its raw 64-bit words, which numpy promises never to change. Between random knots, two
a turn, speeds and distances follow 3x² - 2x³, so that a path is a polynomial, and no sum that drifts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tonearm_audio.operations import Spatial

_WANDER = 0.25
_FASTEST_TURNS = 2.6
"""Of a random path, against what was asked for: its speeds lie evenly between this and the same the other way, so that
between its knots they are 1.0 on average."""
_NEAREST = 0.4

Line = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Position:
    """Where a source is, seen from above [each shape=(n,)]; 1.0 is the edge of the circle around the listener.

    Attributes:
        left: -1.0 (right) to 1.0.
        before: -1.0 (behind) to 1.0.
    """

    left: Line
    before: Line

    @property
    def distance(self) -> Line:
        """From the listener's head: 0.0 is above it, 1.0 on the circle."""
        distance: Line = np.sqrt(self.left**2 + self.before**2)
        return distance


class Path(Protocol):
    """A path over time."""

    def position(self, times_s: Line) -> Position:
        """Where the source is at rising times from the start [shape=(n,)]."""


def _around(values: list[float], knot: Line) -> tuple[Line, Line]:
    """At rising knots, and at the ones after them; no more is read than that, however long a path is."""
    first = int(knot[0])
    index = knot.astype(np.int64) - first
    near = np.array(values[first : first + int(index[-1]) + 2])
    return near[index], near[np.minimum(index + 1, len(near) - 1)]


class _Random:
    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def __call__(self) -> float:
        return int(self._bits.random_raw()) / 2.0**64


class Orbit:
    """Round and round the listener, at a speed that wanders.

    The first two random numbers are start and direction, each further one a knot of the speed.

    Args:
        seed: 0 to 2**32 - 1.
        speed_hz: turns a second on average; it wanders by up to a quarter of that.
    """

    def __init__(self, seed: int, speed_hz: float) -> None:
        self._random = _Random(seed)
        self._span_s = 0.5 / speed_hz
        start, direction = self._random(), self._random()
        self._turn = math.copysign(2 * math.pi * speed_hz, direction - 0.5)
        self._speeds = [self._wander()]
        self._azimuths = [2 * math.pi * start]

    def _wander(self) -> float:
        return 1.0 + _WANDER * (2.0 * self._random() - 1.0)

    def azimuth(self, times_s: Line) -> Line:
        """Radians at each time from the start: 0 is before the listener, a quarter turn is left.

        Args:
            times_s: rising times [shape=(n,)].
        """
        last = int(times_s[-1] / self._span_s) + 1
        while len(self._speeds) <= last:
            self._speeds.append(self._wander())
            mean = (self._speeds[-2] + self._speeds[-1]) / 2
            self._azimuths.append((self._azimuths[-1] + self._turn * mean * self._span_s) % (2 * math.pi))
        knot, part = np.divmod(times_s / self._span_s, 1.0)
        here, there = _around(self._speeds, knot)
        gone = here * part + (there - here) * (part**3 - part**4 / 2)
        azimuths: Line = _around(self._azimuths, knot)[0] + self._turn * self._span_s * gone
        return azimuths

    def position(self, times_s: Line) -> Position:
        """On the circle."""
        azimuth = self.azimuth(times_s)
        return Position(np.sin(azimuth), np.cos(azimuth))


class Figure(Orbit):
    """An eight, one lobe before the listener and one behind: it crosses itself above the head.

    A lemniscate drawn by sin(2a) to the left and cos(a) ahead, rounded into the circle.

    Args:
        seed: 0 to 2**32 - 1.
        speed_hz: eights a second on average; it wanders by up to a quarter of that.
    """

    def position(self, times_s: Line) -> Position:
        """On the eight, which touches the circle at its ends and at the widest of its lobes."""
        azimuth = self.azimuth(times_s)
        left, before = np.sin(2 * azimuth), np.cos(azimuth)
        rounded = 1.0 / np.sqrt(1.0 + (left * before) ** 2)
        return Position(left * rounded, before * rounded)


class Wander(Orbit):
    """A random walk: it turns around where it likes, and comes nearer and goes away.

    Args:
        seed: 0 to 2**32 - 1.
        speed_hz: turns a second, as they would be without turning around, on average.
    """

    def __init__(self, seed: int, speed_hz: float) -> None:
        super().__init__(seed, speed_hz)
        # Its own stream: how many knots of the one there are must not move the other.
        self._away = _Random(seed + (1 << 32))
        self._distances: list[float] = []

    def _wander(self) -> float:
        return _FASTEST_TURNS * (2.0 * self._random() - 1.0)

    def position(self, times_s: Line) -> Position:
        """Within the circle."""
        last = int(times_s[-1] / self._span_s) + 1
        while len(self._distances) <= last:
            self._distances.append(_NEAREST + (1.0 - _NEAREST) * self._away())
        knot, part = np.divmod(times_s / self._span_s, 1.0)
        here, there = _around(self._distances, knot)
        distance = here + (there - here) * (3 * part**2 - 2 * part**3)
        azimuth = self.azimuth(times_s)
        return Position(distance * np.sin(azimuth), distance * np.cos(azimuth))


def path(operation: Spatial) -> Path:
    """The path that an operation asks for."""
    kinds: dict[str, type[Orbit]] = {"orbit": Orbit, "figure": Figure, "random": Wander}
    return kinds[operation.path](operation.seed, operation.speed_hz)
