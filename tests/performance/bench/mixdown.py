"""The mixdown: strokes to a stereo song, in their places, in a small room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.performance.bench.compose import Piece
from tests.performance.bench.instruments import RATE_HZ, note
from tests.performance.bench.styles import STYLES

Stereo = npt.NDArray[np.float32]

# Lengths are rounded to this, so that equal notes are synthesised once.
_HELD_GRID_S = 0.01
_CHUNK = 1 << 19


def render(piece: Piece, *, tempo: float = 1.0, semitones: float = 0.0) -> Stereo:
    """Play a piece, truly faster or higher: attacks and rings stay what they are, all frequencies move.

    Returns:
        np.ndarray [shape=(round(seconds * 44100 / tempo), 2), dtype=float32], within full scale.
    """
    score, style = piece.score, STYLES[piece.score.style]
    frames = round(score.seconds * RATE_HZ / tempo)
    ratio = 2 ** (semitones / 12)
    dry, sent = np.zeros((frames + 4 * RATE_HZ, 2), np.float32), np.zeros((frames + 4 * RATE_HZ, 2), np.float32)
    for stroke in piece.strokes:
        held = max(_HELD_GRID_S, round(stroke.held_s / tempo / _HELD_GRID_S) * _HELD_GRID_S)
        samples = note(stroke.voice, stroke.hz * ratio, round(held, 2), stroke.take)
        start = round(stroke.start_s / tempo * RATE_HZ)
        if start >= frames:
            continue
        end = min(start + len(samples), len(dry))
        angle = (stroke.pan + 1) * np.pi / 4
        placed = samples[: end - start, None] * (stroke.level * np.array([np.cos(angle), np.sin(angle)], np.float32))
        dry[start:end] += placed
        sent[start:end] += stroke.room * placed
    note.cache_clear()
    mixed = dry[:frames] + _room(sent)[:frames]
    # One gain for all renders of a style: a true re-render is as loud as the piece.
    song = np.tanh(mixed * (0.35 * style.drive)) * 0.85
    fade = RATE_HZ // 50
    song[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return song.astype(np.float32)


def _room(sent: Stereo) -> Stereo:
    """The answer of a room of 0.7 s, another one to each ear."""
    random = np.random.default_rng(7)
    time = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
    answers = random.standard_normal((len(time), 2)) * np.exp(-time * 6.9 / 0.7)[:, None]
    answers[: RATE_HZ // 100] = 0
    # The highs are swallowed by the walls, and the deep is left to the instruments.
    size = 1 << int(np.ceil(np.log2(_CHUNK + len(answers))))
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    colour = (hz / (hz + 150)) / np.sqrt(1 + (hz / 5000) ** 2)
    spectrum = np.fft.rfft(answers, size, axis=0) * colour[:, None] * 0.06
    out = np.zeros((len(sent) + size, 2), np.float32)
    for start in range(0, len(sent), _CHUNK):
        part = np.fft.irfft(np.fft.rfft(sent[start : start + _CHUNK], size, axis=0) * spectrum, size, axis=0)
        out[start : start + size] += part.astype(np.float32)
    return out[: len(sent)]
