"""Reverb: a room by a feedback delay network (Jot and Chaigne, "Digital Delay Networks for Designing Artificial
Reverberators", 1991).

- Each channel is smeared by four all-passes (Schroeder 1962), so that the room answers with many echoes at once.
- It goes round in 16 delay lines, of prime lengths so that no two ring together, mixed by a Hadamard matrix at each
  turn. A larger `decay_s` has longer lines: they hold as many modes as a longer tail needs.
- A first-order shelf at the end of each line takes from every turn what its length must lose: 60 dB in `decay_s` at
  1 kHz, and in 10^-damping of that at the highest frequencies.
- Left and right of the room are orthogonal sums of the lines: unlike each other whatever came in.

What leaves the room is made as loud as what went in, whatever its settings: the gain follows from the network's own
impulse response, weighted as pink noise and by BS.1770.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.kernels import Biquads, address, library, size
from tonearm_audio.loudness import k_weight
from tonearm_audio.operations import Reverb

_LINES = 16
_MEAN_LINE_S = 0.036
_SHORTEST, _LONGEST = 0.55, 1.6
"""Of the mean line."""
_LATEST_S = 0.018
"""Until the shortest line of any room answers."""
_MIDDLE_HZ = 1000.0
_SHELF_HZ = 6000.0
_LOW_CUT_HZ = 60.0
_DIFFUSERS_S = ((0.00179, 0.00347, 0.00541, 0.00883), (0.00197, 0.00317, 0.00593, 0.00827))
_DIFFUSION = 0.6
_CHUNK_FRAMES = 4096
_CLOSING_S = 0.02
"""A tail ends at -60 dB; over its last moments it goes to nothing, so that no step is heard in silence."""
_GAIN_STEPS = 1 << 12

Line = npt.NDArray[np.float64]
Signal = npt.NDArray[np.float32]


def process(
    blocks: Iterator[FloatBlock], *, operation: Reverb, sample_rate_hz: int, channels: int
) -> Iterator[FloatBlock]:
    """Put a stream into a room.

    The song is heard with cos(mix π/2) and the room with sin(mix π/2): they are unlike, so that their powers add up to
    the song's own. A `mix` of 0 passes the stream bit for bit, and adds no tail.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: decay, delay, damping and mix.
        sample_rate_hz: frames a second.
        channels: 1 or 2.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], round(tail_s · rate) frames more than came in.
    """
    if operation.mix == 0:
        return blocks
    return _reverberated(blocks, operation, sample_rate_hz, channels)


def _reverberated(blocks: Iterator[FloatBlock], operation: Reverb, rate: int, channels: int) -> Iterator[FloatBlock]:
    room = _Room(operation.decay_s, operation.damping, rate, channels)
    waiting: Signal = np.zeros((round(operation.pre_delay_ms / 1000 * rate), channels), np.float32)
    dry = np.float32(_coarse(math.cos(operation.mix * math.pi / 2)))
    gain = _room_gain(operation.decay_s, operation.damping, rate, channels)
    wet = np.float32(_coarse(math.sin(operation.mix * math.pi / 2)) * gain)

    def answered(block: FloatBlock) -> FloatBlock:
        nonlocal waiting
        waiting = np.concatenate([waiting, block])
        late, waiting = np.split(waiting, [len(block)])
        return wet * room.feed(late)

    for block in blocks:
        for start in range(0, len(block), _CHUNK_FRAMES):
            part = np.ascontiguousarray(block[start : start + _CHUNK_FRAMES])
            yield dry * part + answered(part)
    left = round(operation.tail_s * rate)
    closing = max(1, min(left, round(_CLOSING_S * rate)))
    while left > 0:
        silence: FloatBlock = np.zeros((min(_CHUNK_FRAMES, left), channels), np.float32)
        down = np.minimum(1.0, np.arange(left, left - len(silence), -1) / closing).astype(np.float32)
        yield answered(silence) * down[:, np.newaxis]
        left -= len(silence)


class _Room:
    """The network, as a stream: what went in comes out as loud, without the direct sound."""

    def __init__(self, decay_s: float, damping: float, rate: int, channels: int) -> None:
        self._channels = channels
        lengths = _lengths(decay_s, rate)
        self._lengths = np.array(lengths, np.int64)
        self._lines: Signal = np.zeros(sum(lengths), np.float32)
        self._positions = np.zeros(_LINES, np.int64)
        self._filters = _filters(lengths, decay_s, damping, rate)
        self._held: Signal = np.zeros(_LINES, np.float32)
        self._signs = _signs()
        # They ring for some 0.1 s themselves: too long for the smallest rooms.
        scale = min(1.0, 2 * decay_s) * rate
        self._diffusers = [[np.zeros(_prime(long * scale), np.float32) for long in side] for side in _DIFFUSERS_S]
        self._diffused = np.zeros((2, len(_DIFFUSERS_S[0])), np.int64)
        self._low_cut = Biquads(_low_cut(rate), channels)

    def feed(self, block: FloatBlock) -> FloatBlock:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; get as many."""
        cut = self._low_cut.feed(block)
        sides = [cut[:, 0].copy(), cut[:, -1].copy()]
        for side, lines, positions in zip(sides, self._diffusers, self._diffused, strict=True):
            for index, line in enumerate(lines):
                library().tonearm_reverb_diffuse(
                    address(side, np.float32),
                    size(len(side)),
                    address(line, np.float32),
                    size(len(line)),
                    address(positions[index : index + 1], np.int64),
                    ctypes.c_float(_DIFFUSION),
                )
        library().tonearm_reverb_network(
            address(sides[0], np.float32),
            address(sides[1], np.float32),
            size(len(block)),
            address(self._lines, np.float32),
            address(self._lengths, np.int64),
            address(self._positions, np.int64),
            address(self._filters, np.float32),
            address(self._held, np.float32),
            address(self._signs, np.float32),
        )
        return np.stack(sides[: self._channels], axis=1)


@cache
def _room_gain(decay_s: float, damping: float, rate: int, channels: int) -> float:
    """What makes the room as loud as pink noise that goes in, by BS.1770.

    The powers at the outputs of a click at each input add up, weighted by frequency. In steps so coarse that the last
    bits of a Fourier transform cannot move it.
    """
    frames = 1 << math.ceil(math.log2(max(decay_s, 0.2) * rate))
    frequencies = np.fft.rfftfreq(frames, 1 / rate)[1:]
    weights = np.where(frequencies <= 20_000, k_weight(np.minimum(frequencies, 20_000)) / frequencies, 0.0)
    total = 0.0
    for channel in range(channels):
        room = _Room(decay_s, damping, rate, channels)
        clicks = np.zeros((frames, channels), np.float32)
        clicks[0, channel] = 1.0
        parts = [room.feed(clicks[start : start + _CHUNK_FRAMES]) for start in range(0, frames, _CHUNK_FRAMES)]
        for response in np.concatenate(parts).T:
            power = np.abs(np.fft.rfft(response)[1:].astype(np.complex128)) ** 2
            total += float((power * weights).sum() / weights.sum())
    return _coarse(math.sqrt(channels / total))


def _coarse(value: float) -> float:
    return round(value * _GAIN_STEPS) / _GAIN_STEPS


def _prime(at_least: float) -> int:
    """The first prime from a number on."""
    number = max(2, math.ceil(at_least))
    while any(number % factor == 0 for factor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


def _lengths(decay_s: float, rate: int) -> list[int]:
    """Of the lines in samples: primes, in a geometric row."""
    mean_s = _MEAN_LINE_S * math.sqrt(decay_s)
    shortest, longest = min(_SHORTEST * mean_s, _LATEST_S) * rate, _LONGEST * mean_s * rate
    lengths: list[int] = []
    for line in range(_LINES):
        wanted = shortest * (longest / shortest) ** (line / (_LINES - 1))
        lengths.append(_prime(max(wanted, lengths[-1] + 1 if lengths else 0)))
    return lengths


def _filters(lengths: list[int], decay_s: float, damping: float, rate: int) -> Signal:
    """Of each line a shelf (1 + r s)/(1 + s), s = j tan(ω/2)/tan(corner/2), times what it loses at 1 kHz."""
    corner = math.tan(math.pi * min(_SHELF_HZ / rate, 0.4))
    at_middle = math.tan(math.pi * min(_MIDDLE_HZ / rate, 0.4)) / corner
    rows = []
    for length in lengths:
        middle = 10 ** (-3 * length / (decay_s * rate))
        high = 10 ** (-3 * length / (decay_s * rate) * (10**damping - 1))
        # What the shelf takes from 1 kHz already is given back there, as far as the lows still fade.
        lost = math.sqrt((1 + (high * at_middle) ** 2) / (1 + at_middle**2))
        gain = min(middle / lost, middle**0.7) / (1 + 1 / corner)
        rows.append(
            (gain * (1 + high / corner) / 4, gain * (1 - high / corner) / 4, -(1 - 1 / corner) / (1 + 1 / corner))
        )
    return np.array(rows).T.astype(np.float32, order="C")


def _signs() -> Signal:
    """What goes into each line of left and of right: two rows of a Hadamard matrix."""
    return np.array(
        [[(-1.0) ** (line & row).bit_count() for line in range(_LINES)] for row in (3, 12)], dtype=np.float32
    )


def _low_cut(rate: int) -> Line:
    """A first-order high-pass: no room of this size carries deep bass, and two of it would blur it."""
    k = math.tan(math.pi * _LOW_CUT_HZ / rate)
    return np.array([[1 / (1 + k), -1 / (1 + k), 0.0, (k - 1) / (1 + k), 0.0]])
