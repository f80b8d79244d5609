"""Draw docs/operations/compress.svg: the curve, and what it does to a tone that gets louder and softer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.compress import gain_db, process
from tonearm_audio.operations import Compress

_RATE = 44_100
_OPERATION = Compress(threshold_dbfs=-24.0, ratio=4.0, attack_ms=20.0, release_ms=150.0, knee_db=6.0)
# The widest knee there is: the usual 6 dB lie half a decibel from none, which no picture shows.
_SOFT, _HARD = (Compress(threshold_dbfs=-24.0, ratio=4.0, knee_db=knee_db) for knee_db in (24.0, 0.0))
_STEP_S = 0.005


def main() -> None:
    """Write the picture."""
    levels = [float(level) for level in range(-48, 1)]
    curve = Panel(
        "level out by level in: -24 dBFS, 4 to 1",
        ("dBFS in", range(-48, 1, 8)),
        ("dBFS out", range(-48, 1, 8)),
        [
            Line("unchanged", "#9ca3af", [(level, level) for level in levels]),
            Line("knee 0 dB", "#d97706", [(level, level + gain_db(_HARD, level)) for level in levels]),
            Line("knee 24 dB", "#2563eb", [(level, level + gain_db(_SOFT, level)) for level in levels]),
        ],
    )
    seconds = np.arange(2 * _RATE) / _RATE
    loudness = np.where((seconds >= 0.5) & (seconds < 1.2), 0.5, 0.05)
    tone = (loudness * np.sin(2 * np.pi * 1000 * seconds)).astype(np.float32)[:, np.newaxis]
    out = np.concatenate(list(process(iter([tone]), operation=_OPERATION, sample_rate_hz=_RATE, channels=1)))
    time = Panel(
        "a tone that is 20 dB louder for 0.7 s: attack 20 ms, release 150 ms",
        ("s", [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]),
        ("dBFS", range(-40, 1, 10)),
        [Line("", "#9ca3af", _levels(tone)), Line("", "#2563eb", _levels(out))],
    )
    write(Path("docs/operations/compress.svg"), "A compressor's curve, and a tone before and after it", [curve, time])


def _levels(samples: npt.NDArray[np.float32]) -> list[tuple[float, float]]:
    size = round(_STEP_S * _RATE)
    whole = np.abs(samples[: len(samples) // size * size]).reshape(-1, size)
    return [(index * _STEP_S, float(20 * np.log10(step.max()))) for index, step in enumerate(whole)]


if __name__ == "__main__":
    main()
