"""A voice that speaks: harmonics of a glottal pulse through formants that glide, pauses, and hissed consonants.

The same sentence can be spoken again at another pitch by the same throat: the truth for `formants="keep"`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.performance.bench.instruments import RATE_HZ, VOWELS_HZ

_CONTROL_S = 0.005


def speak(
    seed: int, *, seconds: float = 20.0, pitch_hz: float = 115.0, semitones: float = 0.0
) -> npt.NDArray[np.float32]:
    """Speech-like sound in mono.

    Args:
        seed: chooses what is said.
        seconds: length.
        pitch_hz: of the voice, on average.
        semitones: moves the pitch and leaves the formants and the consonants.

    Returns:
        np.ndarray [shape=(round(seconds * 44100),), dtype=float32], within full scale.
    """
    random = np.random.default_rng(seed)
    steps = round(seconds / _CONTROL_S) + 1
    centres, widths = np.zeros((steps, 4)), np.zeros((steps, 4))
    loud, hiss, tune = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    at, in_phrase = 20, 0
    while at < steps:
        length = int(random.integers(16, 50))
        vowel = np.array(VOWELS_HZ["aeiou"[int(random.integers(5))]])
        part = slice(at, min(at + length, steps))
        size = part.stop - part.start
        centres[part], widths[part] = vowel[:, 0], vowel[:, 1]
        loud[part] = np.sin(np.pi * (np.arange(size) + 0.5) / length) ** 0.5 * random.uniform(0.6, 1.0)
        # A phrase begins high and falls.
        tune[part] = 4.0 - 1.2 * in_phrase + random.normal(0, 0.7) + np.linspace(0.5, -0.7, size)
        at += length
        in_phrase += 1
        if random.random() < 0.5:
            length = int(random.integers(8, 22))
            hiss[at : at + length] = random.uniform(0.3, 1.0)
            at += length
        if in_phrase > random.integers(4, 8):
            at, in_phrase = at + int(random.integers(30, 90)), 0
    spoken = centres[:, 0] > 0
    index = np.arange(steps)
    for formant in range(4):
        for track in (centres[:, formant], widths[:, formant]):
            track[:] = _glide(np.interp(index, index[spoken], track[spoken]))
    tune = _glide(np.interp(index, index[spoken], tune[spoken]))
    return _voiced(
        centres, widths, loud, pitch_hz * 2 ** ((tune + semitones) / 12), hiss, random, round(seconds * RATE_HZ)
    )


def _glide(track: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    window = np.hanning(15)
    return np.convolve(np.pad(track, 7, mode="edge"), window / window.sum(), "valid")


def _voiced(
    centres: npt.NDArray[np.float64],
    widths: npt.NDArray[np.float64],
    loud: npt.NDArray[np.float64],
    pitch_hz: npt.NDArray[np.float64],
    hiss: npt.NDArray[np.float64],
    random: np.random.Generator,
    frames: int,
) -> npt.NDArray[np.float32]:
    at = np.arange(len(loud)) * _CONTROL_S
    time = np.arange(frames) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(np.interp(time, at, pitch_hz)) / RATE_HZ
    out = np.zeros(frames)
    for order in range(1, int(10_000 / pitch_hz.mean()) + 1):
        hz = order * pitch_hz
        gain = 0.002 + sum(0.6**n / np.sqrt(1 + ((hz - centres[:, n]) / (widths[:, n] / 2)) ** 2) for n in range(4))
        # The glottis falls by 12 dB an octave, the lips give 6 of it back.
        amplitude = gain * loud * (100 / hz) * (hz < 11_000)
        out += np.interp(time, at, amplitude) * np.sin(order * phase)
    out /= np.abs(out).max() + 1e-9
    noise = np.diff(random.standard_normal(frames + 1)) * 0.05
    out = 0.7 * out + noise * np.interp(time, at, _glide(hiss))
    return (0.8 * out / max(1.0, float(np.abs(out).max()))).astype(np.float32)
