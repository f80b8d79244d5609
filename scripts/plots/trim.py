"""Draw docs/operations/trim.svg: a song's level before and after."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from scripts.plots.song import RATE_HZ, levels, song
from tonearm_audio.operations import Trim
from tonearm_audio.trim import process

_SECONDS = 12.0
_START_S, _END_S = 4.0, 9.0


def main() -> None:
    """Write the picture."""
    samples = song(_SECONDS)
    made = process(iter([samples]), operation=Trim(_START_S, _END_S), sample_rate_hz=RATE_HZ, channels=2)
    panels = [
        Panel(title, ("s", range(0, 13, 2)), ("dBFS", range(-50, 1, 10)), [Line("", colour, points)])
        for title, colour, points in (
            ("before", "#9ca3af", levels(samples)),
            (f"after trim={_START_S:g}-{_END_S:g}", "#2563eb", levels(np.concatenate(list(made)))),
        )
    ]
    write(Path("docs/operations/trim.svg"), "Level of a song before and after a trim", panels)


if __name__ == "__main__":
    main()
