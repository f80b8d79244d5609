"""Attacks, and a map of time that leaves them as they are.

A drum hit played in another tempo begins at another moment and then sounds as it always did. So a stretch should move
attacks and not stretch them: for a moment after each attack time runs as in the source, and what was gained or lost is
made up for until the next one. Every attack itself lies exactly where the plain stretch would put it.

Attacks are where many bands rise together within some milliseconds (the rectified log-spectral difference of Klapuri,
ICASSP 1999). They are found on a grid of their own, so that nothing depends on how a stream is cut into blocks.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.fourier import rfft

_HOP_S = 256 / 44_100
_EDGES_HZ = (172.0, 344.0, 689.0, 1206.0, 2067.0, 3445.0, 6029.0, 10336.0, 17226.0)
_FLOOR = 1e-9
"""A band softer than -90 dBFS counts as this soft: what begins in the noise of a recording's silence is no attack."""
_RISE_DB = 4.0
"""Mean rise of all bands, within two hops."""
_NEAR = 6
"""Of several attacks within so many hops, 35 ms, the strongest counts."""
_GRID = 64
_CELLS = 8
"""Of a hop: how finely the beginning of an attack is looked for, 0.7 ms."""
_BEGUN = 0.25
"""An attack begins where a cell reaches this share of the strongest cell's power."""
_HOLD_S, _HOLD_OF_GAP = 0.12, 0.55
_FARTHEST_S = 0.02
"""No moment is farther than this from where the plain stretch would put it."""
_RETURN_S, _RETURN_OF_GAP = 0.15, 0.8
_BEFORE_S, _BEFORE_OF_REST = 0.045, 0.5
"""Time is held a little before an attack too: windows that reach into it must not smear it. Of what is left between the
return from one attack and the next; the rest leads there."""
_LEAD_S = 0.05
_BEFORE_RATIOS = (0.65, 1.7)
"""Beyond these there is no room to hold it as long as a window reaches, and less than that places attacks worse."""
_SLOWEST = 0.5
"""On its way back time runs at least at half of the plain stretch's speed."""

Line = npt.NDArray[np.float64]


def fast_size(least: float, multiple: int) -> int:
    """The smallest multiple of a number that is `least` or more and whose only prime factors are 2, 3 and 5."""
    size = -(-int(least) // multiple) * multiple
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += multiple


class AttackFinder:
    """Finds attacks in a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2; their powers are added.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._hop = fast_size(_HOP_S * sample_rate_hz, 2)
        size = 2 * self._hop
        self._window = (0.5 - 0.5 * np.cos(np.pi * (np.arange(size) + 0.5) / self._hop)).astype(np.float32)
        highest = min(_EDGES_HZ[-1], sample_rate_hz / 2)
        edges = [edge for edge in _EDGES_HZ if edge < highest] + [highest]
        self._edges = np.array([round(edge * size / sample_rate_hz) for edge in edges])
        # A sine of full scale has the power 1 in its band.
        self._scale = np.float32(2.7)
        # The first window stands around the first frame.
        self._waiting: FloatBlock = np.zeros((self._hop, channels), np.float32)
        self._recent = self._waiting
        """The last frames, from `_oldest` on, in which an attack that was found is looked at closely."""
        self._oldest = -self._hop
        self._levels: Line = np.full((2, len(edges) - 1), _decibels(np.array([_FLOOR]))[0])
        self._rises: Line = np.zeros(_NEAR + 1)
        self._next = -1
        self._last = -_NEAR

    @property
    def known(self) -> int:
        """Every attack before this frame has been found."""
        return max(0, (self._next - _NEAR) * self._hop)

    def feed(self, block: FloatBlock) -> list[int]:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; get frames at which attacks begin, rising."""
        self._waiting = np.concatenate([self._waiting, block])
        self._recent = np.concatenate([self._recent, block])
        count = len(self._waiting) // self._hop - 1
        if count < 1:
            return []
        views = np.lib.stride_tricks.sliding_window_view(self._waiting, 2 * self._hop, axis=0)[:: self._hop][:count]
        spectra = rfft(views * self._window)
        powers = (spectra.real**2 + spectra.imag**2).sum(axis=1) * self._scale
        bands = np.add.reduceat(powers[:, : self._edges[-1]], self._edges[:-1], axis=1)
        self._waiting = self._waiting[count * self._hop :]
        levels = np.concatenate([self._levels, _decibels(bands + _FLOOR)])
        self._levels = levels[-2:]
        rises = np.maximum(0.0, levels[2:] - levels[:-2]).mean(axis=1)
        found = [self._beginning(at * self._hop) for at in self._strongest(rises)]
        gone = max(0, len(self._recent) - (2 * _NEAR + 4) * self._hop - len(self._waiting))
        self._recent = self._recent[gone:]
        self._oldest += gone
        return found

    def _strongest(self, rises: Line) -> list[int]:
        rises = np.concatenate([self._rises, rises])
        found = []
        for index in range(_NEAR, len(rises) - _NEAR):
            around = rises[index - _NEAR : index + _NEAR + 1]
            at = self._next + index - len(self._rises)
            if rises[index] > _RISE_DB and rises[index] == around.max() and at - self._last >= _NEAR:
                found.append(at)
                self._last = at
        self._next += len(rises) - len(self._rises)
        self._rises = rises[-2 * _NEAR :] if len(rises) >= 2 * _NEAR else rises
        return found

    def _beginning(self, at: int) -> int:
        """The frame at which an attack begins that was found in two windows from the frame `at` on."""
        cell = max(1, self._hop // _CELLS)
        start = max(self._oldest, at - self._hop)
        around = self._recent[start - self._oldest : at + 2 * self._hop - self._oldest].astype(np.float64)
        # Differences: a bass that sounds on would hide what begins above it.
        steps = (np.diff(around, axis=0, prepend=around[:1]) ** 2).sum(axis=1)
        powers = np.add.reduceat(steps, np.arange(0, len(steps), cell))
        return max(0, start + int((powers >= _BEGUN * powers.max()).argmax()) * cell)


def _decibels(powers: npt.NDArray[np.floating]) -> Line:
    """On a grid so coarse that no rounding of a logarithm can be seen."""
    levels: Line = np.round(10 * _GRID * np.log10(powers.astype(np.float64))) / _GRID
    return levels


class TimeMap:
    """Which moment of the source is heard at a moment of the render.

    Args:
        time_ratio: frames out over frames in.
        sample_rate_hz: frames a second.
    """

    def __init__(self, time_ratio: float, sample_rate_hz: int) -> None:
        self._ratio = time_ratio
        self._rate = sample_rate_hz
        self._drift = 1 - 1 / time_ratio
        """Frames by which the map leaves the plain stretch for each frame of render in which time is held."""
        self._hold_of_gap, self._before_of_rest = _HOLD_OF_GAP, _BEFORE_OF_REST
        if self._drift > 0:
            steepest = _SLOWEST / (time_ratio * self._drift)
            room = steepest * _RETURN_OF_GAP
            self._hold_of_gap = min(_HOLD_OF_GAP, room / (1 + room))
            self._before_of_rest = min(_BEFORE_OF_REST, steepest / (1 + steepest))
        self._longest_hold, self._longest_before = _HOLD_S * sample_rate_hz, _BEFORE_S * sample_rate_hz
        if self._drift:
            farthest = _FARTHEST_S * sample_rate_hz / abs(self._drift)
            self._longest_hold = min(self._longest_hold, farthest)
            within = _BEFORE_RATIOS[0] <= time_ratio <= _BEFORE_RATIOS[1]
            self._longest_before = min(self._longest_before, farthest) if within else 0.0
        self._ahead = max(
            self._longest_hold / self._hold_of_gap,
            self._longest_hold + _RETURN_S * sample_rate_hz / _RETURN_OF_GAP,
            self._longest_hold + (_RETURN_S + _BEFORE_S + _LEAD_S) * sample_rate_hz,
        )
        """A gap between attacks that is longer than this changes nothing."""
        self._open: list[int] = []
        self._known = 0
        self._times = [0.0]
        self._drifts = [0.0]
        self._attacks: list[tuple[float, float, float]] = []
        self._free = 0.0
        """From here on nothing leads back to the last attack any longer."""

    def feed(self, attacks: list[int], known: int) -> None:
        """Take the attacks of the source, rising; every one before the frame `known` has been named by now."""
        self._open += attacks
        self._known = known
        while self._open:
            gap = (self._open[1] if len(self._open) > 1 else known) - self._open[0]
            if len(self._open) == 1 and gap * self._ratio < self._ahead:
                return
            self._place(self._open.pop(0) * self._ratio, gap * self._ratio)

    @property
    def end(self) -> float:
        """Up to this frame of the render the map is known."""
        farthest = (self._open[0] if self._open else self._known) * self._ratio
        # What leads to an attack that may begin there
        return farthest - (_BEFORE_S + _LEAD_S) * self._rate

    def _place(self, start: float, gap: float) -> None:
        hold = min(self._longest_hold, self._hold_of_gap * gap)
        back = min(_RETURN_S * self._rate, _RETURN_OF_GAP * (gap - hold))
        rest = min((_BEFORE_S + _LEAD_S) * self._rate, max(0.0, start - self._free))
        before = min(self._longest_before, self._before_of_rest * rest)
        self._free = start + hold + back
        self._times += [start - rest, start - before, start + hold, self._free]
        self._drifts += [0.0, -before * self._drift, hold * self._drift, 0.0]
        self._attacks.append((start - rest, start, self._free))

    def read(self, times: Line) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Read the map at rising times; nothing before them can be read afterwards.

        Args:
            times: frames of the render [shape=(n,)], below `end`.

        Returns:
            The frames of the source that are heard then [shape=(n,)], and how many times as far from them as in the
            source a moment nearby lies in the render: 1 while time is held, and otherwise what leaves the nearest
            attack in its place, or the ratio.
        """
        past = max(0, bisect_right(self._times, float(times[0])) - 1)
        del self._times[:past], self._drifts[:past]
        exact = times / self._ratio + np.interp(times, self._times, self._drifts)
        ratios = np.full(len(times), self._ratio)
        self._attacks = [attack for attack in self._attacks if attack[2] >= times[0]]
        for first, start, last in self._attacks:
            near = (times > first) & (times < last)
            apart = exact[near] - start / self._ratio
            on_it = np.abs(apart) < 0.5
            ratios[near] = np.where(on_it, 1.0, (times[near] - start) / np.where(on_it, 1.0, apart))
        return np.round(exact).astype(np.int64), ratios.astype(np.float32)
