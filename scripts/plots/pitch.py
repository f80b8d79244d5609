"""Draw docs/operations/pitch.svg: a vowel, and the same five semitones higher with its formants moved and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.change import process_change
from tonearm_audio.decode import FloatBlock
from tonearm_audio.plan import Change

_RATE_HZ = 44_100
_PITCH_HZ = 110.0
_SEMITONES = 5.0
_FORMANTS = ((730.0, 80.0), (1090.0, 90.0), (2440.0, 120.0), (3500.0, 150.0), (4500.0, 200.0))


def main() -> None:
    """Write the picture."""
    vowel = _vowel()
    panels = []
    for title, colour, sound, pitch in (
        ("a sung A at 110 Hz; its resonances at 730, 1090 and 2440 Hz", "#9ca3af", vowel, _PITCH_HZ),
        ('pitch=5, formants "move": all moves by a fourth', "#d97706", _sung(vowel, keep=False), _raised()),
        ('pitch=5, formants "keep": partials move, resonances stay', "#2563eb", _sung(vowel, keep=True), _raised()),
    ):
        line = Line("", colour, _partials(sound, pitch))
        panels.append(Panel(title, ("kHz", [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]), ("dB", range(-60, 1, 20)), [line]))
    write(Path("docs/operations/pitch.svg"), "Partials of a vowel before and after a change of pitch", panels)


def _raised() -> float:
    return _PITCH_HZ * 2 ** (_SEMITONES / 12)


def _vowel() -> FloatBlock:
    time = np.arange(3 * _RATE_HZ) / _RATE_HZ
    out = np.zeros(len(time))
    for partial in range(1, 70):
        frequency = 1j * _PITCH_HZ * partial
        gain = np.prod(
            [(pole**2 + width**2 / 4) / ((frequency + width / 2) ** 2 + pole**2) for pole, width in _FORMANTS]
        )
        out += np.abs(gain) / partial * np.cos(2 * np.pi * _PITCH_HZ * partial * time + np.angle(gain))
    scaled: FloatBlock = (0.1 * out / out.std())[:, np.newaxis].astype(np.float32)
    return scaled


def _sung(samples: FloatBlock, *, keep: bool) -> FloatBlock:
    change = Change(semitones=_SEMITONES, keep_formants=keep)
    made = process_change(iter([samples]), change=change, sample_rate_hz=_RATE_HZ, channels=1, output_rate_hz=_RATE_HZ)
    return np.concatenate(list(made))


def _partials(samples: FloatBlock, pitch_hz: float) -> list[tuple[float, float]]:
    """Each partial as a tip between two valleys."""
    middle = samples[_RATE_HZ : 2 * _RATE_HZ, 0] * np.hanning(_RATE_HZ)
    spectrum = np.abs(np.fft.rfft(middle)) / _RATE_HZ * 4
    points = []
    for partial in range(1, int(3500 / pitch_hz) + 1):
        around = round(partial * pitch_hz)
        height = max(-60.0, 20 * np.log10(float(spectrum[around - 3 : around + 4].max()) + 1e-9))
        tip = partial * pitch_hz / 1000
        points += [(tip - 0.01, -60.0), (tip, float(height)), (tip + 0.01, -60.0)]
    return points


if __name__ == "__main__":
    main()
