"""Draw docs/operations/reverb.svg: how a click dies in three rooms, and how soon each frequency does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.operations import Reverb
from tonearm_audio.reverb import process

_RATE = 44_100
_COLOURS = ("#2563eb", "#dc2626", "#374151")


def main() -> None:
    """Write the picture."""
    decays = [
        Line(f"decay_s {decay:g}", colour, _fall(_response(Reverb(decay_s=decay, mix=1.0))))
        for decay, colour in zip((0.5, 1.5, 4.0), _COLOURS, strict=True)
    ]
    times = [
        Line(f"damping {damping:g}", colour, _decay_times(_response(Reverb(decay_s=2.0, damping=damping, mix=1.0))))
        for damping, colour in zip((0.0, 0.5, 1.0), _COLOURS, strict=True)
    ]
    write(
        Path("docs/operations/reverb.svg"),
        "What is left of a click over time for three decay times, and the decay time by frequency for three dampings",
        [
            Panel(
                "What is left of a click",
                ("s", (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)),
                ("dB", (-60.0, -50.0, -40.0, -30.0, -20.0, -10.0, 0.0)),
                decays,
            ),
            Panel(
                "Time until 60 dB down, decay_s 2",
                ("kHz", (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)),
                ("s", (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)),
                times,
                logarithmic=True,
            ),
        ],
    )


def _response(operation: Reverb) -> np.ndarray:
    click = np.zeros((1, 1), np.float32)
    click[0] = 1.0
    made = np.concatenate(list(process(iter([click]), operation=operation, sample_rate_hz=_RATE, channels=1)))
    response: np.ndarray = made[:, 0].astype(np.float64)
    return response


def _left_db(signal: np.ndarray) -> np.ndarray:
    """Schroeder's integral: the energy that is still to come."""
    left = np.cumsum(signal[::-1] ** 2)[::-1]
    level: np.ndarray = 10 * np.log10(left / left[0] + 1e-12)
    return level


def _fall(response: np.ndarray) -> list[tuple[float, float]]:
    level, step = _left_db(response), _RATE // 50
    return [(at / _RATE, float(level[at])) for at in range(0, min(len(level), 3 * _RATE), step) if level[at] > -60.0]


def _decay_times(response: np.ndarray) -> list[tuple[float, float]]:
    size = 2 * len(response)
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / _RATE), 1e-3)
    spectrum = np.fft.rfft(response, size)
    points = []
    for middle in np.geomspace(100, 10_000, 27):
        window = np.exp(-0.5 * (np.log2(frequencies / middle) / 0.3) ** 2)
        level = _left_db(np.fft.irfft(spectrum * window, size)[: len(response)])
        falling = slice(int(np.argmax(level < -5)), int(np.argmax(level < -35)))
        slope = np.polyfit(np.arange(len(level))[falling] / _RATE, level[falling], 1)[0]
        points.append((float(middle) / 1000, -60.0 / float(slope)))
    return points


if __name__ == "__main__":
    main()
