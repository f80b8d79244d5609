"""Loudness: one gain for the whole song, and a true-peak limiter for the few peaks that it lifts beyond the ceiling.

Loudness is that of ITU-R BS.1770-4, gated. A song without peaks in the way needs nothing but the difference. Where the
limiter works it takes some of the loudness away again, by an amount that only limiting can tell; so the song is limited
from its spool, measured and thrown away, until the gain is known by which it comes out right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tonearm_audio.decode import FloatBlock
from tonearm_audio.limiter import TruePeakLimiter
from tonearm_audio.loudness import IntegratedMeter, PeakMeter
from tonearm_audio.operations import Loudness

MOST_LIMITED_LU = 6.0
"""The most that the limiter may take of a song's loudness. Beyond it hardly gets louder, only flatter."""

_MOST_TRIALS = 3
_CLOSE_LU = 0.02
_NEAR_LU = 0.25
"""From here the next guess is right, and the nearer the flatter: it errs by a fraction of the way."""
_LEAST_SLOPE = 0.2
_FIRST_BEND = 0.02
"""Loudness that a limiter costs, in LU for each dB² that peaks are driven into it: songs lie between 0.01 and 0.03."""
_BEND_RANGE = (1e-4, 0.2)
_HEADROOM_DB = 0.1
"""Below the ceiling: where the limiter begins."""
_SILENCE = 1e-9
_GAIN_STEPS = 256
"""A decibel. So coarse that the last bit of a measurement does not reach the samples."""

Chain = Callable[[], Iterator[FloatBlock]]


@dataclass(frozen=True)
class Heard:
    """How loud a stream was.

    Attributes:
        integrated_lufs: gated loudness; None where it is silent, or was not asked for.
        true_peak_dbtp: highest peak.
    """

    integrated_lufs: float | None
    true_peak_dbtp: float


class Listener:
    """Measures peak and loudness of a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        peak_only: leave out the loudness, which takes most of the time.
        enough_dbtp: a true peak beyond which no higher one is looked for.
    """

    def __init__(
        self, sample_rate_hz: int, channels: int, *, peak_only: bool = False, enough_dbtp: float = math.inf
    ) -> None:
        self._loudness = None if peak_only else IntegratedMeter(sample_rate_hz, channels)
        self._peaks = PeakMeter(channels)
        self._enough_dbtp = enough_dbtp

    def feed(self, block: FloatBlock) -> None:
        """Take the next np.ndarray [shape=(frames, channels), dtype=float32]."""
        if self._loudness is not None:
            self._loudness.feed(block)
        if self._true_peak_dbtp <= self._enough_dbtp:
            self._peaks.feed(block)

    def heard(self) -> Heard:
        """What the stream was, when all of it has been fed."""
        self._peaks.finish()
        lufs = None if self._loudness is None else self._loudness.lufs()
        return Heard(lufs, self._true_peak_dbtp)

    @property
    def _true_peak_dbtp(self) -> float:
        return 20 * math.log10(max(self._peaks.true_peak, _SILENCE))


class Finisher:
    """The `loudness` operation: measures a song while it is fed, then plays it at its target.

    Args:
        operation: target and ceiling.
        sample_rate_hz: frames a second.
        channels: 1 or 2.

    Attributes:
        target_lufs: what it aims for.

    Example:
        >>> finisher = Finisher(Loudness(-14.0), sample_rate_hz=44100, channels=2)
        >>> for block in song():
        ...     finisher.feed(block)
        >>> for block in finisher.blocks(song, ceiling_dbtp=-1.0, gain_db=0.0):
        ...     sink.write(block)
    """

    def __init__(self, operation: Loudness, *, sample_rate_hz: int, channels: int) -> None:
        self.target_lufs = operation.target_lufs
        self._listener = Listener(sample_rate_hz, channels)
        self._format = {"sample_rate_hz": sample_rate_hz, "channels": channels}
        self._leveller: Leveller | None = None

    def feed(self, block: FloatBlock) -> None:
        """Take the next np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._listener.feed(block)

    def blocks(self, replay: Chain, *, ceiling_dbtp: float, gain_db: float) -> Iterator[FloatBlock]:
        """Yield the song at its target.

        Args:
            replay: gives all that was fed, from the start; called up to 4 times.
            ceiling_dbtp: highest true peak that may leave.
            gain_db: what the encoder is known to take away, which is added.

        Yields:
            np.ndarray [shape=(frames, channels), dtype=float32], as many frames as were fed.
        """
        if self._leveller is None:
            self._leveller = Leveller(self.target_lufs, self._listener.heard(), **self._format)
        return self._leveller.blocks(replay, ceiling_dbtp=ceiling_dbtp, gain_db=gain_db)


class Leveller:
    """Finds the gain at which a song, with a limiter after it, comes out at a loudness.

    What limiting costs is taken to grow with the square of the decibels by which peaks are driven beyond the ceiling;
    each trial tells the factor for the song at hand, so that most songs need one or two.

    Args:
        target_lufs: integrated loudness to aim for.
        heard: what the song is without any limiting; a silent one stays as it is.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, target_lufs: float, heard: Heard, *, sample_rate_hz: int, channels: int) -> None:
        self._target_lufs, self._heard = target_lufs, heard
        self._rate, self._channels = sample_rate_hz, channels
        self._bend = _FIRST_BEND

    def blocks(self, song: Chain, *, ceiling_dbtp: float, gain_db: float) -> Iterator[FloatBlock]:
        """Yield the song at the target and below the ceiling; softer where more would cost over `MOST_LIMITED_LU`.

        Args:
            song: np.ndarray [shape=(frames, channels), dtype=float32], the same on every call.
            ceiling_dbtp: highest true peak that may leave.
            gain_db: by how much more than the target.
        """
        target_lufs = self._target_lufs + gain_db
        yield from self._limited(song(), self._solved(song, target_lufs, ceiling_dbtp), ceiling_dbtp)

    def _solved(self, song: Chain, target_lufs: float, ceiling_dbtp: float) -> float:
        """The gain in decibels."""
        source_lufs = self._heard.integrated_lufs
        if source_lufs is None:
            return 0.0
        wanted_db = target_lufs - source_lufs
        free_db = ceiling_dbtp - _HEADROOM_DB - self._heard.true_peak_dbtp
        if wanted_db <= free_db:
            return _stepped(wanted_db)
        # A gain that gives the target costs no more than what it is beyond the difference.
        most_db = _stepped(wanted_db + MOST_LIMITED_LU)
        # driven - bend * driven² = wanted - free; where more would only cost, the peak of that.
        left = max(0.0, 1 - 4 * self._bend * (wanted_db - free_db))
        gain_db = min(_stepped(free_db + (1 - math.sqrt(left)) / (2 * self._bend)), most_db)
        before: tuple[float, float] | None = None
        for _ in range(_MOST_TRIALS):
            reached_lufs = self._tried(song, gain_db, ceiling_dbtp)
            if reached_lufs is None:
                break
            driven_db = gain_db - free_db
            cost_lu = source_lufs + gain_db - reached_lufs
            self._bend = min(max(cost_lu / driven_db**2, _BEND_RANGE[0]), _BEND_RANGE[1])
            # How much louder a further decibel makes the song: by the trial before, or else by the model.
            slope = 1 - 2 * self._bend * driven_db
            if before is not None and before[0] != gain_db:
                slope = (reached_lufs - before[1]) / (gain_db - before[0])
            slope = min(max(slope, _LEAST_SLOPE), 1.0)
            before = gain_db, reached_lufs
            missing_lu = target_lufs - reached_lufs
            if abs(missing_lu) < _CLOSE_LU or (missing_lu > 0 and gain_db >= most_db):
                break
            gain_db = max(free_db + _HEADROOM_DB, min(_stepped(gain_db + missing_lu / slope), most_db))
            if abs(missing_lu) < _NEAR_LU * slope:
                break
        return gain_db

    def _tried(self, song: Chain, gain_db: float, ceiling_dbtp: float) -> float | None:
        """How loud the song comes out."""
        meter = IntegratedMeter(self._rate, self._channels)
        for block in self._limited(song(), gain_db, ceiling_dbtp):
            meter.feed(block)
        return meter.lufs()

    def _limited(self, blocks: Iterator[FloatBlock], gain_db: float, ceiling_dbtp: float) -> Iterator[FloatBlock]:
        limiter = TruePeakLimiter(self._rate, ceiling_dbtp=ceiling_dbtp, smooth=True)
        gain = np.float32(10 ** (gain_db / 20))
        for block in blocks:
            yield from limiter.feed(block * gain)
        yield from limiter.finish()


def _stepped(gain_db: float) -> float:
    return round(gain_db * _GAIN_STEPS) / _GAIN_STEPS
