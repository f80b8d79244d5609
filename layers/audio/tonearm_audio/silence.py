"""Silence: what a track has of it before, after and within the music.

A frame is silent when no channel of it exceeds -60 dBFS: below the noise of a tape or a quiet room as they are usually
mastered, above the dither and the residue of lossy codecs. A gap is a second or more of it within the music.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonearm_audio.decode import FloatBlock
from tonearm_audio.runs import Runs

SILENCE_DBFS = -60.0
GAP_S = 1.0


@dataclass(frozen=True)
class Silence:
    """Where a track is silent.

    Attributes:
        leading_s: seconds before the first frame that is not silent; the whole length when there is none.
        trailing_s: seconds after the last frame that is not silent; 0.0 when there is none.
        gaps_s: begin and end of every silence of a second or more between those, in seconds.
    """

    leading_s: float
    trailing_s: float
    gaps_s: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values, times to a millisecond."""
        return {
            "threshold_dbfs": SILENCE_DBFS,
            "leading_s": round(self.leading_s, 3),
            "trailing_s": round(self.trailing_s, 3),
            "least_gap_s": GAP_S,
            "gaps": [{"start_s": round(start, 3), "end_s": round(end, 3)} for start, end in self.gaps_s],
        }


class SilenceMeter:
    """Finds the silence of a stream.

    Args:
        sample_rate_hz: frames a second.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._level = 10 ** (SILENCE_DBFS / 20)
        self._sample_rate_hz = sample_rate_hz
        self._runs = Runs(-self._level, self._level, least_frames=round(GAP_S * sample_rate_hz))
        self._leading: int | None = None
        self._found: list[tuple[int, int]] = []

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        if self._leading is None:
            heard = np.flatnonzero((np.abs(block) > self._level).any(axis=1))
            if len(heard):
                self._leading = self._runs.frames + int(heard[0])
        self._found += [(int(begin), int(end)) for begin, end in self._runs.feed(block)]

    def result(self) -> Silence:
        """What was found so far."""
        frames, rate = self._runs.frames, self._sample_rate_hz
        if self._leading is None:
            return Silence(frames / rate, 0.0, ())
        gaps = tuple((begin / rate, end / rate) for begin, end in self._found if begin)
        return Silence(self._leading / rate, (frames - self._runs.begin) / rate, gaps)
