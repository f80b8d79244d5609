"""Clipping: where a signal was cut off, as runs of consecutive samples at full scale.

A run is three or more samples of one channel, one after another, that all lie at or beyond positive full scale, or all
at or beyond negative. Full scale is the most that 16 bits can hold, 32767/32768, so that it is found in files of any
depth. A single sample there is a peak that just fits, and two may be; three of music are a flat top. What was clipped
before a lossy encoder lies around full scale and no longer at it, so that fewer runs are found in MP3 and its like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tonearm_audio.decode import FloatBlock
from tonearm_audio.runs import RunList, Runs

FULL_SCALE = 32767 / 32768
LEAST_SAMPLES = 3
MOST_PLACES = 100


@dataclass(frozen=True)
class ClippedRun:
    """A run of samples at full scale.

    Attributes:
        at_s: time of its first sample in seconds.
        channel: its channel, 0 or 1.
        samples: how many samples it has.
    """

    at_s: float
    channel: int
    samples: int


@dataclass(frozen=True)
class Clipping:
    """How much of a track was cut off at full scale.

    Attributes:
        runs: how many runs there are, in all channels.
        samples: how many samples they have together.
        longest: samples of the longest run.
        places: the first hundred runs, by their time.
    """

    runs: int
    samples: int
    longest: int
    places: tuple[ClippedRun, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values, times to a millisecond."""
        return {
            "runs": self.runs,
            "samples": self.samples,
            "longest": self.longest,
            "places": [
                {"at_s": round(run.at_s, 3), "channel": run.channel, "samples": run.samples} for run in self.places
            ],
        }


class ClippingMeter:
    """Finds the clipping of a stream in memory that does not depend on its length.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._meters = [
            (channel, Runs(low, high, least_frames=LEAST_SAMPLES, channel=channel))
            for channel in range(channels)
            for low, high in ((FULL_SCALE, math.inf), (-math.inf, -FULL_SCALE))
        ]
        self._runs = self._samples = self._longest = 0
        self._places: list[tuple[int, int, int]] = []

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        if not len(block):
            return
        # Most blocks reach full scale nowhere.
        reaches = float(block.max()) >= FULL_SCALE or float(block.min()) <= -FULL_SCALE
        for channel, meter in self._meters:
            if reaches or meter.begin < meter.frames:
                self._take(channel, meter.feed(block))
            else:
                meter.skip(len(block))
        self._places = sorted(self._places)[:MOST_PLACES]

    def result(self) -> Clipping:
        """What was found; the meter can take no more after it."""
        for channel, meter in self._meters:
            self._take(channel, meter.finish())
        places = tuple(
            ClippedRun(begin / self._sample_rate_hz, channel, end - begin)
            for begin, channel, end in sorted(self._places)[:MOST_PLACES]
        )
        return Clipping(self._runs, self._samples, self._longest, places)

    def _take(self, channel: int, runs: RunList) -> None:
        if not len(runs):
            return
        lengths = runs[:, 1] - runs[:, 0]
        self._runs += len(runs)
        self._samples += int(lengths.sum())
        self._longest = max(self._longest, int(lengths.max()))
        self._places += [(int(begin), channel, int(end)) for begin, end in runs[:MOST_PLACES]]
