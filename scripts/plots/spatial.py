"""Draw docs/operations/spatial.svg: levels of left and right on three paths, and what two ears hear of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from scripts.plots.song import RATE_HZ, levels, song
from tonearm_audio.decode import FloatBlock
from tonearm_audio.equalize import process
from tonearm_audio.operations import Band, Equalize, Spatial, SpatialPath
from tonearm_audio.spatial import spatial

_LEFT, _RIGHT, _OTHER = "#2563eb", "#dc2626", "#374151"
_TIME = ("s", (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0))
_SECONDS = 30.0


def main() -> None:
    """Write the picture."""
    before = song(_SECONDS)
    orbit = Spatial(seed=7)
    paths: tuple[SpatialPath, ...] = ("orbit", "figure", "random")
    moved = [_moved(before, replace(orbit, path=path)) for path in paths]
    ears = _moved(before, replace(orbit, listening="headphones"))
    panels = [
        _panel("before", before),
        *(_panel(f"path {path}", samples) for path, samples in zip(paths, moved, strict=True)),
        Panel(
            "Left against right above 3 kHz, path orbit",
            _TIME,
            ("dB", (-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0)),
            [
                Line("anywhere", _OTHER, _balance(_highs(moved[0]))),
                Line("headphones", _LEFT, _balance(_highs(ears))),
            ],
        ),
    ]
    label = "Levels of left and right over 30 s: before, on an orbit, an eight and a random path, and highs at two ears"
    write(Path("docs/operations/spatial.svg"), label, panels)


def _moved(samples: FloatBlock, operation: Spatial) -> FloatBlock:
    made = spatial(iter([samples]), operation=operation, sample_rate_hz=RATE_HZ, channels=2, ceiling_dbtp=-1.0)
    return np.concatenate(list(made))


def _highs(samples: FloatBlock) -> FloatBlock:
    passed = Equalize((Band("high_pass", 3000), Band("high_pass", 3000)))
    return np.concatenate(list(process(iter([samples]), operation=passed, sample_rate_hz=RATE_HZ, channels=2)))


def _panel(title: str, samples: FloatBlock) -> Panel:
    lines = [
        Line(name, colour, levels(samples[:, side : side + 1], step_s=0.25))
        for side, (name, colour) in enumerate((("left", _LEFT), ("right", _RIGHT)))
    ]
    return Panel(title, _TIME, ("dBFS", (-50.0, -40.0, -30.0, -20.0, -10.0)), lines)


def _balance(samples: FloatBlock) -> list[tuple[float, float]]:
    step = RATE_HZ // 2
    count = len(samples) // step
    powers = (samples[: count * step].astype(np.float64) ** 2).reshape(count, step, 2).mean(axis=1) + 1e-12
    return [((at + 0.5) / 2, float(10 * np.log10(left / right))) for at, (left, right) in enumerate(powers)]


if __name__ == "__main__":
    main()
