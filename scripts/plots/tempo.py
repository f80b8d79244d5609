"""Draw docs/operations/tempo.svg: one hit in three tempi, and where the time map lies beside a plain stretch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from scripts.plots.song import RATE_HZ, levels, song
from tonearm_audio.attacks import AttackFinder, TimeMap
from tonearm_audio.stretch import stretch

_FACTOR = 1.5
_STEP_S = 0.005
_FROM_S, _SHOWN_S = 2.2, 1.0


def main() -> None:
    """Write the picture."""
    samples = song(6.0)
    made = np.concatenate(list(stretch(iter([samples]), time_ratio=1 / _FACTOR, sample_rate_hz=RATE_HZ, channels=2)))
    panels = []
    for title, colour, sound, start in (
        ("before", "#9ca3af", samples, _FROM_S),
        (
            f"after tempo={_FACTOR:g}, from the same beat: hits stand closer together and fade as before",
            "#2563eb",
            made,
            _FROM_S / _FACTOR,
        ),
    ):
        first = round(start * RATE_HZ)
        shown = levels(sound[first : first + round(_SHOWN_S * RATE_HZ)], step_s=_STEP_S)
        panels.append(Panel(title, ("s", _ticks(_SHOWN_S)), ("dBFS", range(-50, 1, 10)), [Line("", colour, shown)]))
    finder, plan = AttackFinder(RATE_HZ, 2), TimeMap(1 / _FACTOR, RATE_HZ)
    plan.feed(finder.feed(samples), finder.known)
    first = round(_FROM_S / _FACTOR * RATE_HZ)
    times = np.arange(first, first + round(_SHOWN_S * RATE_HZ), 200, dtype=np.float64)
    drift = (plan.read(times)[0] - times * _FACTOR) / RATE_HZ * 1000
    points = [(float((time - first) / RATE_HZ), float(apart)) for time, apart in zip(times, drift, strict=True)]
    panels.append(
        Panel(
            "how far what is heard lies from the plain stretch: nowhere at an attack, 20 ms at most",
            ("s", _ticks(_SHOWN_S)),
            ("ms", range(-20, 21, 10)),
            [Line("", "#2563eb", points)],
        )
    )
    write(Path("docs/operations/tempo.svg"), "Hits before and after a change of tempo, and the map of time", panels)


def _ticks(seconds: float) -> list[float]:
    return [round(index * seconds / 5, 2) for index in range(6)]


if __name__ == "__main__":
    main()
