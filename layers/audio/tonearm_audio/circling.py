"""Whether a render's sound goes around the listener's head on its path, and what of it a single loudspeaker keeps.

Left and right are equally loud where a source is in the middle; their difference, in steps of 50 ms, is the picture of
its path. The path is known from the seed, and the source from its file, so that a picture can be drawn of what should
be there. The share of the motion that is really there is found by least squares, beside what a song's own sides do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.loudness import KWeighting
from tonearm_audio.operations import Spatial
from tonearm_audio.paths import path
from tonearm_audio.spatial import place

_STEP_S = 0.05
_FEWEST_STEPS = 20
_FAINTEST_MOTION = 0.1
"""Of the balance between left and right, -1 to 1; less is lost in what else moves there."""
_QUIET = 1e-4

Line = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Image:
    """K-weighted power of a stereo image over time [each shape=(steps,)].

    Attributes:
        middle: of (left + right) / √2; all there is of a mono recording.
        sides: of (left - right) / √2.
        together: mean product of the two; positive where left is louder.
        step_s: length of a step in seconds, 0.05 to within a sample.
    """

    middle: Line
    sides: Line
    together: Line
    step_s: float

    @property
    def fold_db(self) -> float | None:
        """What is left when both channels are summed, in dB of all there is: 0 for mono; None for silence and for a
        recording whose channels cancel."""
        whole, fold = float(self.middle.sum() + self.sides.sum()), float(self.middle.sum())
        return 10 * math.log10(fold / whole) if fold > _QUIET * whole else None


class ImageMeter:
    """Gathers the stereo image of a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._weighting = KWeighting(sample_rate_hz, channels)
        self._step = max(1, round(_STEP_S * sample_rate_hz))
        self._scale = self._step / sample_rate_hz
        self._rest: Line = np.zeros((channels, 0))
        self._powers: list[Line] = []

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._gather(self._weighting.feed(block))

    def result(self) -> Image:
        """What was gathered; the meter can take no more after it."""
        middle, sides, together = np.concatenate(self._powers, axis=1)
        return Image(middle, sides, together, self._scale)

    def _gather(self, weighted: Line) -> None:
        weighted = np.concatenate([self._rest, weighted], axis=1)
        count = weighted.shape[1] // self._step
        steps = weighted[:, : count * self._step].reshape(len(weighted), count, self._step)
        self._rest = weighted[:, count * self._step :].copy()
        if len(steps) == 1:
            powers = [np.einsum("hs,hs->h", steps[0], steps[0]), np.zeros(count), np.zeros(count)]
        else:
            left, right = steps
            both = np.einsum("hs,hs->h", left, right)
            one, other = np.einsum("hs,hs->h", left, left), np.einsum("hs,hs->h", right, right)
            powers = [(one + other) / 2 + both, (one + other) / 2 - both, (one - other) / 2]
        self._powers.append(np.stack(powers) / self._step)


def share_of_motion(source: Image, render: Image, operation: Spatial, *, tempo_factor: float) -> float | None:
    """How much of the asked motion a render shows: 1.0 for all of it, 0.0 for none, below 0 for its mirror image.

    Args:
        source: of the source.
        render: of the render.
        operation: what was asked for.
        tempo_factor: by how much the render is faster.

    Returns:
        None where it cannot be told: a render of less than a second or of a small part of a turn, hardly any depth or
        mix, a source without a middle that could move.
    """
    count = len(render.middle)
    if count < _FEWEST_STEPS:
        return None
    times_s = np.linspace(0.5, count - 0.5, count) * render.step_s
    at = place(operation, path(operation).position(times_s))
    there = times_s * tempo_factor / source.step_s - 0.5
    middle, sides, together = (
        np.interp(there, np.arange(len(line)), line) for line in (source.middle, source.sides, source.together)
    )
    dry = 1.0 - operation.mix
    across = dry + operation.mix * (at.middle + at.high_middle) / 2
    along = operation.mix * (at.sideways + at.high_sideways) / 2
    kept = dry + operation.mix * at.sides
    whole = (across**2 + along**2) * middle + kept**2 * sides + 2 * along * kept * together
    rendered = render.middle + render.sides
    weight = np.sqrt(rendered)
    sounding = (rendered > _QUIET * rendered.mean()) & (whole > _QUIET * whole.mean())
    if not sounding.any():
        return None
    # The balance of left and right: what moves, and what the song's own sides add to it, turned and as they are.
    moving = 2 * across * along * middle / np.where(sounding, whole, 1.0)
    turned = 2 * across * kept * together / np.where(sounding, whole, 1.0)
    own = 2 * together / np.maximum(middle + sides, 1e-30)
    found = 2 * render.together / np.where(sounding, rendered, 1.0)
    moving, turned, own, found = (np.where(sounding, line * weight, 0.0) for line in (moving, turned, own, found))
    # A room can push a steady tone to one side for good: what stands still is no motion.
    others = np.stack([turned, own, np.where(sounding, weight, 0.0)], axis=1)
    apart = moving - others @ np.linalg.lstsq(others, moving, rcond=1e-9)[0]
    if float(np.sqrt(apart @ apart)) < _FAINTEST_MOTION * float(np.sqrt(weight @ weight)):
        return None
    return float(found @ apart) / float(apart @ apart)
