"""Master: spectrum, width, dynamics, loudness and ceiling of a release, by a preset or after the model of another song.

While the song is fed, its long-term spectra are measured: of the middle (L + R)/2 and of the sides (L - R)/2, in thirds
of an octave. What they lack is given by one linear-phase filter for each, which moves nothing in time against anything
else. Presets then compress, gently and by the song's own level; a reference does not. Loudness and ceiling are those
of `loudness_match`.

Presets aim at a documented spectrum, and leave alone what is within a tolerance of it: a song mastered twice is changed
once. The spectrum of music falls by 5 dB an octave from 100 Hz to 4 kHz, and faster above (Pestana, Ma, Reiss, Barbosa
and Black, "Spectral characteristics of popular commercial recordings 1950-2010", AES 135, 2013); that of speech is the
long-term average of Byrne et al. (JASA 96, 1994).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tonearm_audio import compress
from tonearm_audio.decode import FloatBlock, Source
from tonearm_audio.errors import AudioError
from tonearm_audio.loudness import IntegratedMeter, k_weight
from tonearm_audio.loudness_match import Leveller, Listener
from tonearm_audio.operations import Compress, Master, Preset
from tonearm_audio.spool import Spool

MOST_MATCHED_DB = 12.0
"""Of a reference's spectrum, in either direction."""

_POINTS_PER_OCTAVE = 6
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 20_000.0
_WINDOW_S = 0.18
_TAPS_S = 0.09
_AUDIBLE_DB, _SILENT_DB = -60.0, -70.0
"""Below the loudest third of an octave: from here down less is boosted, and from here nothing, which would be noise."""
_SMOOTHED_POINTS = 3
_CURVE_STEPS = 64
_NO_POWER = 1e-30
_DIGITAL_SILENCE_DB = -150.0
_WORKING_LUFS = -18.0
"""How loud the song is where it is compressed: thresholds are meant for this."""
_WIDENED: Knots = ((150, 0.0), (300, 1.0))
_WIDEST_DB = -6.0
"""Sides against the middle: what is as wide is not made wider."""

Curve = npt.NDArray[np.float64]
Knots = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Tone:
    """What a preset aims for.

    Attributes:
        target_lufs: integrated loudness.
        spectrum: power in a hertz, in dB with any reference, at frequencies in Hz between which straight lines lie.
        tolerance_db: how far from it a song may be to be left alone.
        most_db: the most that is given or taken.
        cut: what is taken in any case, in dB, at frequencies in Hz.
        width_db: by how much the sides are lifted, above 300 Hz.
        compress: dynamics at -18 LUFS; None to leave them.
    """

    target_lufs: float
    spectrum: Knots
    tolerance_db: float
    most_db: float
    cut: Knots = ()
    width_db: float = 0.0
    compress: Compress | None = None


_MUSIC: Knots = (
    (20, -14.0),
    (31.5, -5.0),
    (50, 0.0),
    (80, 1.0),
    (100, 0.0),
    (4000, -26.6),
    (8000, -33.5),
    (12_500, -40.0),
    (20_000, -52.0),
)
_SPEECH_BANDS: Knots = (
    (63, 38.6),
    (80, 43.5),
    (100, 54.4),
    (125, 57.7),
    (160, 56.8),
    (200, 60.2),
    (250, 60.3),
    (315, 59.0),
    (400, 62.1),
    (500, 62.1),
    (630, 60.5),
    (800, 56.8),
    (1000, 53.7),
    (1250, 53.0),
    (1600, 52.0),
    (2000, 48.7),
    (2500, 48.1),
    (3150, 46.8),
    (4000, 45.6),
    (5000, 44.5),
    (6300, 44.3),
    (8000, 43.7),
    (10_000, 43.4),
    (12_500, 41.3),
    (16_000, 40.7),
)
"""Levels of thirds of an octave; a hertz holds less of a wider one."""


def _level(knots: Knots, hertz: float) -> float:
    """A curve of straight lines over the logarithm of frequency, level beyond its ends."""
    for (low_hz, low), (high_hz, high) in pairwise(knots):
        if hertz < high_hz:
            way = max(0.0, math.log(hertz / low_hz) / math.log(high_hz / low_hz))
            return low + way * (high - low)
    return knots[-1][1]


def _tilted(spectrum: Knots, tilt: Knots) -> Knots:
    """Two curves together."""
    return tuple((hertz, level + _level(tilt, hertz)) for hertz, level in spectrum)


PRESETS: dict[Preset, Tone] = {
    "streaming": Tone(
        -14.0,
        _MUSIC,
        3.0,
        4.0,
        width_db=0.5,
        compress=Compress(-14.0, 1.5, attack_ms=20.0, release_ms=200.0, knee_db=8.0),
    ),
    "loud": Tone(
        -9.0,
        _MUSIC,
        2.0,
        5.0,
        width_db=1.0,
        compress=Compress(-16.0, 2.5, attack_ms=10.0, release_ms=120.0, knee_db=8.0),
    ),
    "podcast": Tone(
        -16.0,
        tuple((hertz, level - 10 * math.log10(hertz)) for hertz, level in _SPEECH_BANDS),
        3.0,
        6.0,
        cut=((20, -30.0), (50, -14.0), (80, -3.0), (110, 0.0)),
        compress=Compress(-22.0, 3.0, attack_ms=5.0, release_ms=250.0, knee_db=10.0),
    ),
    "gentle": Tone(-16.0, _MUSIC, 5.0, 2.0),
    "warm": Tone(
        -14.0,
        _tilted(_MUSIC, ((20, 2.0), (200, 2.0), (1000, 0.0), (4000, -1.5), (10_000, -3.0))),
        1.5,
        4.0,
        compress=Compress(-15.0, 1.8, attack_ms=30.0, release_ms=250.0, knee_db=10.0),
    ),
    "bright": Tone(
        -14.0,
        _tilted(_MUSIC, ((20, -1.0), (200, -1.0), (1000, 0.0), (4000, 2.0), (10_000, 4.0))),
        1.5,
        4.0,
        width_db=1.0,
        compress=Compress(-14.0, 1.5, attack_ms=20.0, release_ms=150.0, knee_db=8.0),
    ),
}


def target_lufs(operation: Master) -> float:
    """The loudness that a master aims for; a reference is decoded to tell its own.

    Raises:
        AudioError: any `track.*` code for the reference; `recipe.invalid` when it is silent.
        OSError: the reference cannot be read.
    """
    if operation.target_lufs is not None:
        return operation.target_lufs
    if operation.preset is not None:
        return PRESETS[operation.preset].target_lufs
    return _model(operation.reference).target_lufs


class Finisher:
    """The `master` operation: measures a song while it is fed, then plays it mastered.

    Args:
        operation: preset or reference, ceiling, and a target that replaces theirs.
        sample_rate_hz: frames a second.
        channels: 1 or 2.

    Attributes:
        target_lufs: what it aims for.

    Raises:
        AudioError: any `track.*` code for the reference; `recipe.invalid` when it is silent.
        OSError: the reference cannot be read.
    """

    def __init__(self, operation: Master, *, sample_rate_hz: int, channels: int) -> None:
        self._aim = PRESETS[operation.preset] if operation.preset is not None else _model(operation.reference)
        self.target_lufs = self._aim.target_lufs if operation.target_lufs is None else operation.target_lufs
        self._rate, self._channels = sample_rate_hz, channels
        self._loudness = IntegratedMeter(sample_rate_hz, channels)
        self._spectra = _Spectra(sample_rate_hz, channels)
        self._filters: _Filters | None = None
        self._leveller: Leveller | None = None

    def feed(self, block: FloatBlock) -> None:
        """Take the next np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._loudness.feed(block)
        self._spectra.feed(block)

    def blocks(
        self, replay: Callable[[], Iterator[FloatBlock]], *, ceiling_dbtp: float, gain_db: float
    ) -> Iterator[FloatBlock]:
        """Yield the song mastered.

        What lies before the limiter is kept in a spool of its own, so that it is done once.

        Args:
            replay: gives all that was fed, from the start.
            ceiling_dbtp: highest true peak that may leave.
            gain_db: what the encoder is known to take away, which is added to the loudness.

        Yields:
            np.ndarray [shape=(frames, channels), dtype=float32], as many frames as were fed.

        Raises:
            OSError: the disk is full.
        """
        with Spool(self._channels) as spool:
            listener = Listener(self._rate, self._channels)
            for block in self._shaped(replay()):
                listener.feed(block)
                spool.write(block)
            if self._leveller is None:
                self._leveller = Leveller(
                    self.target_lufs, listener.heard(), sample_rate_hz=self._rate, channels=self._channels
                )
            yield from self._leveller.blocks(spool.blocks, ceiling_dbtp=ceiling_dbtp, gain_db=gain_db)

    def _shaped(self, blocks: Iterator[FloatBlock]) -> Iterator[FloatBlock]:
        """The song with its new spectrum, compressed."""
        loudness_lufs = self._loudness.lufs()
        if loudness_lufs is None:
            return blocks
        if self._filters is None:
            self._filters = self._designed(loudness_lufs)
        blocks = self._filters.process(blocks)
        if self._aim.compress is not None:
            blocks = compress.process(
                blocks, operation=self._aim.compress, sample_rate_hz=self._rate, channels=self._channels
            )
        return blocks

    def _designed(self, loudness_lufs: float) -> _Filters:
        """The filters, now that all of the song has been heard."""
        spectra_db = self._spectra.levels_db()
        if isinstance(self._aim, Tone):
            corrections_db = _towards_tone(spectra_db, self._aim, self._rate)
        else:
            corrections_db = _towards_model(spectra_db, loudness_lufs, self._aim, self._rate)
        if self._aim.compress is not None:
            corrections_db += _WORKING_LUFS - loudness_lufs - _louder_db(spectra_db, corrections_db)
        return _Filters(self._rate, corrections_db)


@dataclass(frozen=True)
class _Model:
    """What a reference is.

    Attributes:
        target_lufs: its integrated loudness.
        levels_db: its spectra, as of `_Spectra.levels_db`.
        highest_hz: up to where they are known.
        compress: nothing; a reference's dynamics are not taken on.
    """

    target_lufs: float
    levels_db: Curve
    highest_hz: float
    compress: None = None


def _model(path: Path | None) -> _Model:
    """Decode a reference once."""
    if path is None:
        raise ValueError("a master without a preset has a reference")
    with Source(path) as opened:
        meter = IntegratedMeter(opened.sample_rate_hz, opened.channels)
        spectra = _Spectra(opened.sample_rate_hz, opened.channels)
        for block in opened.blocks():
            meter.feed(block)
            spectra.feed(block)
        rate = opened.sample_rate_hz
    loudness_lufs = meter.lufs()
    if loudness_lufs is None:
        raise AudioError(
            "recipe.invalid",
            "The reference is silent: it has no spectrum and no loudness to take on.",
            value="below -70 LUFS",
            limit="a reference that can be heard",
            mend="Choose another reference, or a preset.",
        )
    return _Model(loudness_lufs, spectra.levels_db(), _known_hz(rate))


@cache
def _points_hz() -> tuple[float, ...]:
    """Where spectra are looked at: six points an octave."""
    count = int(_POINTS_PER_OCTAVE * math.log2(_HIGHEST_HZ / _LOWEST_HZ)) + 1
    return tuple(_LOWEST_HZ * 2 ** (point / _POINTS_PER_OCTAVE) for point in range(count))


def _known_hz(sample_rate_hz: int) -> float:
    """Up to where a file at this rate has anything to tell."""
    return 0.45 * sample_rate_hz


class _Spectra:
    """Long-term spectra of a stream: mean power over windows of 0.2 s, side by side, on a fixed grid."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._rate = sample_rate_hz
        self._size = 1 << round(math.log2(_WINDOW_S * sample_rate_hz))
        self._window = _hann(self._size).astype(np.float32)
        self._powers = np.zeros((channels, self._size // 2 + 1))
        self._rest: FloatBlock = np.zeros((0, channels), np.float32)

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        waiting = np.concatenate([self._rest, block])
        whole = len(waiting) // self._size
        for index in range(whole):
            self._add(waiting[index * self._size : (index + 1) * self._size])
        self._rest = waiting[whole * self._size :].copy()

    def levels_db(self) -> Curve:
        """Power in a hertz, over a third of an octave about each point, in dB [shape=(channels, points)].

        Of the middle, and of the sides where there are two channels.
        """
        if len(self._rest):
            self._add(np.pad(self._rest, ((0, self._size - len(self._rest)), (0, 0))))
            self._rest = self._rest[:0]
        edge = 2 ** (0.5 / 3)
        bin_hz = self._rate / self._size
        places = np.arange(self._powers.shape[1] + 1) - 0.5
        levels = np.empty((len(self._powers), len(_points_hz())))
        for line, powers in zip(levels, self._powers, strict=True):
            sums = np.concatenate([[0.0], np.cumsum(powers)])
            for index, hertz in enumerate(_points_hz()):
                # A third of an octave of bass is narrower than what a window tells apart.
                reach = max(hertz * (edge - 1 / edge) / 2 / bin_hz, 1.0)
                middle = hertz * (edge + 1 / edge) / 2 / bin_hz
                low, high = np.interp([middle - reach, middle + reach], places, sums)
                line[index] = 10 * math.log10(max(float(high - low) / (2 * reach), _NO_POWER))
        return levels

    def _add(self, frames: FloatBlock) -> None:
        spectrum = np.fft.rfft(_middle_and_sides(frames) * self._window).astype(np.complex128)
        self._powers += spectrum.real * spectrum.real + spectrum.imag * spectrum.imag


def _middle_and_sides(frames: FloatBlock) -> npt.NDArray[np.float32]:
    """The sum and the difference of both channels, each at half, or the only one [shape=(channels, frames)]."""
    if frames.shape[1] == 1:
        return np.ascontiguousarray(frames.T)
    left, right = frames[:, 0], frames[:, 1]
    return np.stack([left + right, left - right]) * np.float32(0.5)


@cache
def _hann(size: int) -> Curve:
    return np.array([0.5 - 0.5 * math.cos(2 * math.pi * index / size) for index in range(size)])


def _audible(levels_db: Curve) -> Curve:
    """How much of a boost each point gets: none where there is nothing but noise."""
    thirds_db = levels_db + np.array([10 * math.log10(hertz) for hertz in _points_hz()])
    below_db = thirds_db - thirds_db.max()
    share: Curve = np.clip((below_db - _SILENT_DB) / (_AUDIBLE_DB - _SILENT_DB), 0.0, 1.0)
    return share


def _powers_of(levels_db: Curve) -> Curve:
    return np.array([[math.pow(10, level / 10) for level in line] for line in levels_db])


def _towards_tone(spectra_db: Curve, tone: Tone, sample_rate_hz: int) -> Curve:
    """What a preset changes, in dB at each point, of the middle and of the sides."""
    points = _points_hz()
    whole_db = np.array([10 * math.log10(power) for power in _powers_of(spectra_db).sum(axis=0)])
    audible = _audible(whole_db)
    known = _up_to(_known_hz(sample_rate_hz))
    missing_db = np.array([_level(tone.spectrum, hertz) for hertz in points]) - whole_db
    heard = [index for index in range(known) if 100 <= points[index] <= 8000 and audible[index] == 1.0]
    offset_db = math.fsum(missing_db[heard]) / max(1, len(heard))
    missing_db = np.where(audible > 0, missing_db - offset_db, 0.0)
    # A preset shapes the balance of a song, not its single notes.
    smooth_db = np.array(
        [
            math.fsum(missing_db[max(0, index - _SMOOTHED_POINTS) : index + _SMOOTHED_POINTS + 1])
            / len(missing_db[max(0, index - _SMOOTHED_POINTS) : index + _SMOOTHED_POINTS + 1])
            for index in range(len(points))
        ]
    )
    beyond_db = np.maximum(np.abs(smooth_db) - tone.tolerance_db, 0.0) * np.sign(smooth_db)
    given_db = _held(np.clip(beyond_db, -tone.most_db, tone.most_db), audible, known)
    given_db += np.array([_level(tone.cut, hertz) if tone.cut else 0.0 for hertz in points])
    corrections_db = np.stack([given_db] * len(spectra_db))
    if len(spectra_db) == 2:
        room_db = np.maximum(_WIDEST_DB - (spectra_db[1] - spectra_db[0]), 0.0)
        width_db = np.array([tone.width_db * _level(_WIDENED, hertz) for hertz in points])
        corrections_db[1] += np.minimum(width_db, room_db)
    return corrections_db


def _towards_model(spectra_db: Curve, loudness_lufs: float, model: _Model, sample_rate_hz: int) -> Curve:
    """What brings a song to a reference's spectrum and width, in dB at each point, of the middle and of the sides."""
    known = _up_to(min(model.highest_hz, _known_hz(sample_rate_hz)))
    louder_db = model.target_lufs - loudness_lufs
    middle_db = (model.levels_db[0] - spectra_db[0] - louder_db)[:known][_audible(spectra_db[0])[:known] > 0]
    # Loudness comes later: all may be lifted or lowered, so that less of the middle is beyond the bounds.
    least_db = float(middle_db.max(initial=-MOST_MATCHED_DB)) - MOST_MATCHED_DB
    most_db = float(middle_db.min(initial=MOST_MATCHED_DB)) + MOST_MATCHED_DB
    louder_db += (least_db + most_db) / 2 if least_db > most_db else min(max(0.0, least_db), most_db)
    corrections_db = np.zeros_like(spectra_db)
    for index, line in enumerate(spectra_db):
        # A reference without sides, in mono or as good as that, tells nothing of width.
        wide = index < len(model.levels_db) and float(model.levels_db[index].max()) > _DIGITAL_SILENCE_DB
        if wide:
            missing_db = model.levels_db[index] - line - louder_db
            corrections_db[index] = _held(np.clip(missing_db, -MOST_MATCHED_DB, MOST_MATCHED_DB), _audible(line), known)
        else:
            corrections_db[index] = corrections_db[0]
    return corrections_db


def _up_to(highest_hz: float) -> int:
    """How many points lie below a frequency."""
    return max(1, sum(hertz <= highest_hz for hertz in _points_hz()))


def _held(given_db: Curve, audible: Curve, known: int) -> Curve:
    """No noise is boosted, and what lies beyond the last point that is known goes on as that."""
    held_db = np.where(given_db > 0, given_db * audible, given_db)
    held_db[known:] = held_db[known - 1]
    return held_db


def _louder_db(spectra_db: Curve, corrections_db: Curve) -> float:
    """About how much louder the corrections make a song, by BS.1770's weighting of its spectrum."""
    heard = k_weight(np.array(_points_hz())) * np.array(_points_hz())
    before = float((_powers_of(spectra_db) * heard).sum())
    after = float((_powers_of(spectra_db + corrections_db) * heard).sum())
    return 10 * math.log10(after / before)


class _Filters:
    """One linear-phase filter for the middle and one for the sides, by overlapping transforms on a fixed grid.

    A response that is symmetric about its middle has a real transform, so that a spectrum is multiplied by numbers and
    not by vectors: nothing turns in phase, and no processor has a way of its own to do it.

    Args:
        sample_rate_hz: frames a second.
        corrections_db: gain at each point [shape=(1 or 2, points)].
    """

    def __init__(self, sample_rate_hz: int, corrections_db: Curve) -> None:
        taps = 1 << round(math.log2(_TAPS_S * sample_rate_hz))
        self._reach = taps // 2
        self._size = 4 * taps
        self._step = self._size - taps
        self._gains = np.stack([_response(line, sample_rate_hz, taps, self._size) for line in corrections_db])

    def process(self, blocks: Iterator[FloatBlock]) -> Iterator[FloatBlock]:
        """Filter np.ndarray [shape=(frames, channels), dtype=float32]; as many frames come out."""
        waiting: FloatBlock | None = None
        for block in blocks:
            before = np.zeros((self._reach, block.shape[1]), np.float32) if waiting is None else waiting
            waiting = np.concatenate([before, block])
            while len(waiting) >= self._size:
                yield self._filtered(waiting[: self._size])
                waiting = waiting[self._step :]
        if waiting is not None:
            left = len(waiting) - self._reach
            waiting = np.pad(waiting, ((0, self._size), (0, 0)))
            while left > 0:
                yield self._filtered(waiting[: self._size])[:left]
                waiting, left = waiting[self._step :], left - self._step

    def _filtered(self, window: FloatBlock) -> FloatBlock:
        # float32 in, float32 out, whatever numpy's stubs say.
        spectrum = np.fft.rfft(_middle_and_sides(window)).astype(np.complex64, copy=False)
        spectrum.view(np.float32)[:] *= self._gains
        lines = np.fft.irfft(spectrum, self._size)[:, self._reach : self._reach + self._step]
        lines = lines.astype(np.float32, copy=False)
        if len(lines) == 1:
            return np.ascontiguousarray(lines.T)
        out = np.empty((self._step, 2), np.float32)
        np.add(lines[0], lines[1], out=out[:, 0])
        np.subtract(lines[0], lines[1], out=out[:, 1])
        return out


def _response(correction_db: Curve, sample_rate_hz: int, taps: int, size: int) -> npt.NDArray[np.float32]:
    """The gain of each bin, twice: for its real and its imaginary part [shape=(size + 2,)]."""
    bins_hz = [max(_LOWEST_HZ, index * sample_rate_hz / size) for index in range(size // 2 + 1)]
    places = [_POINTS_PER_OCTAVE * math.log2(hertz / _LOWEST_HZ) for hertz in bins_hz]
    # On a grid so coarse that the last bit of a measurement does not reach the samples.
    curve_db = np.rint(correction_db * _CURVE_STEPS) / _CURVE_STEPS
    levels_db = np.interp(places, np.arange(len(curve_db)), curve_db)
    gains = np.array([math.pow(10, level_db / 20) for level_db in levels_db])
    # As short as the taps: the window fades what a narrow correction would ring before and after.
    impulse = np.fft.irfft(gains)
    window = _hann(taps)
    impulse[: taps // 2] *= window[taps // 2 :]
    impulse[taps // 2 : -taps // 2] = 0.0
    impulse[-taps // 2 :] *= window[: taps // 2]
    return np.repeat(np.fft.rfft(impulse).real.astype(np.float32), 2)
