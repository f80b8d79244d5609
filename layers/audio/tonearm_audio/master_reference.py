"""A master after the model of another song: its spectrum, its width and its loudness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonearm_audio.decode import Source
from tonearm_audio.errors import AudioError
from tonearm_audio.loudness import IntegratedMeter
from tonearm_audio.tone_curves import Curve, Spectra, audible_shares, held, known_hz, points_up_to

MOST_MATCHED_DB = 12.0
"""Of a reference's spectrum, in either direction."""
_DIGITAL_SILENCE_DB = -150.0


@dataclass(frozen=True)
class Model:
    """What a reference is. Its dynamics are not taken on.

    Attributes:
        target_lufs: its integrated loudness.
        levels_db: its spectra, as of `Spectra.levels_db`.
        highest_hz: up to where they are known.
    """

    target_lufs: float
    levels_db: Curve
    highest_hz: float


def model_of(path: Path | None) -> Model:
    """Decode a reference once."""
    if path is None:
        raise ValueError("a master without a preset has a reference")
    with Source(path) as opened:
        meter = IntegratedMeter(opened.sample_rate_hz, opened.channels)
        spectra = Spectra(opened.sample_rate_hz, opened.channels)
        for block in opened.blocks():
            meter.feed(block)
            spectra.feed(block)
        rate = opened.sample_rate_hz
    loudness_lufs = meter.lufs()
    if loudness_lufs is None:
        raise AudioError(
            "recipe.invalid",
            "The reference is silent: it has no spectrum and no loudness to take on.",
            value="below -70 LUFS",
            limit="a reference that can be heard",
            mend="Choose another reference, or a preset.",
        )
    return Model(loudness_lufs, spectra.levels_db(), known_hz(rate))


def towards_model(spectra_db: Curve, loudness_lufs: float, model: Model, sample_rate_hz: int) -> Curve:
    """What brings a song to a reference's spectrum and width, in dB at each point, of the middle and of the sides."""
    known = points_up_to(min(model.highest_hz, known_hz(sample_rate_hz)))
    louder_db = model.target_lufs - loudness_lufs
    middle_db = (model.levels_db[0] - spectra_db[0] - louder_db)[:known][audible_shares(spectra_db[0])[:known] > 0]
    # Loudness comes later: all may be lifted or lowered, so that less of the middle is beyond the bounds.
    least_db = float(middle_db.max(initial=-MOST_MATCHED_DB)) - MOST_MATCHED_DB
    most_db = float(middle_db.min(initial=MOST_MATCHED_DB)) + MOST_MATCHED_DB
    louder_db += (least_db + most_db) / 2 if least_db > most_db else min(max(0.0, least_db), most_db)
    corrections_db = np.zeros_like(spectra_db)
    for index, line in enumerate(spectra_db):
        # A reference without sides, in mono or as good as that, tells nothing of width.
        wide = index < len(model.levels_db) and float(model.levels_db[index].max()) > _DIGITAL_SILENCE_DB
        if wide:
            missing_db = model.levels_db[index] - line - louder_db
            corrections_db[index] = held(
                np.clip(missing_db, -MOST_MATCHED_DB, MOST_MATCHED_DB), audible_shares(line), known
            )
        else:
            corrections_db[index] = corrections_db[0]
    return corrections_db
