"""Change the length of a stream and keep its pitch; with it, and a resampling, every change of tempo and pitch.

A phase vocoder: windows cut out of the source where the time map says, added up again at even distances in the render.
Before that their spectra are turned, bin by bin, so that they fit each other:

- along time, so that the moment one hop earlier agrees with what was made there already. It is measured in a second
  spectrum of the source, one hop before, and not estimated from phases;
- along frequency, so that bins of one sound turn together, and what lies off the middle of a window moves by as much
  as time is stretched. That both are weighed in one sum of complex numbers, each as heavy as its sound, is the idea of
  Signalsmith Stretch (Luff, "Four ways to write a pitch-shifter", ADC 2022; the phase locking before it: Laroche and
  Dolson, IEEE Trans. Speech and Audio Processing 7(3), 1999).

One turn serves both channels, found from both: the stereo image of every bin stays as it was. Attacks are moved, not
stretched (`attacks.py`). Windows that no longer agree lose power where they overlap; each band gets back what it lost,
by how much it agrees, and attacks that take a larger share of the time do not make the whole louder.

Everything lies on a fixed grid and is summed in a fixed order, so that the same song gives the same bits however it is
cut into blocks, and swapped channels come out swapped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.attacks import AttackFinder, TimeMap, fast_size
from tonearm_audio.decode import FloatBlock
from tonearm_audio.formants import FormantKeeper
from tonearm_audio.fourier import rfft
from tonearm_audio.kernels import address, library, size

_WINDOW_S = 0.1
_OVERLAP = 4
_BATCH = 16
"""Windows worked on at once: some megabytes."""
_LEAST_BLOCK = 4096
_SPREAD_RANGE = (0.5, 2.0)
"""Beyond these, moments in a window cannot be moved as far as time is stretched."""
_BANDS = 24
_LEVEL_MEMORY_S = 3.0
_LEVEL_STEP = 0.002
"""Most by which the level changes from one window to the next."""
_VOICE_LEVEL_STEP = 0.01
"""The same where formants are kept: a voice gains and loses more."""
_LEVEL_RANGE = (0.5, 2.5)
_SILENT = 1e-12
_GRID = 4096

Spectra = npt.NDArray[np.complex64]
Powers = npt.NDArray[np.float64]


def stretch(
    blocks: Iterator[FloatBlock],
    *,
    time_ratio: float,
    sample_rate_hz: int,
    channels: int,
    formants: FormantKeeper | None = None,
) -> Iterator[FloatBlock]:
    """Stretch a stream in time.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        time_ratio: frames out over frames in, 1/16 to 16.
        sample_rate_hz: frames a second; sets the window (100 ms).
        channels: 1 or 2, stretched together so that the stereo image holds.
        formants: what moves resonances, if they are to be moved.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32]; round(frames in * time_ratio) frames in all, at least one
        if any came in.
    """
    vocoder = _Vocoder(time_ratio, sample_rate_hz, channels, formants)
    for block in _of_some_length(blocks):
        yield from vocoder.feed(block)
    yield from vocoder.finish()


def window_frames(sample_rate_hz: int) -> int:
    """The length of a window, which suits a Fourier transform."""
    return fast_size(_WINDOW_S * sample_rate_hz, _OVERLAP)


def _of_some_length(blocks: Iterator[FloatBlock]) -> Iterator[FloatBlock]:
    """Blocks of a few frames put together: each costs a copy of what is held."""
    waiting: list[FloatBlock] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= _LEAST_BLOCK:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


class _Vocoder:
    """Windows out of the source, turned, and added up."""

    def __init__(self, time_ratio: float, rate: int, channels: int, formants: FormantKeeper | None) -> None:
        self._ratio = time_ratio
        self._channels = channels
        self._formants = formants
        self._size = window_frames(rate)
        self._hop = self._size // _OVERLAP
        shape = [math.sin(math.pi * (frame + 0.5) / self._size) ** 2 for frame in range(self._size)]
        window = np.array(shape, np.float32)
        # Multiplied by its length, which the transform divides by.
        self._analysis = window * np.float32(self._size)
        # Hann squared at a quarter of its length sums to 1.5.
        self._synthesis = (window / np.float32(1.5)).astype(np.float32)
        bins = self._size // 2 + 1
        self._edges = _band_edges(bins, rate)
        self._weights = _hearing(np.arange(bins) * (rate / self._size))
        self._before: Spectra = np.zeros((channels, bins), np.complex64)
        self._work: Spectra = np.empty((4, bins), np.complex64)
        self._finder = AttackFinder(rate, channels)
        self._map = TimeMap(time_ratio, rate)
        self._level = _Level(math.exp(-self._hop / (_LEVEL_MEMORY_S * rate)), _LEVEL_STEP, 1.0)
        if formants is not None:
            # An envelope that stays holds fewer partials of a higher voice. As heard, after the resampling:
            heard = np.arange(bins) * (rate / self._size * formants.pitch_ratio)
            self._heard = np.where(heard < rate / 2, _hearing(heard), 0.0)
            self._level = _Level(self._level.memory, _VOICE_LEVEL_STEP, math.sqrt(formants.pitch_ratio))
        self._next = 1 - _OVERLAP // 2
        """The window that comes next; window 0 stands around the first frame."""
        self._received = 0
        # Silence before the song, for the windows that reach there.
        self._reach = 2 * self._size + math.ceil(self._hop / time_ratio)
        self._held: FloatBlock = np.zeros((self._reach, channels), np.float32)
        self._first = -self._reach
        self._sum: FloatBlock = np.zeros((self._size, channels), np.float32)
        self._given = 0
        self._position: float | None = None

    def feed(self, block: FloatBlock) -> Iterator[FloatBlock]:
        """Take input; yield what became ready."""
        self._received += len(block)
        self._hold(block)
        while self._ready(self._next + _BATCH):
            yield from self._cut_to_song(self._made(_BATCH), None)

    def finish(self) -> Iterator[FloatBlock]:
        """Yield the rest."""
        if not self._received:
            return
        total = max(1, round(self._received * self._ratio))
        silence = np.zeros((self._size, self._channels), np.float32)
        while self._given < total:
            while not self._ready(self._next + _BATCH):
                self._hold(silence)
            yield from self._cut_to_song(self._made(_BATCH), total)

    def _hold(self, block: FloatBlock) -> None:
        self._held = np.concatenate([self._held, block])
        self._map.feed(self._finder.feed(block), self._finder.known)

    def _ready(self, window: int) -> bool:
        """Whether every window before this one can be cut."""
        time = window * self._hop
        # The map is never farther ahead of the plain stretch than this; it is behind while there is more to come.
        farthest = time / self._ratio + 2 * self._size
        return self._map.end > time and self._first + len(self._held) > farthest

    def _made(self, count: int) -> FloatBlock:
        """The next frames of the render, from half a window before the next window's middle on."""
        times = np.arange(self._next, self._next + count, dtype=np.float64) * self._hop
        middles, ratios = self._map.read(times)
        starts = np.stack([middles - self._hop, middles], axis=1).ravel() - self._size // 2 - self._first
        cut = np.empty((2 * count, self._channels, self._size), np.float32)
        library().tonearm_stretch_cut(
            address(self._held, np.float32),
            size(self._channels),
            address(starts, np.int64),
            size(2 * count),
            address(self._analysis, np.float32),
            size(self._size),
            address(cut, np.float32),
        )
        spectra: Spectra = rfft(cut).reshape(count, 2, self._channels, -1)
        turned, powers = self._turned(spectra, ratios)
        made = powers
        if self._formants is not None:
            turned *= self._formants.gains(spectra[:, 1])[:, np.newaxis]
            made = ((turned.real**2 + turned.imag**2).sum(axis=1) * self._heard).sum(axis=1)
        gains = self._level.gains(self._shares(middles) * powers, made)
        turned *= gains.astype(np.float32)[:, np.newaxis, np.newaxis]
        added = np.concatenate([self._sum, np.zeros((count * self._hop, self._channels), np.float32)])
        back = np.fft.irfft(turned, self._size)
        library().tonearm_stretch_add(
            address(back, np.float32),
            size(self._channels),
            size(count),
            address(self._synthesis, np.float32),
            size(self._size),
            size(self._hop),
            address(added, np.float32),
        )
        self._next += count
        self._sum = added[count * self._hop :]
        self._forget(int(middles[-1]) - self._reach)
        return added[: count * self._hop]

    def _turned(self, spectra: Spectra, ratios: npt.NDArray[np.float32]) -> tuple[Spectra, npt.NDArray[np.float64]]:
        """The spectra as they are added up, and the power that each had."""
        count, _, channels, bins = spectra.shape
        made = np.empty((count, channels, bins), np.complex64)
        powers = np.empty(count)
        library().tonearm_stretch_turn(
            address(spectra, np.complex64),
            address(self._before, np.complex64),
            address(np.clip(ratios, *_SPREAD_RANGE), np.float32),
            size(count),
            size(channels),
            size(bins),
            address(self._edges, np.int64),
            size(len(self._edges) - 1),
            address(self._weights, np.float32),
            address(powers, np.float64),
            address(self._work, np.complex64),
            address(made, np.complex64),
        )
        return made, powers

    def _shares(self, middles: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """How much of the source's time each window stands for, 1 in a plain stretch."""
        before = self._position if self._position is not None else float(middles[0]) - self._hop / self._ratio
        self._position = float(middles[-1])
        shares: npt.NDArray[np.float64] = np.diff(middles, prepend=before) * (self._ratio / self._hop)
        return shares

    def _cut_to_song(self, block: FloatBlock, total: int | None) -> Iterator[FloatBlock]:
        """What of a block lies in the song; the first begins before it."""
        start = (self._next - _BATCH) * self._hop - self._size // 2
        inside = block[max(0, -start) :]
        if total is not None:
            inside = inside[: total - self._given]
        if len(inside):
            self._given += len(inside)
            yield inside

    def _forget(self, before: int) -> None:
        gone = before - self._first
        if gone > 0:
            self._held = self._held[gone:]
            self._first = before


class _Level:
    """Keeps the render as loud as the source where some moments take more time than others.

    Args:
        memory: share of a power that is remembered from one window to the next.
        step: most by which the gain changes from one window to the next.
        gain: to begin with.
    """

    def __init__(self, memory: float, step: float, gain: float) -> None:
        self.memory = memory
        self._step = step
        self._wanted = self._made = 0.0
        self._gain = gain

    def gains(self, wanted: Powers, made: Powers) -> Powers:
        """The gain of each window, given the power that it should have and that it has [each shape=(n,)]."""
        out = []
        for asked, given in zip(wanted.tolist(), made.tolist(), strict=True):
            if not self._made and given:
                # A song's first window is no measure of it: begin as if the gain had been right so far.
                self._made = given / (1 - self.memory)
                self._wanted = self._made * self._gain**2
            self._wanted = self.memory * self._wanted + asked
            self._made = self.memory * self._made + given
            aim = (
                math.sqrt(self._wanted / self._made) if self._made > _SILENT and self._wanted > _SILENT else self._gain
            )
            aim = min(max(aim, _LEVEL_RANGE[0]), _LEVEL_RANGE[1])
            self._gain += min(max(aim - self._gain, -self._step), self._step)
            out.append(round(self._gain * _GRID) / _GRID)
        return np.array(out)


def _band_edges(bins: int, rate: int) -> npt.NDArray[np.int64]:
    """Bins that bound bands of even width on the ERB scale (Glasberg and Moore, Hearing Research 47, 1990)."""
    widest = 21.4 * math.log10(1 + 0.00437 * rate / 2)
    steps = [(10 ** (widest * band / _BANDS / 21.4) - 1) / 0.00437 for band in range(1, _BANDS)]
    inner = {round(step / rate * 2 * (bins - 1)) for step in steps}
    return np.array([0, *sorted(inner - {0}), bins], np.int64)


def _hearing(frequencies: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """K-weighting (BS.1770) to within a decibel: no deep bass, and 4 dB more from 2 kHz on."""
    low, high = (frequencies / 60.0) ** 4, (frequencies / 1500.0) ** 4
    weights: npt.NDArray[np.float32] = (low / (1 + low) * (1 + 1.5 * high / (1 + high))).astype(np.float32)
    return weights
