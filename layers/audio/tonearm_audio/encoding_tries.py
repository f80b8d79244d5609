"""How often, and how, a song is encoded until the decoded file keeps its ceiling and its loudness.

How far a codec overshoots is chance: half a decibel more gain, or a limiter that begins a little lower, moves its
peaks by some decibels either way. So no single try is believed: the best is kept, and the next lies near it, between
what was below the ceiling and what was not.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_TRIES = 4
_MOST_UNTIL_GOOD = 7
"""As long as there is no try that is below the ceiling and near the loudness."""
_SLACK_LU = 0.05
_GOOD_LU = 0.4
_MOST_CORRECTED_DB = 1.5
"""What an encoder that leaves out the highest frequencies takes of noise, and more."""
_LEAST_LIFTED_DB = 0.1
"""Ceilings that are nearer to each other are one."""


@dataclass(frozen=True)
class _Try:
    headroom_db: float
    gain_db: float
    over_db: float
    softer_lu: float

    @property
    def badness(self) -> tuple[float, float]:
        """First what is beyond the ceiling, then what is off the loudness."""
        return max(0.0, self.over_db), abs(self.softer_lu)

    @property
    def good(self) -> bool:
        """Whether it will do, if nothing better comes."""
        return self.over_db <= 0 and abs(self.softer_lu) <= _GOOD_LU

    @property
    def corrected_db(self) -> float:
        """The gain that would have given its loudness."""
        return min(max(self.gain_db + self.softer_lu, -_MOST_CORRECTED_DB), _MOST_CORRECTED_DB)


class Tries:
    """What to encode next, by what came of the tries before.

    Args:
        headroom_db: by how much the first try stays below the ceiling.

    Attributes:
        headroom_db: by how much the next one does.
        gain_db: by how much more than the target it is.

    Example:
        >>> tries = Tries(1.0)
        >>> while not tries.done:
        ...     over_db, softer_lu = encoded(tries.headroom_db, tries.gain_db)
        ...     if tries.heard(over_db, softer_lu):
        ...         keep_it()
    """

    def __init__(self, headroom_db: float) -> None:
        self.headroom_db, self.gain_db = headroom_db, 0.0
        self.done = False
        self._tried = 0
        self._best: _Try | None = None
        self._over: _Try | None = None

    def heard(self, over_db: float, softer_lu: float) -> bool:
        """Take what came of the try: decibels above the ceiling, LU below the loudness. Whether it is the best."""
        this = _Try(self.headroom_db, self.gain_db, over_db, softer_lu)
        better = self._best is None or this.badness < self._best.badness
        best = this if self._best is None or better else self._best
        if over_db > 0 and (self._over is None or this.headroom_db >= self._over.headroom_db):
            self._over = this
        self._best, self._tried = best, self._tried + 1
        most = _MOST_TRIES if best.good else _MOST_UNTIL_GOOD
        self.done = self._tried >= most or (best.over_db <= 0 and abs(best.softer_lu) <= _SLACK_LU)
        self._aim(this, best)
        return better

    def _aim(self, this: _Try, best: _Try) -> None:
        if best.over_db > 0:
            # Farther each time: what is turned down overshoots elsewhere.
            self.headroom_db += this.over_db + 0.1 * 3 ** min(self._tried - 1, 2)
            self.gain_db = this.corrected_db
            return
        if this.over_db > 0:
            # One bad try beside a good one: towards that.
            self.headroom_db = min((this.headroom_db + best.headroom_db) / 2, this.headroom_db + this.over_db + 0.1)
            self.gain_db = best.corrected_db
            return
        self.headroom_db, self.gain_db = best.headroom_db, best.corrected_db
        over = self._over
        if over is None or best.softer_lu <= _SLACK_LU:
            return
        lifted_db = (best.headroom_db - over.headroom_db) / 2
        if lifted_db >= _LEAST_LIFTED_DB:
            # What room below the ceiling costs, no gain gives back.
            self.headroom_db, self.gain_db = best.headroom_db - lifted_db, over.corrected_db
