"""Draw docs/operations/equalize.svg: the curve of four bands, and a bell at 16 kHz beside its analogue self."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.equalize import process, response_db
from tonearm_audio.operations import Band, Equalize

_RATE = 44_100
_OURS, _OTHER, _THIRD = "#2563eb", "#374151", "#dc2626"
_KHZ = ("kHz", (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0))


def main() -> None:
    """Write the picture."""
    frequencies = np.geomspace(20, 20_000, 240)
    four = Equalize(
        (
            Band("high_pass", 40),
            Band("low_shelf", 150, 4.0),
            Band("peak", 3000, -6.0, 2.0),
            Band("high_shelf", 9000, 3.0),
        )
    )
    upper = np.geomspace(2000, 20_000, 120)
    high = Band("peak", 16_000, 9.0, 1.0)
    write(
        Path("docs/operations/equalize.svg"),
        "Gain by frequency: four bands, asked for and measured, and a bell at 16 kHz by three methods",
        [
            Panel(
                "Four bands",
                _KHZ,
                ("dB", (-12.0, -9.0, -6.0, -3.0, 0.0, 3.0, 6.0)),
                [
                    Line("asked for", _OTHER, _points(frequencies, response_db(four, frequencies, _RATE))),
                    Line("measured in noise", _THIRD, _measured(four)),
                ],
                logarithmic=True,
            ),
            Panel(
                "peak@16000=+9, at 44.1 kHz",
                ("kHz", (2.0, 5.0, 10.0, 20.0)),
                ("dB", (0.0, 3.0, 6.0, 9.0)),
                [
                    Line("analogue", _OTHER, _points(upper, _analogue(high, upper))),
                    Line("tonearm", _OURS, _points(upper, response_db(Equalize((high,)), upper, _RATE))),
                    Line("bilinear", _THIRD, _points(upper, _analogue(high, _bent(upper, 16_000.0)))),
                ],
                logarithmic=True,
            ),
        ],
    )


def _points(frequencies: np.ndarray, decibels: np.ndarray) -> list[tuple[float, float]]:
    return list(zip((frequencies / 1000).tolist(), decibels.tolist(), strict=True))


def _measured(operation: Equalize) -> list[tuple[float, float]]:
    """Power of noise after the filters over its power before, in twelfths of an octave."""
    noise = np.random.default_rng(1).standard_normal((1 << 20, 1)).astype(np.float32)
    out = np.concatenate(list(process(iter([noise]), operation=operation, sample_rate_hz=_RATE, channels=1)))
    before, after = (np.abs(np.fft.rfft(signal[:, 0].astype(np.float64))) ** 2 for signal in (noise, out))
    at = np.fft.rfftfreq(len(noise), 1 / _RATE)
    points = []
    for middle in np.geomspace(25, 19_000, 116):
        near = (at > middle * 2 ** (-1 / 24)) & (at < middle * 2 ** (1 / 24))
        points.append((float(middle) / 1000, 10 * math.log10(float(after[near].sum() / before[near].sum()))))
    return points


def _analogue(band: Band, frequencies: np.ndarray) -> np.ndarray:
    s, root = 1j * frequencies / band.frequency_hz, 10 ** (band.gain_db / 40)
    decibels: np.ndarray = 20 * np.log10(np.abs((s**2 + s * root / band.q + 1) / (s**2 + s / (root * band.q) + 1)))
    return decibels


def _bent(frequencies: np.ndarray, middle: float) -> np.ndarray:
    """Where the bilinear transform, bent to be right at `middle`, takes each frequency from."""
    bent: np.ndarray = middle * np.tan(np.pi * frequencies / _RATE) / math.tan(math.pi * middle / _RATE)
    return bent


if __name__ == "__main__":
    main()
