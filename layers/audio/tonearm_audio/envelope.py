"""Where in time a render's sound lies against its source's: lag in milliseconds, and stretches that fell silent.

A tempo change maps every moment of the source to one of the render. The energy of both, in steps of 10 ms, must rise
and fall at the same mapped moments; a render of the right length with its sound in the wrong place, or with a hole in
it, shows here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.parabola import top_near

STEP_S = 0.01
_SEGMENT_S = 10.0
_FARTHEST_S = 0.5
_LEAST_LIKENESS = 0.6
_QUIET_DB = -60.0
_SILENT_DB = -120.0
_HOLE_DB = 40.0
_BLUR = np.full(5, 0.2)
_HALF_A_SECOND = 50
_FEWEST_HALVES = 10
_PART_STEPS = 10_000
_BACKWARDS_LIKENESS, _BACKWARDS_LEAD = 0.8, 0.4
"""How alike a render must be to its source backwards, and by how much less forwards. Right renders of music, speech,
hits and noise reach 0.55 at most, and are more alike forwards."""

Levels = npt.NDArray[np.floating]


class EnvelopeMeter:
    """Gathers the level of a stream in steps of 10 ms."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._step = max(1, round(STEP_S * sample_rate_hz))
        self._scale = self._step / sample_rate_hz
        self._rest: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._powers: list[npt.NDArray[np.float32]] = []

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        power = np.concatenate([self._rest, np.einsum("fc,fc->f", block, block) / block.shape[1]])
        count = len(power) // self._step
        self._powers.append(power[: count * self._step].reshape(count, self._step).mean(axis=1))
        self._rest = power[count * self._step :]

    def result(self) -> Envelope:
        """The levels so far."""
        power = np.concatenate(self._powers) if self._powers else np.zeros(0, np.float32)
        return Envelope(10 * np.log10(power + np.float32(1e-12)), self._scale)


@dataclass(frozen=True)
class Envelope:
    """Level over time.

    Attributes:
        levels_db: mean power of each step in dBFS [shape=(steps,), float32: of three hours there are a million].
        step_s: length of a step in seconds, 0.01 to within a sample.
    """

    levels_db: Levels
    step_s: float

    @property
    def dense_dbfs(self) -> float:
        """The level where the power is: the mean over all power of the level that it is found at."""
        powers = 10 ** (self.levels_db / 10)
        return 10 * math.log10(max(float(powers @ powers), 1e-24) / max(float(powers.sum()), 1e-12))


@dataclass(frozen=True)
class Alignment:
    """How a render's sound lies against its source's.

    Attributes:
        lag_ms: the largest delay (positive) or lead (negative) of any 10 s of the render; None when its level is too
            even to tell.
        silent_s: the longest stretch in which the source sounds and the render is silent.
        backwards: whether the level moves as the source's does from its end to its beginning.
    """

    lag_ms: float | None
    silent_s: float
    backwards: bool = False


def align(
    source: Envelope,
    render: Envelope,
    *,
    tempo_factor: float,
    asked_db: Levels | None = None,
    least_gain_db: float = 0.0,
) -> Alignment:
    """Hold a render's level over time against its source's.

    Args:
        source: of the source.
        render: of the render.
        tempo_factor: by how much the render is faster.
        asked_db: by how much each step of the render was to be louder than its source [shape=(render's steps,)].
        least_gain_db: 0 where the level was to be kept; below it, how much softer all of the render may be: a hole is
            then looked for beside what is usual in it.
    """
    if not len(render.levels_db) or not len(source.levels_db):
        return Alignment(None, 0.0)
    expected = expected_levels(source, render, tempo_factor=tempo_factor)
    if asked_db is not None:
        expected = np.maximum(expected + asked_db, _SILENT_DB)
    span, reach = round(_SEGMENT_S / render.step_s), round(_FARTHEST_S / render.step_s)
    lags = []
    for start in range(0, max(1, len(expected) - span // 2), span):
        lag = _lag(expected[start : start + span], render.levels_db[start : start + span], reach)
        if lag is not None:
            lags.append(1000 * lag * render.step_s)
    # What comes after the source's end, such as the tail of a room, has nothing to be held against.
    inside = math.ceil((len(source.levels_db) + 0.5) * source.step_s / (render.step_s * tempo_factor) - 0.5)
    expected, measured = expected[:inside], render.levels_db[:inside]
    backwards = _runs_backwards(expected, measured)
    sounding = expected > _QUIET_DB
    if least_gain_db < 0 and sounding.any():
        usual_db = float(np.median(measured[sounding] - expected[sounding]))
        expected = expected + min(max(usual_db, least_gain_db), 0.0)
    holes = _longest_hole(expected, measured, sounding)
    return Alignment(max(lags, key=abs) if lags else None, holes * render.step_s, backwards)


def expected_levels(source: Envelope, render: Envelope, *, tempo_factor: float) -> Levels:
    """The source's level in dBFS at each step of a render."""
    ratio = render.step_s * tempo_factor / source.step_s
    count = len(source.levels_db)
    expected = np.empty(len(render.levels_db), np.float32)
    for start in range(0, len(expected), _PART_STEPS):
        part = expected[start : start + _PART_STEPS]
        # The source's step, with its fraction, that each step of the render was made of.
        times = (np.arange(start, start + len(part)) + 0.5) * ratio - 0.5
        first, last = (min(max(int(time), 0), count - 1) for time in (times[0], times[-1] + 1))
        part[:] = np.interp(times, np.arange(first, last + 1), source.levels_db[first : last + 1])
    return expected


def _lag(expected: Levels, measured: Levels, reach: int) -> float | None:
    """Steps by which `measured` lags, to a fraction; None when the two are not alike at any lag."""
    length = len(expected)
    if length < 4 * reach:
        return None
    likeness = np.zeros(2 * reach + 1)
    floor_db = max(float(expected.max()) - 50.0, _QUIET_DB)
    # A hit that is shorter than a step falls into one or into two: over a few steps it is alike wherever it falls.
    first, second = (np.convolve(np.maximum(line, floor_db), _BLUR, "valid") for line in (expected, measured))
    length = len(first)
    for lag in range(-reach, reach + 1):
        one = first[max(0, -lag) : length - max(0, lag)]
        other = second[max(0, lag) : length + min(0, lag)]
        likeness[lag + reach] = _correlation(one, other)
    if likeness.max() < _LEAST_LIKENESS:
        return None
    # A beat fits almost as well one beat later: of the lags within 5 % of the best fit, the nearest counts.
    inner = likeness[1:-1]
    peaks = np.flatnonzero((inner >= likeness[:-2]) & (inner >= likeness[2:])) + 1
    good = peaks[likeness[peaks] >= 0.95 * likeness.max()]
    best = int(good[np.abs(good - reach).argmin()]) if len(good) else int(likeness.argmax())
    return top_near(likeness, best) - reach


def _runs_backwards(expected: Levels, measured: Levels) -> bool:
    """Whether the level, in steps of half a second, is that of the source in reverse order and not in its own."""
    count = len(expected) // _HALF_A_SECOND
    if count < _FEWEST_HALVES:
        return False
    forwards, backwards = (
        _correlation(_in_halves(expected, count), _in_halves(line, count)) for line in (measured, measured[::-1])
    )
    return backwards > _BACKWARDS_LIKENESS and backwards - forwards > _BACKWARDS_LEAD


def _in_halves(levels_db: Levels, count: int) -> Levels:
    powers = 10 ** (levels_db[: count * _HALF_A_SECOND].reshape(count, _HALF_A_SECOND) / 10)
    halves_db = 10 * np.log10(powers.mean(axis=1))
    heard_db: Levels = np.maximum(halves_db, max(float(halves_db.max()) - 40.0, _QUIET_DB))
    return heard_db


def _correlation(one: Levels, other: Levels) -> float:
    """Pearson's; 0 where a level moves less than half a decibel, which tells nothing about time."""
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread > 0.25 * len(one) else 0.0


def _longest_hole(expected: Levels, measured: Levels, sounding: npt.NDArray[np.bool_]) -> int:
    """Most steps in a row in which the source sounds and the render lies 40 dB and more below what is expected."""
    hole = sounding & (measured < np.minimum(expected - _HOLE_DB, _QUIET_DB))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hole, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
