"""Draw docs/operations/fade.svg: the three shapes, and a song before and after."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from scripts.plots.song import RATE_HZ, levels, song
from tonearm_audio.decode import FloatBlock
from tonearm_audio.fade import process
from tonearm_audio.operations import Fade, FadeShape

_SHAPES: dict[FadeShape, str] = {"linear": "#9ca3af", "equal_power": "#2563eb", "s_curve": "#d97706"}


def main() -> None:
    """Write the picture."""
    ones = np.ones((RATE_HZ, 1), np.float32)
    shapes = []
    for shape, colour in _SHAPES.items():
        gains = _faded(ones, Fade(in_s=1.0, shape=shape))[:: RATE_HZ // 100, 0]
        shapes.append(Line(shape, colour, [(index / 100, float(gain)) for index, gain in enumerate(gains)]))
    samples = song(12.0)
    panels = [
        Panel(
            "gain over the length of a fade-in", ("of its length", [0, 0.25, 0.5, 0.75, 1]), ("", [0, 0.5, 1]), shapes
        ),
        Panel("before", ("s", range(0, 13, 2)), ("dBFS", range(-50, 1, 10)), [Line("", "#9ca3af", levels(samples))]),
        Panel(
            "after fade:in=2:out=4",
            ("s", range(0, 13, 2)),
            ("dBFS", range(-50, 1, 10)),
            [Line("", "#2563eb", levels(_faded(samples, Fade(2.0, 4.0))))],
        ),
    ]
    write(Path("docs/operations/fade.svg"), "The shapes of a fade, and a song before and after it", panels)


def _faded(samples: FloatBlock, operation: Fade) -> FloatBlock:
    made = process(iter([samples]), operation=operation, sample_rate_hz=RATE_HZ, channels=samples.shape[1])
    return np.concatenate(list(made))


if __name__ == "__main__":
    main()
