"""Promises of the spectrum: the pitch of its tones and the response of its equalizers."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tonearm_audio.long_term_spectrum import STEADY, transposition
from tonearm_audio.operations import (
    Equalize,
    Master,
    Reverb,
)
from tonearm_audio.plan import CEILING_DBTP
from tonearm_audio.promise import CEILING_PEAK, FULL_LEVEL_TOLERANCE_LU, LOWEST_LEVEL_HZ, Case, Promise, maker, near

PITCH_TOLERANCE_CENTS = 3.0
# A line wider than a song's is located less exactly, in proportion to its width.
STEADY_LINE_CENTS = 15.0
WIDEST_PITCH_TOLERANCE_CENTS = 20.0
RESPONSE_TOLERANCE_DB = 1.5
COARSE_RESPONSE_TOLERANCE_DB = 3.0
"""Of Opus, and of codecs below 128 kbit/s, which draw the highest bands by their own measure."""
_TRUE_KBPS = 128
_SHORTEST_SPECTRUM_S = 1.0
_NOISE_STEADINESS = 0.2
_BANDS_PER_OCTAVE = 3
_LEAST_BAND_SHARE = 1e-4


def pitch(case: Case) -> Promise:
    """How far the tones lie from those of the source, against what was asked for."""
    before, after, operation = case.before, case.after, maker("pitch", case)
    expected = 100 * case.plan.change.semitones
    found = transposition(before.spectrum.tones, after.spectrum.tones, expected_cents=expected)
    if found.cents is None:
        # Noise has no pitch to keep. Tones that are steady through the source and gone from the render were lost,
        # unless it was asked to change the spectrum itself.
        coloured = case.plan.has(Equalize, Reverb, Master)
        noise = after.spectrum.steadiness < _NOISE_STEADINESS and not case.plan.has(Equalize)
        lost = before.spectrum.steadiness >= STEADY and (noise or not coloured)
        note = "the render lacks the source's tones" if lost else "not measurable: the source has no steady tones"
        if coloured and not lost:
            note = "not measurable: the recipe changes the spectrum"
        note += f" (likeness {found.likeness:.2f}, steadiness {before.spectrum.steadiness:.2f})"
        return Promise("pitch", operation, "cents", expected, None, PITCH_TOLERANCE_CENTS, not lost, note)
    # Told from the source alone, so that no render can widen what is asked of it.
    width = before.spectrum.line_width_cents
    tolerance = min(PITCH_TOLERANCE_CENTS * max(1.0, width / STEADY_LINE_CENTS), WIDEST_PITCH_TOLERANCE_CENTS)
    promise = near("pitch", operation, "cents", expected=expected, measured=found.cents, tolerance=tolerance)
    moving = f"the source's tones move or are short: lines {width:.0f} cents wide"
    return replace(promise, note=moving) if tolerance > PITCH_TOLERANCE_CENTS else promise


def response(case: Case) -> Promise:
    """The power of each third of an octave against what the equalizers make of the source's."""
    before, after, asked = case.before.spectrum, case.after.spectrum, case.equalized_power
    tolerance = RESPONSE_TOLERANCE_DB
    if case.output.lossy and (case.output.codec == "opus" or case.output.bitrate_kbps < _TRUE_KBPS):
        tolerance = COARSE_RESPONSE_TOLERANCE_DB
    if case.frames < _SHORTEST_SPECTRUM_S * case.sample_rate_hz:
        note = "not measurable: too short for a spectrum"
        return Promise("response", "equalize", "dB", 0.0, None, tolerance, kept=True, note=note)
    highest_hz = min(before.highest_hz, after.highest_hz)
    count = int(math.log2(highest_hz / LOWEST_LEVEL_HZ) * _BANDS_PER_OCTAVE)
    edges_hz = LOWEST_LEVEL_HZ * 2.0 ** (np.arange(count + 1) / _BANDS_PER_OCTAVE)
    bounds = np.searchsorted(before.frequencies_hz, edges_hz)
    off_db = []
    for low, high in pairwise(bounds):
        wanted, found = float(asked[low:high].sum()), float(after.power[low:high].sum())
        # What is hardly there is the codec's to leave out.
        if wanted > _LEAST_BAND_SHARE * float(asked.sum()) and wanted > 0:
            off_db.append(10 * math.log10(max(found, 1e-30) / wanted))
    if not off_db:
        note = "not measurable: nothing is left to hear"
        return Promise("response", "equalize", "dB", 0.0, None, tolerance, kept=True, note=note)
    worst = max(off_db, key=abs)
    promise = near("response", "equalize", "dB", expected=0.0, measured=worst, tolerance=tolerance)
    if worst < -tolerance and case.after.peak >= CEILING_PEAK:
        note = f"as loud as {CEILING_DBTP:g} dBTP allows"
        return replace(promise, tolerance=FULL_LEVEL_TOLERANCE_LU, kept=-worst <= FULL_LEVEL_TOLERANCE_LU, note=note)
    return promise
