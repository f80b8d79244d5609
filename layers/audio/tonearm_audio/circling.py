"""Whether a render's sound goes around the listener's head on its path, and what of it a single loudspeaker keeps.

Left and right are equally loud where a source is in the middle; their difference, in steps of 50 ms, is the picture of
its path. The path is known from the seed, and the source from its file, so that a picture can be drawn of what should
be there. The share of the motion that is really there is found by least squares, beside what a song's own sides do.
For headphones the highs alone are the picture: lows go around a head, and are as loud at both ears.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.equalize import sections_of
from tonearm_audio.headphones import ears
from tonearm_audio.kernels import Biquads
from tonearm_audio.loudness import KWeighting
from tonearm_audio.operations import Band, Equalize, Spatial
from tonearm_audio.paths import Position, path
from tonearm_audio.spatial import place

_STEP_S = 0.05
_FEWEST_STEPS = 20
_FAINTEST_MOTION = 0.1
"""Of the balance between left and right, -1 to 1; less is lost in what else moves there."""
_QUIET = 1e-4
_HIGHS_HZ = 3000.0
_FEWEST_HIGHS = 1e-3
"""Of a song's power; less is lost in what an encoder leaves there."""

Line = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Image:
    """K-weighted power of a stereo image over time [each shape=(steps,)].

    Attributes:
        middle: of (left + right) / √2; all there is of a mono recording.
        sides: of (left - right) / √2.
        together: mean product of the two; positive where left is louder.
        step_s: length of a step in seconds, 0.05 to within a sample.
        highs: the same of what lies above 3 kHz, not weighted; the head has a shadow there.
    """

    middle: Line
    sides: Line
    together: Line
    step_s: float
    highs: Image | None = None

    @property
    def power(self) -> float:
        """Of all of it together."""
        return float(self.middle.sum() + self.sides.sum())

    @property
    def fold_db(self) -> float | None:
        """What is left when both channels are summed, in dB of all there is: 0 for mono; None for silence and for a
        recording whose channels cancel."""
        fold = float(self.middle.sum())
        return 10 * math.log10(fold / self.power) if fold > _QUIET * self.power else None


class ImageMeter:
    """Gathers the stereo image of a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._weighting = KWeighting(sample_rate_hz, channels)
        highs = Equalize((Band("high_pass", _HIGHS_HZ),))
        self._high_pass = Biquads(np.array(sections_of(highs, sample_rate_hz)), channels)
        step = max(1, round(_STEP_S * sample_rate_hz))
        self._scale = step / sample_rate_hz
        self._whole, self._highs = _Powers(step, channels), _Powers(step, channels)

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._whole.feed(self._weighting.feed(block))
        self._highs.feed(self._high_pass.feed(block).T)

    def result(self) -> Image:
        """What was gathered; the meter can take no more after it."""
        highs = Image(*self._highs.result(), self._scale)
        return Image(*self._whole.result(), self._scale, highs)


class _Powers:
    """Powers of middle and sides and what they have in common, step by step."""

    def __init__(self, step: int, channels: int) -> None:
        self._step = step
        self._rest: Line = np.zeros((channels, 0))
        self._powers: list[Line] = [np.zeros((3, 0))]

    def feed(self, signals: npt.NDArray[np.float32] | Line) -> None:
        """Take np.ndarray [shape=(channels, frames)]."""
        waiting: Line = np.concatenate([self._rest, signals], axis=1)
        count = waiting.shape[1] // self._step
        steps = waiting[:, : count * self._step].reshape(len(waiting), count, self._step)
        self._rest = waiting[:, count * self._step :].copy()
        if len(steps) == 1:
            powers = [np.einsum("hs,hs->h", steps[0], steps[0]), np.zeros(count), np.zeros(count)]
        else:
            left, right = steps
            both = np.einsum("hs,hs->h", left, right)
            one, other = np.einsum("hs,hs->h", left, left), np.einsum("hs,hs->h", right, right)
            powers = [(one + other) / 2 + both, (one + other) / 2 - both, (one - other) / 2]
        self._powers.append(np.stack(powers) / self._step)

    def result(self) -> tuple[Line, Line, Line]:
        """Middle, sides, together [each shape=(steps,)]."""
        middle, sides, together = np.concatenate(self._powers, axis=1)
        return middle, sides, together


def _turn(operation: Spatial, position: Position) -> tuple[Line, Line, Line, Line]:
    """What of a song's middle goes to the render's middle and sides, and what of its sides to the middle and sides."""
    mix, dry = operation.mix, 1.0 - operation.mix
    if operation.listening == "headphones":
        heard = ears(operation, position, channels=2)
        (left, right), (other_left, other_right) = (tuple(ear.highs for ear in both) for both in heard)
        return (
            dry + mix * (left + other_left + right + other_right) / 4,
            mix * (left + other_left - right - other_right) / 4,
            mix * (left - other_left + right - other_right) / 4,
            dry + mix * (left - other_left - right + other_right) / 4,
        )
    at = place(operation, position)
    return (
        dry + mix * (at.middle + at.high_middle) / 2,
        mix * (at.sideways + at.high_sideways) / 2,
        np.zeros_like(at.sides),
        dry + mix * at.sides,
    )


def share_of_motion(source: Image, render: Image, operation: Spatial, *, tempo_factor: float) -> float | None:
    """How much of the asked motion a render shows: 1.0 for all of it, 0.0 for none, below 0 for its mirror image.

    Args:
        source: of the source.
        render: of the render.
        operation: what was asked for.
        tempo_factor: by how much the render is faster.

    Returns:
        None where it cannot be told: a render of less than a second or of a small part of a turn, hardly any depth or
        mix, a source without a middle that could move, for headphones one without highs.
    """
    if operation.listening == "headphones" and source.highs is not None and render.highs is not None:
        if source.highs.power < _FEWEST_HIGHS * source.power:
            return None
        source, render = source.highs, render.highs
    count = len(render.middle)
    if count < _FEWEST_STEPS:
        return None
    times_s = np.linspace(0.5, count - 0.5, count) * render.step_s
    across, along, stray, kept = _turn(operation, path(operation).position(times_s))
    there = times_s * tempo_factor / source.step_s - 0.5
    middle, sides, together = (
        np.interp(there, np.arange(len(line)), line) for line in (source.middle, source.sides, source.together)
    )
    whole = (across**2 + along**2) * middle + (kept**2 + stray**2) * sides
    whole += 2 * (along * kept + across * stray) * together
    rendered = render.middle + render.sides
    weight = np.sqrt(rendered)
    sounding = (rendered > _QUIET * rendered.mean()) & (whole > _QUIET * whole.mean())
    if not sounding.any():
        return None
    # The balance of left and right: what moves, and what the song's own sides add to it, turned and as they are.
    moving = 2 * across * along * middle / np.where(sounding, whole, 1.0)
    turned = 2 * ((across * kept + along * stray) * together + kept * stray * sides) / np.where(sounding, whole, 1.0)
    own = 2 * together / np.maximum(middle + sides, 1e-30)
    found = 2 * render.together / np.where(sounding, rendered, 1.0)
    moving, turned, own, found = (np.where(sounding, line * weight, 0.0) for line in (moving, turned, own, found))
    # A room can push a steady tone to one side for good: what stands still is no motion.
    others = np.stack([turned, own, np.where(sounding, weight, 0.0)], axis=1)
    apart = moving - others @ np.linalg.lstsq(others, moving, rcond=1e-9)[0]
    if float(np.sqrt(apart @ apart)) < _FAINTEST_MOTION * float(np.sqrt(weight @ weight)):
        return None
    return float(found @ apart) / float(apart @ apart)
