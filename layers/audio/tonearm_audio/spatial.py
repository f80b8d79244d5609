"""Spatial ("8D"): the sound circles the listener's head on a path that a seed decides, in any pair of headphones.

The middle of a stereo image, M, is what moves; its sides, S, turn with it, as when a Blumlein pair of microphones is
turned about its stand:

- between the ears by constant power (Blumlein 1931): M to cos(a) M in the middle and sin(a) M at the sides;
- below 600 Hz by time as well: the far ear hears up to 0.26 ms later, half of what Woodworth's formula gives for a
  head, because with more than that a partial could cancel when both ears are played by one loudspeaker;
- above, by the head's shadow: a wider angle, and a duller sound behind the listener;
- the sides by the cosine of the azimuth: wide before, mirrored behind, seen from the end at the left and the right;
- over it a small room: 0.28 s of velvet noise (Karjalainen and Järveläinen 2007), decaying exponentially as Schroeder
  (1962) describes, another one for the sides than for the middle.

The moved sound is held to the loudness of what came in, and its true peak below a ceiling, while it streams: blocks of
fixed size on a fixed grid, so that the samples do not depend on how the input was cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.limiter import TruePeakLimiter
from tonearm_audio.loudness import KWeighting
from tonearm_audio.operations import Spatial

WIDEST_ANGLE = math.radians(35.0)
"""Farthest from the middle, where 45° leaves one ear nothing: 15 dB between the ears, and 1.7 dB less when they
are summed."""
WIDEST_HIGH_ANGLE = math.radians(40.0)
_REAR_SHADOW = 0.4
_EAR_DELAY_S = 130e-6
"""Of each ear against the middle."""
_LOW_KERNEL_S = 0.8e-3
_WANDER = 0.25
_ROOM_SEED = 1
_ROOM_S = 0.28
_ROOM_DECAY_S = 0.4
"""Until the room is 60 dB down."""
_ROOM_FIRST_S = 0.006
_ROOM_DENSITY_HZ = 1800.0
_ROOM_GAIN = 0.25
_CONTROL_FRAMES = 128
_MEMORY_S = 1.0
_AUDIBLE_POWER, _INAUDIBLE_POWER = 1e-7, 1e-10
_LEAST_FOLD = 10 ** (-2.7 / 10)
"""Share of the power that is left of the sum of both ears, of what was left of it in the source."""
_LEAST_FOLD_AT_ALL = 1e-3
"""A source whose channels cancel has no sum to care for."""
_MOST_GAIN = 4.0
_MOST_MAKEUP = 3.0
_GAIN_STEPS = 4096
_SQRT_HALF = np.float32(math.sqrt(0.5))

Line = npt.NDArray[np.float64]
Signal = npt.NDArray[np.float32]


class Orbit:
    """Where the source is at each moment: one turn after another, at a speed that wanders.

    Start, direction and wander come from numpy's PCG64 by its raw 64-bit words, which numpy promises never to change:
    the first two words are start and direction, each further one a knot of the wander, two knots a turn. Between knots
    the speed follows 3x² - 2x³, so that the azimuth is a polynomial and no sum that drifts.

    Args:
        seed: 0 to 2**32 - 1.
        speed_hz: turns a second on average; it wanders by up to a quarter of that.
    """

    def __init__(self, seed: int, speed_hz: float) -> None:
        self._bits = np.random.PCG64(seed)
        self._span_s = 0.5 / speed_hz
        start, direction = self._random(), self._random()
        self._turn = math.copysign(2 * math.pi * speed_hz, direction - 0.5)
        self._speeds = [self._wander()]
        self._azimuths = [2 * math.pi * start]

    def _random(self) -> float:
        return int(self._bits.random_raw()) / 2.0**64

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
        index = knot.astype(np.int64)
        speeds = np.array(self._speeds)
        here, there = speeds[index], speeds[index + 1]
        gone = here * part + (there - here) * (part**3 - part**4 / 2)
        azimuths: Line = np.array(self._azimuths)[index] + self._turn * self._span_s * gone
        return azimuths


@dataclass(frozen=True)
class Place:
    """What becomes of middle and sides at each moment, before the room [each shape=(n,)].

    Attributes:
        middle: gain of M in the render's middle, below 600 Hz.
        sideways: gain of M at the render's sides (positive: left), below 600 Hz.
        high_middle: the same above 600 Hz.
        high_sideways: the same above 600 Hz.
        delay: by how much of the ears' delay the left ear is ahead, -1.0 to 1.0.
        sides: gain of S.
    """

    middle: Line
    sideways: Line
    high_middle: Line
    high_sideways: Line
    delay: Line
    sides: Line


def place(operation: Spatial, azimuth: Line) -> Place:
    """The gains at an azimuth in radians, without the share of the dry sound."""
    left, before = np.sin(azimuth), np.cos(azimuth)
    angle, high_angle = operation.depth * WIDEST_ANGLE * left, operation.depth * WIDEST_HIGH_ANGLE * left
    shadow = 1.0 - _REAR_SHADOW * operation.depth * (1.0 - before) / 2
    return Place(
        middle=np.cos(angle),
        sideways=np.sin(angle),
        high_middle=shadow * np.cos(high_angle),
        high_sideways=shadow * np.sin(high_angle),
        delay=operation.depth * left,
        sides=1.0 - operation.depth * (1.0 - before),
    )


def spatial(
    blocks: Iterator[FloatBlock],
    *,
    operation: Spatial,
    sample_rate_hz: int,
    channels: int,
    ceiling_dbtp: float,
    gain_db: float = 0.0,
) -> Iterator[FloatBlock]:
    """Send a stream around the listener's head.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: path, speed, depth, room and mix.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        ceiling_dbtp: highest true peak that may leave.
        gain_db: by how much more than it came in; what an encoder is known to take away.

    Yields:
        np.ndarray [shape=(frames, 2), dtype=float32], as many frames as came in, as loud as they came in (BS.1770: a
        mono stream counts as one channel, and is shared between two).
    """
    field = _Field(operation, sample_rate_hz)
    loudness = _Match(field.step, sample_rate_hz, channels, gain_db=gain_db)
    limiter = TruePeakLimiter(sample_rate_hz, ceiling_dbtp=ceiling_dbtp)
    for source, moved in field.moved(blocks, channels):
        yield from limiter.feed(loudness(source, moved, makeup=limiter.makeup))
    yield from limiter.finish()


class _Field:
    """The motion and the room: linear, and on a fixed grid of `step` frames."""

    def __init__(self, operation: Spatial, sample_rate_hz: int) -> None:
        self._operation = operation
        self._rate = sample_rate_hz
        self._orbit = Orbit(operation.seed, operation.speed_hz)
        self._reach = max(1, round(_LOW_KERNEL_S * sample_rate_hz))
        self._delay = max(1, round(_EAR_DELAY_S * sample_rate_hz))
        self._ahead = self._reach + self._delay
        self._past = max(round(_ROOM_S * sample_rate_hz), 2 * self._ahead)
        # A transform of two to four times the room's length; what is left of it is the step.
        self._size = 1 << (2 * self._past).bit_length()
        self.step = (self._size - self._past - self._ahead) // _CONTROL_FRAMES * _CONTROL_FRAMES
        self._frame = 0

    def moved(self, blocks: Iterator[FloatBlock], channels: int) -> Iterator[tuple[Signal, Signal]]:
        """The stream cut on the grid, and beside it what becomes of it: middle and sides [shape=(1 or 2, frames)]."""
        waiting: FloatBlock = np.zeros((self._past, channels), np.float32)
        for block in blocks:
            waiting = np.concatenate([waiting, block])
            while len(waiting) >= self._past + self.step + self._ahead:
                yield self._step(waiting)
                waiting = waiting[self.step :]
        left = len(waiting) - self._past
        waiting = np.concatenate([waiting, np.zeros((self._size, channels), np.float32)])
        while left > 0:
            source, moved = self._step(waiting)
            yield source[:, :left], moved[:, :left]
            waiting, left = waiting[self.step :], left - self.step

    def _step(self, waiting: FloatBlock) -> tuple[Signal, Signal]:
        # No more than the grid says: what follows would round differently from one cut of the input to another.
        window = waiting[: self._past + self.step + self._ahead]
        if window.shape[1] == 1:
            source = window.T
        else:
            source = np.stack([window[:, 0] + window[:, 1], window[:, 0] - window[:, 1]]) * _SQRT_HALF
        middle = source[0]
        low, *room = self._filtered(middle)
        first, last = self._past, self._past + self.step
        early, late = low[first + self._delay : last + self._delay], low[first - self._delay : last - self._delay]
        # The low band at a moment between `late` and `early`, by the parabola through three points.
        slope = (early - late) * np.float32(0.5)
        bend = (early + late) * np.float32(0.5) - low[first:last]
        parts = (middle[first:last], low[first:last], bend, slope)
        times_s = np.arange(self._frame, self._frame + self.step + 1, _CONTROL_FRAMES) / self._rate
        at = place(self._operation, self._orbit.azimuth(times_s))
        self._frame += self.step
        mix, dry = self._operation.mix, 1.0 - self._operation.mix
        out = np.empty((2, self.step), np.float32)
        for side, gain, high, tilt in (
            (0, at.middle, at.high_middle, at.sideways),
            (1, at.sideways, at.high_sideways, at.middle),
        ):
            gains = (
                mix * high + (dry if side == 0 else 0.0),
                mix * (gain - high),
                mix * gain * at.delay**2,
                mix * tilt * at.delay,
            )
            out[side] = _line(gains[0]) * parts[0]
            for envelope, part in zip(gains[1:], parts[1:], strict=True):
                out[side] += _line(envelope) * part
            if room:
                out[side] += np.float32(mix * _ROOM_GAIN * self._operation.room) * room[side][first:last]
        now = source[:, first:last]
        if len(now) == 2:
            out[1] += _line(dry + mix * at.sides) * now[1]
        return now, out

    def _filtered(self, middle: Signal) -> Signal:
        """The low band, and the two sides of the room where there is one [shape=(1 or 3, size)]."""
        spectrum = np.fft.rfft(middle, self._size)
        # float32 in, float32 out, whatever numpy's stubs say.
        return np.fft.irfft(spectrum * self._responses, self._size).astype(np.float32, copy=False)

    @cached_property
    def _responses(self) -> npt.NDArray[np.complex64]:
        low = np.zeros(self._size)
        kernel = np.hanning(2 * self._reach + 3)[1:-1]
        # Centred on zero: the band is not late against the rest.
        low[: self._reach + 1] = kernel[self._reach :]
        low[-self._reach :] = kernel[: self._reach]
        lines = [low / kernel.sum()]
        if self._operation.room > 0 and self._operation.mix > 0:
            lines += _velvet_room(self._rate, self._past)
        padded = np.stack([np.pad(line, (0, self._size - len(line))) for line in lines])
        return np.fft.rfft(padded).astype(np.complex64)


def _line(points: Line) -> Signal:
    """Straight lines between control points [shape=(n + 1,)], a value for each frame [shape=(n * control frames,)].

    Points are rounded to a grid far coarser than the last bit, in which one processor's sine may differ from another's.
    """
    points = np.rint(points * 2.0**20) / 2.0**20
    start, rise = points[:-1].astype(np.float32), np.diff(points).astype(np.float32)
    ramp = np.arange(_CONTROL_FRAMES, dtype=np.float32) / np.float32(_CONTROL_FRAMES)
    line: Signal = (rise[:, np.newaxis] * ramp + start[:, np.newaxis]).ravel()
    return line


def _velvet_room(sample_rate_hz: int, length: int) -> list[Line]:
    """Two unlike responses of the same small room, each of energy one: for the middle and for the sides."""
    bits = np.random.PCG64(_ROOM_SEED)
    grid = sample_rate_hz / _ROOM_DENSITY_HZ
    count = int(length / grid)
    short = np.hanning(max(3, round(2.5e-4 * sample_rate_hz)) + 2)[1:-1]
    long = np.hanning(max(3, round(6e-3 * sample_rate_hz)) + 2)[1:-1]
    lines = []
    for _ in range(2):
        places, signs = bits.random_raw(2 * count).reshape(2, count) / 2.0**64
        at = ((np.arange(count) + places) * grid).astype(np.int64)
        line = np.zeros(length)
        np.add.at(line, at[at < length], np.where(signs < 0.5, -1.0, 1.0)[at < length])
        time = np.arange(length) / sample_rate_hz
        line *= 10 ** (-3 * time / _ROOM_DECAY_S) * (time >= _ROOM_FIRST_S)
        # Walls swallow the highs, and a small room has no deep bass.
        line = np.convolve(line, short / short.sum(), mode="same")
        line -= np.convolve(line, long / long.sum(), mode="same")
        lines.append(line / math.sqrt(float(line @ line)))
    return lines


class _Match:
    """Holds what came in against what became of it, by K-weighted power, and gives each block two gains.

    One makes it as loud as it came in. The other narrows it where its sum would lose more than 2.7 dB of it, beyond
    what the source's own sum loses: music hardly ever does, but a room can turn a steady tone against itself.
    Powers are remembered for a second, so that the gains follow neither beats nor the tail of the room.
    """

    def __init__(self, step: int, sample_rate_hz: int, channels: int, *, gain_db: float) -> None:
        self._wanted = 10 ** (gain_db / 20)
        self._weighted = KWeighting(sample_rate_hz, channels), KWeighting(sample_rate_hz, 2)
        self._fade = math.exp(-step / (_MEMORY_S * sample_rate_hz))
        self._audible = _AUDIBLE_POWER * step
        # Below any sound, and above nothing: so that minutes of silence fade to it and not to a division by zero.
        floor = np.array([_INAUDIBLE_POWER * step, 0.0])
        self._floors = floor[:channels], floor
        self._powers = floor[:channels].copy(), floor.copy()
        self._gains: tuple[float, float] | None = None

    def __call__(self, source: Signal, moved: Signal, *, makeup: float) -> FloatBlock:
        """The next of the stream as left and right.

        Args:
            source: what came in, as middle and sides [shape=(1 or 2, frames)].
            moved: what became of it [shape=(2, frames)].
            makeup: gain that the limiter has been taking away again.
        """
        given, left = self._powers
        heard = float(given.sum()) > self._audible
        heard_now = zip(self._powers, self._floors, self._weighted, (source, moved), strict=True)
        for powers, floor, weighting, signal in heard_now:
            weighted = weighting.feed(signal.T)
            powers[:] = np.maximum(powers * self._fade + np.einsum("cs,cs->c", weighted, weighted), floor)
        fold = float(given[0] / given.sum())
        middle, sides = float(left[0]), float(left[1])
        narrow = 1.0
        if fold > _LEAST_FOLD_AT_ALL and sides > 0:
            narrow = math.sqrt(min(1.0, middle * (1 / (_LEAST_FOLD * fold) - 1) / sides))
        gain = math.sqrt(float(given.sum()) / (middle + narrow**2 * sides))
        gain = self._wanted * min(max(gain, 1 / _MOST_GAIN), _MOST_GAIN) * min(makeup, _MOST_MAKEUP)
        # In steps so coarse that the last bit of a matrix product, which differs between processors, cannot move them.
        gains = round(gain * _GAIN_STEPS) / _GAIN_STEPS, round(gain * narrow * _GAIN_STEPS) / _GAIN_STEPS
        # Out of silence a gain comes at once; in the middle of a sound it moves.
        before = self._gains if heard and self._gains is not None else gains
        self._gains = gains
        middle_gain, sides_gain = (
            np.linspace(start, end, moved.shape[1], dtype=np.float32) * _SQRT_HALF
            for start, end in zip(before, gains, strict=True)
        )
        middle_out, sides_out = moved[0] * middle_gain, moved[1] * sides_gain
        return np.stack([middle_out + sides_out, middle_out - sides_out], axis=1)
