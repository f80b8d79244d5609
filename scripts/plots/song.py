"""A composed song and its level over time, for the pictures of several operations."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from tonearm_audio.decode import FloatBlock
from tonearm_cli.demo_song import compose_demo_song

RATE_HZ = 44_100
_STEP_S = 0.05


def song(seconds: float, *, tempo_bpm: float = 104.0) -> FloatBlock:
    """The demo's song [shape=(frames, 2)]."""
    with TemporaryDirectory() as folder:
        made = compose_demo_song(Path(folder) / "song.wav", duration_s=seconds, tempo_bpm=tempo_bpm)
        samples: FloatBlock = soundfile.read(str(made.path), dtype="float32", always_2d=True)[0]
    return samples


def levels(samples: FloatBlock, *, step_s: float = _STEP_S) -> list[tuple[float, float]]:
    """Level in dBFS over time in seconds, -50 at least."""
    size = round(step_s * RATE_HZ)
    count = len(samples) // size
    power = (samples[: count * size].astype(np.float64) ** 2).reshape(count, -1).mean(axis=1)
    return [(index * step_s, float(max(-50.0, 10 * np.log10(one + 1e-9)))) for index, one in enumerate(power)]
