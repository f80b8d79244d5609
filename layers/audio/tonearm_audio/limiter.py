"""The last stage before an encoder: peaks beyond a ceiling are turned down, everything else passes bit for bit.

Stretching moves partials against each other, so a song mastered to full scale comes out with peaks a decibel or two
above it. Cutting them off would be heard; turning the whole song down would break the promise that the level is kept.
A look-ahead limiter turns down some milliseconds around each such peak. `limit` looks at the samples and at full scale;
`TruePeakLimiter` looks between the samples as well, at any ceiling.

The gain at a frame is the least that any frame within the hold needs, let go of slowly where that is asked for, and
averaged twice over windows that together reach as far as the hold: it moves without a corner, and no peak passes. The
loops are in `native/limiter.c`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.kernels import address, library, size
from tonearm_audio.loudness import PEAK_TAPS, peak_reach, peak_taps

CEILING = 10 ** (-0.1 / 20)
"""-0.1 dBFS: where what lies above full scale ends, so that a render has no more samples there than its source."""

_HOLD_S = 0.003
_SHORT_HOLD_S = 0.0007
"""Of the true-peak limiter: a song mastered into the ceiling leaves it 1.2 LU louder than with 3 ms."""
_COST_MEMORY_S = 3.0
_INTERPOLATION_SLACK = 10 ** (-0.25 / 20)
"""What lies between the points at which the interpolator looks is higher by up to a fifth of a decibel in music that is
driven into it, and a gain that moves there lets some hundredths through."""
_FAST_RELEASE_S, _SLOW_ATTACK_S, _SLOW_RELEASE_S = 0.02, 0.08, 0.2
_BEFORE = PEAK_TAPS // 2
_SPARE = 8
"""Frames beyond its own that the kernel may read."""
_TURNED_DOWN = 2

Gains = npt.NDArray[np.float32]


def limit(blocks: Iterator[FloatBlock], *, sample_rate_hz: int) -> Iterator[FloatBlock]:
    """Turn down peaks beyond full scale.

    The gain at a frame is the least that any frame within 3 ms needs, smoothed over those 3 ms, alike for both
    channels: it never lets a peak pass, and is exactly 1 from 6 ms before a peak on and from 6 ms after it.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32], 1 or 2 channels.
        sample_rate_hz: frames a second.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], as many frames as came in, none beyond ±1.0.
    """
    window = _Window(_HOLD_S * sample_rate_hz, trigger=1.0, ceiling=CEILING, taps=None, release=(0.0, 0.0, 0.0))
    for block in blocks:
        for _, limited in window.feed(block):
            yield limited
    for _, limited in window.finish():
        yield limited


class TruePeakLimiter:
    """Turns down what lies beyond a true-peak ceiling, as `limit` does, and says how much power that has cost.

    It holds each gain for 0.7 ms to both sides. By default it lets go at once, so that as little as possible is lost of
    a song with few peaks. A master is driven into it and wants it smooth: after a lone peak it lets go within 20 ms,
    and where peak follows peak it settles, over 80 ms, at what they need on average and lets go of that over 200 ms.
    So it does not bend the single waves of a bass.

    Args:
        sample_rate_hz: frames a second.
        ceiling_dbtp: highest true peak that leaves, by BS.1770's measure; below 0.
        smooth: whether to let go slowly.

    Example:
        >>> limiter = TruePeakLimiter(44100, ceiling_dbtp=-1.0)
        >>> for block in blocks:
        ...     sink.extend(limiter.feed(block))
        >>> sink.extend(limiter.finish())
    """

    def __init__(self, sample_rate_hz: int, *, ceiling_dbtp: float, smooth: bool = False) -> None:
        ceiling = 10 ** (ceiling_dbtp / 20) * _INTERPOLATION_SLACK
        times_s = (_FAST_RELEASE_S, _SLOW_ATTACK_S, _SLOW_RELEASE_S)
        kept = tuple(math.exp(-1 / (time_s * sample_rate_hz)) for time_s in times_s)
        self._window = _Window(
            # A gain that moved within the reach of the interpolator would make new peaks between the samples.
            max(_SHORT_HOLD_S * sample_rate_hz, 2 * PEAK_TAPS),
            trigger=ceiling,
            ceiling=ceiling,
            taps=peak_taps(),
            release=kept if smooth else (0.0, 0.0, 0.0),
        )
        self._fade_s = _COST_MEMORY_S * sample_rate_hz
        self._taken = self._left = 1e-9

    @property
    def makeup(self) -> float:
        """The gain that would give back the power which limiting took over the last seconds, 1.0 for none."""
        return math.sqrt(self._taken / self._left)

    def feed(self, block: FloatBlock) -> Iterator[FloatBlock]:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; yield what is ready."""
        return self._counted(self._window.feed(block))

    def finish(self) -> Iterator[FloatBlock]:
        """Yield the last frames."""
        return self._counted(self._window.finish())

    def _counted(self, blocks: Iterator[tuple[FloatBlock, FloatBlock]]) -> Iterator[FloatBlock]:
        for before, after in blocks:
            fade = math.exp(-len(before) / self._fade_s)
            taken = _power(before)
            self._taken = self._taken * fade + taken
            self._left = self._left * fade + (taken if after is before else _power(after))
            yield after


class _Window:
    """A stream with what lies around each frame, and the gains that follow from it.

    Args:
        hold_frames: how long a gain is held around the frame that needs it.
        trigger: beyond it a peak is turned down,
        ceiling: to this.
        taps: what interpolates between samples [shape=(3, PEAK_TAPS)]; None to look at the samples alone.
        release: see `tonearm_limiter_gains`.
    """

    def __init__(
        self, hold_frames: float, *, trigger: float, ceiling: float, taps: Gains | None, release: tuple[float, ...]
    ) -> None:
        self._hold = max(1, round(hold_frames))
        self._lag = 2 * self._hold
        self._trigger, self._ceiling, self._taps = trigger, ceiling, taps
        self._release = np.array(release)
        self._state = np.zeros(library().tonearm_limiter_size(size(self._hold)), np.int64)
        self._held = np.zeros(2)
        self._moving = False
        self._early = self._lag  # frames before the first, that must not leave
        self._waiting: FloatBlock | None = None
        """From `_BEFORE` frames before the next that leaves."""

    def feed(self, block: FloatBlock) -> Iterator[tuple[FloatBlock, FloatBlock]]:
        """Take a block; yield what is ready, before and after: the same array where nothing had to be done."""
        if self._waiting is None:
            self._waiting = np.zeros((_BEFORE + self._lag, block.shape[1]), np.float32)
        waiting = np.concatenate([self._waiting, block])
        ready = len(waiting) - self._lag - 2 * _BEFORE - _SPARE
        if ready <= 0:
            self._waiting = waiting
            return
        gains = self._gains(waiting, ready)
        self._waiting = waiting[ready:].copy()
        early = min(self._early, ready)
        self._early -= early
        if ready > early:
            before = waiting[_BEFORE + early : _BEFORE + ready]
            yield before, before if gains is None else _turned_down(before, gains[early:])

    def finish(self) -> Iterator[tuple[FloatBlock, FloatBlock]]:
        """Yield what is left."""
        if self._waiting is not None:
            channels = self._waiting.shape[1]
            yield from self.feed(np.zeros((self._lag + _BEFORE + _SPARE, channels), np.float32))

    def _gains(self, waiting: FloatBlock, ready: int) -> Gains | None:
        """The gains of the next frames that leave; None where all are one."""
        excess = np.empty(ready, np.int32)
        most = library().tonearm_limiter_excess(
            address(waiting[self._lag :], np.float32),
            size(ready),
            size(waiting.shape[1]),
            None if self._taps is None else address(self._taps, np.float32),
            address(peak_reach(), np.float32),
            ctypes.c_float(self._trigger),
            ctypes.c_float(self._ceiling),
            address(excess, np.int32),
        )
        if not most and not self._moving:
            return None
        gains = np.empty(ready, np.float32)
        moved = library().tonearm_limiter_gains(
            address(excess, np.int32),
            size(ready),
            size(self._hold),
            address(self._release, np.float64),
            address(self._state, np.int64),
            address(self._held, np.float64),
            address(gains, np.float32),
        )
        self._moving = moved > 0
        return gains if moved == _TURNED_DOWN else None


def _turned_down(block: FloatBlock, gains: Gains) -> FloatBlock:
    out = np.empty_like(block)
    library().tonearm_limiter_apply(
        address(block, np.float32),
        size(len(block)),
        size(block.shape[1]),
        address(gains, np.float32),
        address(out, np.float32),
    )
    return out


def _power(block: FloatBlock) -> float:
    power = np.zeros(1)
    library().tonearm_limiter_power(address(block, np.float32), size(block.size), address(power, np.float64))
    return float(power[0])
