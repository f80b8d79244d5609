"""What each ear hears of a source: the structural model of Brown and Duda, "A Structural Model for Binaural Sound
Synthesis" (IEEE Transactions on Speech and Audio Processing, 1998), of a sphere of 8.75 cm.

- The ear at the far side hears later, by Woodworth's formula (1938): up to 0.66 ms between the ears.
- The head's shadow: below 1.2 kHz both ears hear alike; above, the near ear hears up to 8 dB more than of a sound from
  before, and the far ear down to 17 dB less.
- Behind the listener the highs are softer at both ears, as the outer ears make them.

The two channels of a song are two sources, 30° to both sides of its middle, that go around together. A sound from
straight before is as it was: headphones are made to sound so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.operations import Spatial
from tonearm_audio.paths import Line, Position

_RADIUS_S = 0.0875 / 343.0
"""Of the head, in seconds that sound takes."""
SHADOW_HZ = 1.0 / (math.pi * _RADIUS_S)
"""From here on the head has a shadow; below, sound goes around it."""
_LEAST, _DEEPEST = 0.1, math.radians(150.0)
"""Of the shadow: what is left of the highs, and the angle from the ear where it is deepest."""
_BASE = math.radians(30.0)
_REAR_SHADOW = 0.4
TAPS, PHASES = 16, 64
"""Of the interpolator between two samples."""


@dataclass(frozen=True)
class Ear:
    """What becomes of one source at one ear [each shape=(n,)].

    Attributes:
        delay_s: against a sound from before; negative where it comes sooner.
        lows: gain below the shadow's corner.
        highs: gain above it.
    """

    delay_s: Line
    lows: Line
    highs: Line


def ears(operation: Spatial, at: Position, *, channels: int) -> list[tuple[Ear, Ear]]:
    """What the left and the right ear hear of each channel of a song.

    Args:
        operation: its depth is how far to the sides and behind.
        at: where the middle of the song is.
        channels: 1 or 2.
    """
    left, before = operation.depth * at.left, 1.0 - operation.depth * (1.0 - at.before)
    heard = []
    for turn in (0.0,) if channels == 1 else (_BASE, -_BASE):
        aside = left * math.cos(turn) + before * math.sin(turn)
        ahead = before * math.cos(turn) - left * math.sin(turn)
        rear = 1.0 - _REAR_SHADOW * operation.depth * (1.0 - ahead) / 2
        near, far = (rear * _highs(towards) for towards in (aside, -aside))
        # A song of equal power above and below the corner is as loud wherever it is.
        gain = 1 / np.sqrt((1 + (near**2 + far**2) / 2) / 2)
        heard.append((Ear(_delay_s(aside), gain, gain * near), Ear(_delay_s(-aside), gain, gain * far)))
    return heard


def _delay_s(towards: Line) -> Line:
    """At an ear that a source lies towards (1.0) or away from (-1.0)."""
    towards = np.clip(towards, -1.0, 1.0)
    delay_s: Line = np.where(towards > 0, -towards, -np.arcsin(towards)) * _RADIUS_S
    return delay_s


def _highs(towards: Line) -> Line:
    """At the same ear, against a sound from before."""
    gain: Line = _shadow(np.arccos(np.clip(towards, -1.0, 1.0))) / _shadow(np.array([math.pi / 2]))
    return gain


def _shadow(angle: Line) -> Line:
    """Gain of the highs at an angle from the ear (eq. 5 of Brown and Duda)."""
    gain: Line = (1 + _LEAST / 2) + (1 - _LEAST / 2) * np.cos(angle * (math.pi / _DEEPEST))
    return gain


def earliest_frames(sample_rate_hz: int) -> int:
    """By how many frames an ear may hear a source sooner than from before, with what the interpolator reads."""
    return math.ceil(_RADIUS_S * sample_rate_hz) + TAPS // 2


def latest_frames(sample_rate_hz: int) -> int:
    """By how many frames later."""
    return math.ceil(math.pi / 2 * _RADIUS_S * sample_rate_hz) + TAPS // 2


def interpolator() -> npt.NDArray[np.float32]:
    """Taps of delays of 0 to 1 frame, in 64 steps: sinc functions under a Hann window [shape=(65, 16)].

    Tap k of a row weighs the frame TAPS / 2 - k before. Made of scalars, so that no processor's last bit is in it.
    """
    half = TAPS // 2
    rows = []
    for phase in range(PHASES + 1):
        row = []
        for tap in range(TAPS):
            away = half - tap - phase / PHASES
            sinc = 1.0 if abs(away) < 1e-12 else math.sin(math.pi * away) / (math.pi * away)
            row.append(sinc * max(0.0, math.cos(math.pi * away / (TAPS + 1))) ** 2)
        rows.append([round(value / math.fsum(row) * 2**24) / 2**24 for value in row])
    return np.array(rows, np.float32)
