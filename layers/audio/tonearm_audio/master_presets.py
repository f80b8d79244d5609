"""What each preset of `master` aims for, and what it changes of a song's spectrum and width.

Presets aim at a documented spectrum, and leave alone what is within a tolerance of it: a song mastered twice is changed
once. The spectrum of music falls by 5 dB an octave from 100 Hz to 4 kHz, and faster above (Pestana, Ma, Reiss, Barbosa
and Black, "Spectral characteristics of popular commercial recordings 1950-2010", AES 135, 2013); that of speech is the
long-term average of Byrne et al. (JASA 96, 1994).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tonearm_audio.operations import Compress, Preset
from tonearm_audio.tone_curves import (
    Curve,
    Knots,
    audible_shares,
    held,
    known_hz,
    level_at,
    points_hz,
    points_up_to,
    powers_of,
)

_SMOOTHED_POINTS = 3
_CROSSOVER_HZ = 150.0
_WIDENED: Knots = ((150, 0.0), (300, 1.0))
_WIDEST_DB = -6.0
"""Sides against the middle: what is as wide is not made wider."""


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
        crossover_hz: below it bass is compressed by itself, so that a kick does not turn a voice down; None for all
            in one, which leaves the balance of bass and the rest alone.
    """

    target_lufs: float
    spectrum: Knots
    tolerance_db: float
    most_db: float
    cut: Knots = ()
    width_db: float = 0.0
    compress: Compress | None = None
    crossover_hz: float | None = None


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


def _tilted(spectrum: Knots, tilt: Knots) -> Knots:
    """Two curves together."""
    return tuple((hertz, level + level_at(tilt, hertz)) for hertz, level in spectrum)


PRESETS: dict[Preset, Tone] = {
    "streaming": Tone(
        -14.0,
        _MUSIC,
        3.0,
        4.0,
        width_db=0.5,
        compress=Compress(-14.0, 1.5, attack_ms=20.0, release_ms=200.0, knee_db=8.0),
        crossover_hz=_CROSSOVER_HZ,
    ),
    "loud": Tone(
        -9.0,
        _MUSIC,
        2.0,
        5.0,
        width_db=1.0,
        compress=Compress(-16.0, 2.5, attack_ms=10.0, release_ms=120.0, knee_db=8.0),
        crossover_hz=_CROSSOVER_HZ,
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
        crossover_hz=_CROSSOVER_HZ,
    ),
    "bright": Tone(
        -14.0,
        _tilted(_MUSIC, ((20, -1.0), (200, -1.0), (1000, 0.0), (4000, 2.0), (10_000, 4.0))),
        1.5,
        4.0,
        width_db=1.0,
        compress=Compress(-14.0, 1.5, attack_ms=20.0, release_ms=150.0, knee_db=8.0),
        crossover_hz=_CROSSOVER_HZ,
    ),
}


def towards_tone(spectra_db: Curve, tone: Tone, sample_rate_hz: int) -> Curve:
    """What a preset changes, in dB at each point, of the middle and of the sides."""
    points = points_hz()
    whole_db = np.array([10 * math.log10(power) for power in powers_of(spectra_db).sum(axis=0)])
    audible = audible_shares(whole_db)
    known = points_up_to(known_hz(sample_rate_hz))
    missing_db = np.array([level_at(tone.spectrum, hertz) for hertz in points]) - whole_db
    heard = [index for index in range(known) if 100 <= points[index] <= 8000 and audible[index] == 1.0]
    offset_db = math.fsum(missing_db[heard]) / max(1, len(heard))
    missing_db = np.where(audible > 0, missing_db - offset_db, 0.0)
    # A preset shapes the balance of a song, not its single notes.
    reach = _SMOOTHED_POINTS
    around = [missing_db[max(0, index - reach) : index + reach + 1] for index in range(len(points))]
    smooth_db = np.array([math.fsum(near) / len(near) for near in around])
    beyond_db = np.maximum(np.abs(smooth_db) - tone.tolerance_db, 0.0) * np.sign(smooth_db)
    given_db = held(np.clip(beyond_db, -tone.most_db, tone.most_db), audible, known)
    given_db += np.array([level_at(tone.cut, hertz) if tone.cut else 0.0 for hertz in points])
    corrections_db = np.stack([given_db] * len(spectra_db))
    if len(spectra_db) == 2:
        room_db = np.maximum(_WIDEST_DB - (spectra_db[1] - spectra_db[0]), 0.0)
        width_db = np.array([tone.width_db * level_at(_WIDENED, hertz) for hertz in points])
        corrections_db[1] += np.minimum(width_db, room_db)
    return corrections_db
