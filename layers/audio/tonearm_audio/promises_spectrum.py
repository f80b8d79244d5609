"""Promises of the spectrum: the pitch of its tones and the response of its equalizers."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tonearm_audio.long_term_spectrum import STEADY, transposition
from tonearm_audio.operations import (
    Compress,
    Equalize,
    Loudness,
    Master,
    Reverb,
)
from tonearm_audio.plan import CEILING_DBTP
from tonearm_audio.promise import (
    CEILING_PEAK,
    FULL_LEVEL_TOLERANCE_LU,
    LOWEST_LEVEL_HZ,
    Case,
    Promise,
    maker,
    near,
    untold,
)

PITCH_TOLERANCE_CENTS = 3.0
# A line wider than a song's is located less exactly, in proportion to its width.
STEADY_LINE_CENTS = 15.0
WIDEST_PITCH_TOLERANCE_CENTS = 20.0
RESPONSE_TOLERANCE_DB = 1.5
COARSE_RESPONSE_TOLERANCE_DB = 3.0
"""Of Opus, and of codecs below 128 kbit/s, which draw the highest bands by their own measure."""
_TRUE_KBPS, _TRUE_RATE_HZ = 128, 32_000
_SHORTEST_SPECTRUM_S = 1.0
_NOISE_STEADINESS = 0.2
_BANDS_PER_OCTAVE = 3
_LEAST_BAND_SHARE = 1e-4
_ENDS_SHARE_S = 6e-3
"""What the ends of a tone that begins and stops at once make of its power in the bands beside it, for a second."""
_LIMITERS_LEAD_DB = 4.0
"""What a limiter may take beyond the highest peak and the highest gain: the ceiling, and peaks that add up."""


def pitch(case: Case) -> Promise:
    """How far the tones lie from those of the source, against what was asked for."""
    before, after, operation = case.before, case.after, maker("pitch", case)
    expected = 100 * case.plan.change.semitones
    if case.unheard and before.spectrum.power.any():
        return untold(Promise("pitch", operation, "cents", expected, None, PITCH_TOLERANCE_CENTS, kept=True))
    found = transposition(before.spectrum.tones, after.spectrum.tones, expected_cents=expected)
    if found.cents is None:
        # Noise has no pitch to keep. Tones that are steady through the source and gone from the render were lost,
        # unless it was asked to change the spectrum itself.
        coloured = case.plan.has(Equalize, Reverb, Compress, Loudness, Master)
        noise = after.spectrum.steadiness < _NOISE_STEADINESS and not case.plan.has(Equalize)
        lost = before.spectrum.steadiness >= STEADY and (noise or not coloured) and not case.cancels
        note = "the render lacks the source's tones" if lost else "not measurable: the source has no steady tones"
        if coloured and not lost:
            note = "not measurable: the recipe changes the spectrum"
        elif case.cancels:
            note = "not measurable: the source's channels cancel"
        note += f" (likeness {found.likeness:.2f}, steadiness {before.spectrum.steadiness:.2f})"
        return Promise("pitch", operation, "cents", expected, None, PITCH_TOLERANCE_CENTS, not lost, note)
    # Told from the source alone, so that no render can widen what is asked of it.
    width = before.spectrum.line_width_cents
    tolerance = min(PITCH_TOLERANCE_CENTS * max(1.0, width / STEADY_LINE_CENTS), WIDEST_PITCH_TOLERANCE_CENTS)
    if before.spectrum.steadiness < STEADY:
        tolerance = WIDEST_PITCH_TOLERANCE_CENTS
    promise = near("pitch", operation, "cents", expected=expected, measured=found.cents, tolerance=tolerance)
    moving = f"the source's tones move or are short: lines {width:.0f} cents wide"
    return replace(promise, note=moving) if tolerance > PITCH_TOLERANCE_CENTS else promise


def response(case: Case) -> Promise:
    """The power of each third of an octave against what the equalizers make of the source's."""
    before, after, asked = case.before.spectrum, case.after.spectrum, case.equalized_power
    tolerance = RESPONSE_TOLERANCE_DB
    if case.output.lossy and (
        case.output.codec == "opus" or case.output.bitrate_kbps < _TRUE_KBPS or case.sample_rate_hz < _TRUE_RATE_HZ
    ):
        tolerance = COARSE_RESPONSE_TOLERANCE_DB
    if case.frames < _SHORTEST_SPECTRUM_S * case.sample_rate_hz:
        note = "not measurable: too short for a spectrum"
        return Promise("response", "equalize", "dB", 0.0, None, tolerance, kept=True, note=note)
    highest_hz = min(before.highest_hz, after.highest_hz)
    count = int(math.log2(highest_hz / LOWEST_LEVEL_HZ) * _BANDS_PER_OCTAVE)
    edges_hz = LOWEST_LEVEL_HZ * 2.0 ** (np.arange(count + 1) / _BANDS_PER_OCTAVE)
    bounds = np.searchsorted(before.frequencies_hz, edges_hz)
    least_own = max(_LEAST_BAND_SHARE, _ENDS_SHARE_S * case.sample_rate_hz / case.frames)
    off_db = []
    for low, high in pairwise(bounds):
        wanted, found = float(asked[low:high].sum()), float(after.power[low:high].sum())
        own = float(before.power[low:high].sum())
        # What is hardly there is the codec's to leave out; what hardly was there is what ends of the rest look like.
        if wanted > _LEAST_BAND_SHARE * float(asked.sum()) and own > least_own * float(before.power.sum()):
            off_db.append(10 * math.log10(max(found, 1e-30) / wanted))
    if not off_db:
        note = "not measurable: nothing is left to hear"
        return Promise("response", "equalize", "dB", 0.0, None, tolerance, kept=True, note=note)
    worst = max(off_db, key=abs)
    promise = near("response", "equalize", "dB", expected=0.0, measured=worst, tolerance=tolerance)
    if worst < -tolerance and case.after.peak >= CEILING_PEAK:
        note = f"as loud as {CEILING_DBTP:g} dBTP allows"
        # The highest gain lifts the highest peak at most so far.
        highest_db = 20 * math.log10(max(case.before.peak, 1e-9)) + max(0.0, float(case.equalizers_db.max()))
        tolerance = max(FULL_LEVEL_TOLERANCE_LU, highest_db + _LIMITERS_LEAD_DB) + (1.0 if case.output.lossy else 0.0)
        return replace(promise, tolerance=tolerance, kept=-worst <= tolerance, note=note)
    return promise
