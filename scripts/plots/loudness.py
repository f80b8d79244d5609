"""Draw docs/operations/loudness.svg: the level of a composed song over time, before and after."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.decode import Source
from tonearm_audio.loudness_match import Finisher
from tonearm_audio.operations import Loudness
from tonearm_cli.demo_song import compose_demo_song

_STEP_S = 0.05
_SHOWN_S = 12.0
_CEILING_DBTP = -1.0


def main() -> None:
    """Write the picture."""
    with TemporaryDirectory() as folder:
        song = compose_demo_song(Path(folder) / "song.wav", duration_s=30.0, tempo_bpm=104.0)
        with Source(song.path) as source:
            rate, blocks = source.sample_rate_hz, list(source.blocks())
    panels = [_panel("before", np.concatenate(blocks), rate)]
    for target_lufs in (-14.0, -9.0):
        finisher = Finisher(Loudness(target_lufs), sample_rate_hz=rate, channels=2)
        for block in blocks:
            finisher.feed(block)
        made = finisher.blocks(lambda: iter(blocks), ceiling_dbtp=_CEILING_DBTP, gain_db=0.0)
        panels.append(_panel(f"loudness={target_lufs:g}", np.concatenate(list(made)), rate))
    write(Path("docs/operations/loudness.svg"), "Peaks and level of a song before and after", panels)


def _panel(title: str, samples: npt.NDArray[np.float32], rate: int) -> Panel:
    size = round(_STEP_S * rate)
    steps = samples[: round(_SHOWN_S / _STEP_S) * size].reshape(-1, 2 * size)
    peaks = 20 * np.log10(np.abs(steps).max(axis=1) + 1e-6)
    levels = 10 * np.log10((steps.astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    ceiling = Line("-1 dB", "#dc2626", [(0, _CEILING_DBTP), (_SHOWN_S, _CEILING_DBTP)])
    drawn = [
        Line(name, colour, [(index * _STEP_S, float(value)) for index, value in enumerate(values)])
        for name, colour, values in (("peaks", "#9ca3af", peaks), ("level", "#2563eb", levels))
    ]
    return Panel(title, ("s", range(0, 13, 2)), ("dBFS", range(-40, 1, 10)), [*drawn, ceiling])


if __name__ == "__main__":
    main()
