"""Spatial ("8D"): the sound moves around the listener's head on a path that a seed decides.

The middle of a stereo image, M, is what moves; its sides, S, turn with it, as when a Blumlein pair of microphones is
turned about its stand. For listening anywhere:

- between the ears by constant power (Blumlein 1931): M to cos(a) M in the middle and sin(a) M at the sides;
- below 600 Hz by time as well: the far ear hears up to 0.26 ms later, half of what Woodworth's formula gives for a
  head, because with more than that a partial could cancel when both ears are played by one loudspeaker;
- above, by the head's shadow: a wider angle, and a duller sound behind the listener;
- the sides by how far before the listener the source is: wide before, mirrored behind, seen from the end at the left
  and the right;
- over it a small room: 0.28 s of velvet noise (Karjalainen and Järveläinen 2007), decaying exponentially as Schroeder
  (1962) describes, another one for the sides than for the middle.

For headphones `tonearm_audio.headphones` says what each ear hears, in the same room.

The moved sound is held to the loudness of what came in, and its true peak below a ceiling, while it streams: on a grid
of fixed steps, so that the samples do not depend on how the input was cut.
"""

from __future__ import annotations

import ctypes
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.fourier import rfft
from tonearm_audio.headphones import SHADOW_HZ, earliest_frames, ears, interpolator, latest_frames
from tonearm_audio.kernels import address, library, size
from tonearm_audio.limiter import TruePeakLimiter
from tonearm_audio.loudness import k_weighting_sections
from tonearm_audio.operations import Listening, Spatial
from tonearm_audio.paths import Position, path

WIDEST_ANGLE = math.radians(35.0)
"""Farthest from the middle, where 45° leaves one ear nothing: 15 dB between the ears, and 1.7 dB less when they
are summed."""
WIDEST_HIGH_ANGLE = math.radians(40.0)
_REAR_SHADOW = 0.4
_EAR_DELAY_S = 130e-6
"""Of each ear against the middle."""
_LOW_KERNEL_S = 0.8e-3
_ROOM_SEED = 1
_ROOM_S = 0.28
_ROOM_DECAY_S = 0.4
"""Until the room is 60 dB down."""
_ROOM_FIRST_S = 0.006
_ROOM_DENSITY_HZ = 1800.0
_ROOM_GAIN = 0.25
_CONTROL_FRAMES = 128
_STEP_S = 0.4
"""About so often move the gains that hold the loudness."""
_MEMORY_S: dict[Listening, float] = {"anywhere": 1.0, "headphones": 0.5}
"""Of the powers that are held; two sources at two ears rise and fall sooner."""
_AUDIBLE_POWER, _INAUDIBLE_POWER = 1e-7, 1e-10
_LEAST_FOLD = 10 ** (-2.7 / 10)
"""Share of the power that is left of the sum of both ears, of what was left of it in the source."""
_LEAST_FOLD_AT_ALL = 1e-3
"""A source whose channels cancel has no sum to care for."""
_MOST_GAIN = 4.0
_MOST_MAKEUP = 3.0
_GAIN_STEPS = 4096

Line = npt.NDArray[np.float64]
Signal = npt.NDArray[np.float32]


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


def place(operation: Spatial, at: Position) -> Place:
    """The gains at a position, without the share of the dry sound."""
    angle, high_angle = operation.depth * WIDEST_ANGLE * at.left, operation.depth * WIDEST_HIGH_ANGLE * at.left
    shadow = 1.0 - _REAR_SHADOW * operation.depth * (1.0 - at.before) / 2
    return Place(
        middle=np.cos(angle),
        sideways=np.sin(angle),
        high_middle=shadow * np.cos(high_angle),
        high_sideways=shadow * np.sin(high_angle),
        delay=operation.depth * at.left,
        sides=1.0 - operation.depth * (1.0 - at.before),
    )


def spatial(
    blocks: Iterator[FloatBlock],
    *,
    operation: Spatial,
    sample_rate_hz: int,
    channels: int,
    ceiling_dbtp: float,
) -> Iterator[FloatBlock]:
    """Send a stream around the listener's head.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: path, speed, depth, room and mix.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        ceiling_dbtp: highest true peak that may leave.

    Yields:
        np.ndarray [shape=(frames, 2), dtype=float32], as many frames as came in, as loud as they came in (BS.1770: a
        mono stream counts as one channel, and is shared between two).
    """
    field = (_Headphones if operation.listening == "headphones" else _Anywhere)(operation, sample_rate_hz, channels)
    memory_s = _MEMORY_S[operation.listening]
    loudness = _Match(field.step, sample_rate_hz, memory_s=memory_s)
    limiter = TruePeakLimiter(sample_rate_hz, ceiling_dbtp=ceiling_dbtp)
    for source, moved in field.moved(blocks):
        yield from limiter.feed(loudness(source, moved, makeup=limiter.makeup))
    yield from limiter.finish()


class _Field(ABC):
    """The motion and the room: linear, on a fixed grid of windows of some steps each.

    Args:
        operation: path, speed, depth, room and mix.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        rows: of what is remembered of the stream: middle, sides and more.
        past: frames that are needed before a window.
        ahead: frames that are needed after it.
    """

    def __init__(
        self, operation: Spatial, sample_rate_hz: int, channels: int, *, rows: int, past: int, ahead: int
    ) -> None:
        self.operation = operation
        self.rate = sample_rate_hz
        self.channels = channels
        self.past = max(round(_ROOM_S * sample_rate_hz), past)
        room = operation.room > 0 and operation.mix > 0
        # What a circle of three times the room's length leaves free is the window.
        self._points = 1 << (3 * self.past).bit_length()
        free = self._points - self.past - ahead
        steps = max(1, round(free / (_STEP_S * sample_rate_hz)))
        self.step = free // (steps * _CONTROL_FRAMES) * _CONTROL_FRAMES
        self.window = steps * self.step
        self._room = self._spectra(_velvet_room(sample_rate_hz, self.past)) if room else None
        self._window = slice(self.past, self.past + self.window)
        self._ahead = ahead
        self._rows = rows
        self._path = path(operation)
        self._frame = 0

    def moved(self, blocks: Iterator[FloatBlock]) -> Iterator[tuple[Signal, Signal]]:
        """The stream cut into steps, and beside it what becomes of it: middle and sides [shape=(2, frames)].

        A mono stream has no sides but silent ones. What is yielded is good until the next is asked for.
        """
        waiting: Signal = np.zeros((self._rows, self.past + self.window + self._ahead), np.float32)
        filled, kept = self.past, self.past + self._ahead
        for block in blocks:
            samples = np.ascontiguousarray(block)
            while len(samples):
                taken, samples = np.split(samples, [waiting.shape[1] - filled])
                self.take(taken, waiting[:, filled:])
                filled += len(taken)
                if filled == waiting.shape[1]:
                    yield from self._steps(waiting, self.window)
                    waiting[:, :kept] = waiting[:, -kept:].copy()
                    filled = kept
        left = filled - self.past
        while left > 0:
            silence: FloatBlock = np.zeros((waiting.shape[1] - filled, self.channels), np.float32)
            self.take(silence, waiting[:, filled:])
            yield from self._steps(waiting, min(left, self.window))
            waiting[:, :kept] = waiting[:, -kept:].copy()
            filled, left = kept, left - self.window

    def _steps(self, waiting: Signal, frames: int) -> Iterator[tuple[Signal, Signal]]:
        times_s = np.arange(self._frame, self._frame + self.window + 1, _CONTROL_FRAMES) / self.rate
        self._frame += self.window
        moved = self.turned(waiting, self._path.position(times_s))
        source = waiting[:2, self.past :]
        for start in range(0, frames, self.step):
            step = slice(start, min(start + self.step, frames))
            yield source[:, step], moved[:, step]

    def take(self, block: FloatBlock, out: Signal) -> None:
        """Remember the next of a stream [shape=(rows, at least as many frames)]."""
        library().tonearm_spatial_split(
            address(block, np.float32),
            size(len(block)),
            size(self.channels),
            address(out[0], np.float32),
            address(out[1], np.float32),
        )

    @abstractmethod
    def turned(self, waiting: Signal, position: Position) -> Signal:
        """Middle and sides of a window at a position on each control point [shape=(2, window)]."""

    def room(self, middle: Signal) -> Signal | None:
        """Middle and sides of the room, from the past and the window; None without one [shape=(2, window)]."""
        if self._room is None:
            return None
        spectra = rfft(middle[: self.past + self.window], self._points) * self._room
        # float32 for complex64, whatever numpy's stubs say.
        return np.fft.irfft(spectra, self._points).astype(np.float32, copy=False)[:, self._window]

    def _spectra(self, responses: Sequence[Line]) -> npt.NDArray[np.complex64]:
        # What `rfft` divides by is in them.
        return (np.fft.rfft(np.stack(responses), self._points) * self._points).astype(np.complex64)

    def room_gain(self, position: Position) -> Line:
        """Of the room: it is heard more, the farther the source is."""
        gain: Line = self.operation.mix * _ROOM_GAIN * self.operation.room * position.distance
        return gain


class _Anywhere(_Field):
    """For loudspeakers too: see the head of this module."""

    def __init__(self, operation: Spatial, sample_rate_hz: int, channels: int) -> None:
        self._reach = max(1, round(_LOW_KERNEL_S * sample_rate_hz))
        self._delay = max(1, round(_EAR_DELAY_S * sample_rate_hz))
        ahead = self._reach + self._delay
        super().__init__(operation, sample_rate_hz, channels, rows=2, past=2 * ahead, ahead=ahead)

    def turned(self, waiting: Signal, position: Position) -> Signal:
        """By gains that the kernel moves."""
        room = self.room(waiting[0])
        rooms = [None, None] if room is None else [address(line, np.float32) for line in room]
        low = self._low(waiting[0])
        starts, rises = _lines(self._gains(position))
        moved = np.empty((2, self.window), np.float32)
        middle, sides = waiting[:, self.past :]
        library().tonearm_spatial_turn(
            address(middle, np.float32),
            address(low[self._delay :], np.float32),
            size(self._delay),
            address(sides, np.float32) if self.channels == 2 else None,
            *rooms,
            address(starts, np.float32),
            address(rises, np.float32),
            address(moved, np.float32),
            size(self.window),
        )
        return moved

    def _low(self, middle: Signal) -> Signal:
        """The low band of the window and of `_delay` frames to both sides of it."""
        low = np.empty(self.window + 2 * self._delay, np.float32)
        angle = math.pi / (self._reach + 1)
        library().tonearm_spatial_low(
            address(middle[self.past - self._delay :], np.float32),
            size(self._reach),
            ctypes.c_double(math.cos(angle)),
            ctypes.c_double(math.sin(angle)),
            address(low, np.float32),
            size(len(low)),
        )
        return low

    def _gains(self, position: Position) -> list[Line]:
        """The rows of gains that the kernel reads."""
        at = place(self.operation, position)
        mix, dry = self.operation.mix, 1.0 - self.operation.mix
        return [
            mix * at.high_middle + dry,
            mix * (at.middle - at.high_middle),
            mix * at.middle * at.delay**2,
            mix * at.sideways * at.delay,
            mix * at.high_sideways,
            mix * (at.sideways - at.high_sideways),
            mix * at.sideways * at.delay**2,
            mix * at.middle * at.delay,
            dry + mix * at.sides,
            self.room_gain(position),
        ]


class _Headphones(_Field):
    """What each ear hears of each channel: see `tonearm_audio.headphones`."""

    def __init__(self, operation: Spatial, sample_rate_hz: int, channels: int) -> None:
        self._lead = earliest_frames(sample_rate_hz)
        self._share = 1.0 - math.exp(-2 * math.pi * SHADOW_HZ / sample_rate_hz)
        self._held = np.zeros(channels)
        self._table = interpolator()
        # Middle, sides, and of each channel itself and what of it goes around the head.
        super().__init__(
            operation,
            sample_rate_hz,
            channels,
            rows=2 + 2 * channels,
            past=latest_frames(sample_rate_hz),
            ahead=self._lead,
        )

    def take(self, block: FloatBlock, out: Signal) -> None:
        """Each channel, and its lows."""
        super().take(block, out)
        for channel, (signal, low) in enumerate(zip(out[2::2], out[3::2], strict=True)):
            signal[: len(block)] = block[:, channel]
            library().tonearm_spatial_shade(
                address(signal, np.float32),
                address(low, np.float32),
                size(len(block)),
                ctypes.c_double(self._share),
                address(self._held[channel:], np.float64),
            )

    def turned(self, waiting: Signal, position: Position) -> Signal:
        """By delays and shadows that the kernel moves, and a room."""
        sides: Signal = np.zeros((2, self.window), np.float32)
        sources = zip(waiting[2::2], waiting[3::2], strict=True)
        heard = ears(self.operation, position, channels=self.channels)
        for (signal, low), both in zip(sources, heard, strict=True):
            for side, ear in zip(sides, both, strict=True):
                starts, rises = _lines([ear.delay_s * self.rate + self._lead, ear.lows, ear.highs])
                library().tonearm_spatial_hear(
                    address(signal[self.past :], np.float32),
                    address(low[self.past :], np.float32),
                    size(self._lead),
                    address(starts, np.float32),
                    address(rises, np.float32),
                    address(self._table, np.float32),
                    address(side, np.float32),
                    size(self.window),
                )
        mix, dry = np.float32(self.operation.mix), np.float32(1.0 - self.operation.mix)
        # A mono source is shared between two ears; of two sources each ear hears both.
        left, right = sides * (mix * np.float32(0.5**0.5 if self.channels == 1 else 0.5))
        moved: Signal = np.stack([left + right, left - right]) * np.float32(0.5**0.5) + dry * waiting[:2, self._window]
        room = self.room(waiting[0])
        if room is not None:
            starts, rises = _lines([self.room_gain(position)])
            ramp = np.arange(_CONTROL_FRAMES, dtype=np.float32) / np.float32(_CONTROL_FRAMES)
            gain = (rises.T * ramp + starts.T).ravel()
            moved += gain * room
        return moved


def _lines(points: list[Line]) -> tuple[Signal, Signal]:
    """Straight lines between control points: where each begins, and by how much it rises [shape=(lines, n)].

    Points are rounded to a grid far coarser than the last bit, in which one processor's sine may differ from another's.
    """
    grid = np.rint(np.stack(points) * 2.0**20) / 2.0**20
    return grid[:, :-1].astype(np.float32), np.diff(grid).astype(np.float32)


def _velvet_room(sample_rate_hz: int, length: int) -> tuple[Line, Line]:
    """Two unlike responses of the same small room, each of energy one: for the middle and for the sides."""
    bits = np.random.PCG64(_ROOM_SEED)
    grid = sample_rate_hz / _ROOM_DENSITY_HZ
    count = int(length / grid)
    short = np.hanning(max(3, round(2.5e-4 * sample_rate_hz)) + 2)[1:-1]
    long = np.hanning(max(3, round(6e-3 * sample_rate_hz)) + 2)[1:-1]
    lines = []
    for _ in ("middle", "sides"):
        places, signs = bits.random_raw(2 * count).reshape(2, count) / 2.0**64
        at = ((np.arange(count) + places) * grid).astype(np.int64)
        line = np.zeros(length)
        np.add.at(line, at[at < length], np.where(signs < 0.5, -1.0, 1.0)[at < length])
        time = np.arange(length) / sample_rate_hz
        line *= 10 ** (-3 * time / _ROOM_DECAY_S) * (time >= _ROOM_FIRST_S)
        # Walls swallow the highs, and a small room has no deep bass.
        line = np.convolve(line, short / short.sum(), mode="same")
        line -= np.convolve(line, long / long.sum(), mode="same")
        # Not by a matrix product: its threads would wait for more for as long as it takes to make three windows.
        lines.append(line / math.sqrt(math.fsum(line * line)))
    middle, sides = lines
    return middle, sides


class _Match:
    """Holds what came in against what became of it, by K-weighted power, and gives each block two gains.

    One makes it as loud as it came in. The other narrows it where its sum would lose more than 2.7 dB of it, beyond
    what the source's own sum loses: music hardly ever does, but a room can turn a steady tone against itself.
    Powers are remembered for a second or half of one, so that the gains follow neither beats nor the tail of the room.
    """

    def __init__(self, step: int, sample_rate_hz: int, *, memory_s: float) -> None:
        self._sections = k_weighting_sections(sample_rate_hz)
        self._weighting = np.zeros((4, 4))
        self._fade = math.exp(-step / (memory_s * sample_rate_hz))
        self._audible = _AUDIBLE_POWER * step
        # Below any sound, and above nothing: so that minutes of silence fade to it and not to a division by zero.
        floor = _INAUDIBLE_POWER * step
        self._floors = np.array([floor, 0.0, floor, 0.0])
        self._powers = self._floors.copy()
        self._gains: tuple[float, float] | None = None

    def __call__(self, source: Signal, moved: Signal, *, makeup: float) -> FloatBlock:
        """The next of the stream as left and right.

        Args:
            source: what came in, as middle and sides [shape=(2, frames)].
            moved: what became of it [shape=(2, frames)].
            makeup: gain that the limiter has been taking away again.
        """
        heard = float(self._powers[:2].sum()) > self._audible
        self._powers = np.maximum(self._powers * self._fade + self._power(source, moved), self._floors)
        given_middle, given_sides, middle, sides = (float(power) for power in self._powers)
        given = given_middle + given_sides
        fold = given_middle / given
        narrow = 1.0
        if fold > _LEAST_FOLD_AT_ALL and sides > 0:
            narrow = math.sqrt(min(1.0, middle * (1 / (_LEAST_FOLD * fold) - 1) / sides))
        gain = math.sqrt(given / (middle + narrow**2 * sides))
        gain = min(max(gain, 1 / _MOST_GAIN), _MOST_GAIN) * min(makeup, _MOST_MAKEUP)
        # In steps so coarse that the last bit of a matrix product, which differs between processors, cannot move them.
        gains = round(gain * _GAIN_STEPS) / _GAIN_STEPS, round(gain * narrow * _GAIN_STEPS) / _GAIN_STEPS
        # Out of silence a gain comes at once; in the middle of a sound it moves.
        before = self._gains if heard and self._gains is not None else gains
        self._gains = gains
        frames = moved.shape[1]
        lines = [(start, (end - start) / max(1, frames - 1)) for start, end in zip(before, gains, strict=True)]
        out = np.empty((frames, 2), np.float32)
        library().tonearm_spatial_join(
            address(moved[0], np.float32),
            address(moved[1], np.float32),
            size(frames),
            *(ctypes.c_double(value) for line in lines for value in line),
            address(out, np.float32),
        )
        return out

    def _power(self, source: Signal, moved: Signal) -> Line:
        """K-weighted, of middle and sides of what came in, and of what became of it [shape=(4,)]."""
        powers = np.empty(4)
        library().tonearm_spatial_powers(
            *(address(signal, np.float32) for signal in (*source, *moved)),
            size(moved.shape[1]),
            address(self._sections, np.float64),
            address(self._weighting, np.float64),
            address(powers, np.float64),
        )
        return powers
