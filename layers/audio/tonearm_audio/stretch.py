"""Change the length of a stream and keep its pitch, in chunks of bounded memory that join without a seam.

The stretching is Signalsmith Stretch (python-stretch). Its binding takes a whole signal and starts afresh with every
call, so a long song is stretched in overlapping chunks. Two chunks agree in what they contain and where, but the phase
of each partial depends on where its chunk began; crossfading them plainly would cancel at random. At a join the
outgoing chunk's partials are therefore turned, over a third of a second, into the incoming chunk's phases, and only
then crossfaded.

Overlapping windows that no longer agree in phase lose power: a tenth of a decibel for music at 1.1, up to six for noise
or at 4. Each chunk is given back what it lost, as one gain, so that a render is as loud as its source.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from python_stretch import Signalsmith

from tonearm_audio.decode import BLOCK_FRAMES, FloatBlock
from tonearm_audio.loudness import k_weighted_power

CHUNK_FRAMES = 1 << 19
"""Frames of a chunk on its longer side (12 s at 44.1 kHz): a render in stereo stays below 80 MB of memory."""

_SEED = 1
_MARGIN_S = 0.25
_TURN_STEPS = 16
_SILENCE = 1e-10
_GAIN_RANGE = (0.7, 2.0)

Spectrum = npt.NDArray[np.complex128]


def stretch(
    blocks: Iterator[FloatBlock], *, time_ratio: float, sample_rate_hz: int, channels: int
) -> Iterator[FloatBlock]:
    """Stretch a stream in time.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        time_ratio: frames out over frames in, 1/16 to 16.
        sample_rate_hz: frames a second; sets the analysis block (120 ms).
        channels: 1 or 2, stretched together so that the stereo image holds.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32]; round(frames in * time_ratio) frames in all.
    """
    chunks = _Chunks(time_ratio, sample_rate_hz, channels)
    for block in blocks:
        for chunk in chunks.feed(block):
            yield from _cut(chunk)
    for chunk in chunks.finish():
        yield from _cut(chunk)


def _cut(chunk: FloatBlock) -> Iterator[FloatBlock]:
    """Blocks of the usual size, so that what follows need not hold a whole chunk several times over."""
    for start in range(0, len(chunk), BLOCK_FRAMES):
        yield chunk[start : start + BLOCK_FRAMES]


class _Chunks:
    """Collects input until a chunk can be stretched, and joins it to the one before."""

    def __init__(self, time_ratio: float, sample_rate_hz: int, channels: int) -> None:
        self._ratio = time_ratio
        self._rate = sample_rate_hz
        self._channels = channels
        window = 1 << round(np.log2(0.093 * sample_rate_hz))
        self._join = _Join(window)
        self._margin = round(_MARGIN_S * sample_rate_hz)
        self._step = max(self._join.frames * 2, round(CHUNK_FRAMES * min(1.0, time_ratio)))
        self._waiting: list[FloatBlock] = []
        self._first = 0
        self._received = 0
        self._start = 0
        self._tail: FloatBlock | None = None

    def feed(self, block: FloatBlock) -> Iterator[FloatBlock]:
        """Take input; yield what became ready."""
        self._waiting.append(block)
        self._received += len(block)
        # A chunk is cut off only when another one of some length is sure to follow it.
        while self._received >= self._input_at(self._start + self._step + 2 * self._join.frames + 2 * self._margin):
            end = self._start + self._step
            chunk = self._stretched(self._start, end + self._join.frames, self._margin)
            yield self._joined(chunk[: self._step])
            self._tail = chunk[self._step :]
            self._start = end
            self._forget(self._input_at(end - self._margin))

    def finish(self) -> Iterator[FloatBlock]:
        """Stretch what is left."""
        total = max(1, round(self._received * self._ratio)) if self._received else 0
        if total:
            yield self._joined(self._stretched(self._start, total, 0))

    def _input_at(self, output: int) -> int:
        return round(output / self._ratio)

    def _joined(self, chunk: FloatBlock) -> FloatBlock:
        if self._tail is not None:
            overlap = len(self._tail)
            chunk[:overlap] = self._join(self._tail, chunk[:overlap])
        return chunk

    def _stretched(self, start: int, end: int, after: int) -> FloatBlock:
        """The output frames start to end, stretched with a margin on both sides that is thrown away."""
        begin = max(0, start - self._margin)
        first = self._input_at(begin)
        last = min(self._received, self._input_at(end + after)) if after else self._received
        processor = Signalsmith.Stretch(_SEED)
        processor.preset(self._channels, self._rate)
        processor.setTimeFactor(1 / self._ratio)
        signal = self._input(first, last)
        stretched = np.asarray(processor.process(signal)).T[start - begin :]
        wanted = np.zeros((end - start, self._channels), np.float32)
        usable = stretched[: len(wanted)]
        given = signal[:, self._input_at(start) - first :].T
        wanted[: len(usable)] = usable * _gain_lost(given, usable, self._rate)
        return wanted

    def _input(self, first: int, last: int) -> FloatBlock:
        """The input frames first to last [shape=(channels, frames)]."""
        waiting: FloatBlock = np.concatenate(self._waiting)
        return np.ascontiguousarray(waiting[first - self._first : last - self._first].T)

    def _forget(self, before: int) -> None:
        while self._waiting and self._first + len(self._waiting[0]) <= before:
            self._first += len(self._waiting.pop(0))


def _gain_lost(before: FloatBlock, after: FloatBlock, sample_rate_hz: int) -> np.float32:
    """The gain that makes `after` as loud as `before`, in steps so coarse (0.002 dB) that rounding cannot move it."""
    given, left = k_weighted_power(before, sample_rate_hz), k_weighted_power(after, sample_rate_hz)
    if min(given, left) < _SILENCE:
        return np.float32(1.0)
    gain = min(max(math.sqrt(given / left), _GAIN_RANGE[0]), _GAIN_RANGE[1])
    return np.float32(round(gain * 4096) / 4096)


class _Join:
    """Turns the partials of one stretch into the phases of another, then crossfades.

    Only additions, multiplications, divisions and square roots touch the samples, in float64: they round alike on every
    processor, so that the render's hash does not depend on the machine.
    """

    def __init__(self, window_frames: int) -> None:
        self._window = window_frames
        self._hop = window_frames // 4
        self.frames = 8 * window_frames
        """Length of the overlap that a join takes."""
        self._shape = np.hanning(window_frames + 1)[:-1]
        turn_end = _TURN_STEPS * self._hop + window_frames // 2
        fade = np.ones(self.frames)
        fade[:turn_end] = 0.0
        length = self.frames - window_frames - turn_end
        fade[turn_end : turn_end + length] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
        self._fade = fade[:, np.newaxis]
        self._fading = slice(turn_end, turn_end + length)

    def __call__(self, old: FloatBlock, new: FloatBlock) -> FloatBlock:
        """Lead from `old` to `new`, both [shape=(self.frames, channels)] and of the same moment of the song."""
        turned = self._turned(old.astype(np.float64), new.astype(np.float64))
        before, after = turned[self._fading], new[self._fading].astype(np.float64)
        power = float(np.sqrt((before**2).sum() * (after**2).sum()))
        likeness = max(0.0, float((before * after).sum()) / power) if power > 0 else 1.0
        fade = self._fade
        # Two signals that are not alike lose power in a plain crossfade; give back just that.
        gain = 1 / np.sqrt((1 - fade) ** 2 + fade**2 + 2 * fade * (1 - fade) * likeness)
        led: FloatBlock = (((1 - fade) * turned + fade * new) * gain).astype(np.float32)
        return led

    def _turned(self, old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """`old` with the phase of each partial led to that of `new` in equal small steps."""
        old_spectra, new_spectra = self._spectra(old), self._spectra(new)
        count = len(old_spectra)
        settled = slice(_TURN_STEPS, None)
        cross = (new_spectra[settled] * old_spectra[settled].conj()).sum(axis=(0, 2))
        # The three bins of a window's main lobe belong to one partial and turn together.
        lobe = cross.copy()
        lobe[1:] += cross[:-1]
        lobe[:-1] += cross[1:]
        step = _unit(lobe)
        for _ in range(4):  # 2 to the 4th are the 16 steps: each half angle is a square root
            step = _unit(1 + step)
        turn = np.ones_like(step)
        out = old.copy()
        for index in range(count):
            change = np.fft.irfft(old_spectra[index] * (turn - 1)[:, np.newaxis], self._window, axis=0)
            at = index * self._hop
            # Hann squared at a quarter hop sums to 1.5.
            out[at : at + self._window] += change * self._shape[:, np.newaxis] / 1.5
            if index < _TURN_STEPS:
                turn = turn * step
        return out

    def _spectra(self, signal: npt.NDArray[np.float64]) -> Spectrum:
        views = np.lib.stride_tricks.sliding_window_view(signal, self._window, axis=0)[:: self._hop]
        spectra: Spectrum = np.fft.rfft(views * self._shape, axis=-1).transpose(0, 2, 1)
        return spectra


def _unit(values: Spectrum) -> Spectrum:
    """Scale to length one; what has no length counts as not turned (or, at half of a half turn, a quarter turn)."""
    length = np.sqrt(values.real**2 + values.imag**2)
    return np.divide(values, length, out=np.ones_like(values), where=length > 1e-30)
