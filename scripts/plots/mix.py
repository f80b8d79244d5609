"""Draw docs/operations/mix.svg: what pan does to mono and to stereo, and a mix before and after."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.decode import FloatBlock
from tonearm_audio.mix import panned, process
from tonearm_audio.operations import Mix, MixTrack

_RATE = 44_100
_STEP_S = 0.05
_LEFT, _RIGHT, _BOTH = "#2563eb", "#dc2626", "#374151"


def main() -> None:
    """Write the picture."""
    pans = [float(pan) for pan in np.linspace(-1.0, 1.0, 81)]
    song, voice = _tone(220.0, 4.0, 0.2), _tone(660.0, 2.0, 0.2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "voice.wav")
        soundfile.write(path, voice, _RATE, subtype="FLOAT")
        operation = Mix((MixTrack(path, gain_db=-3.0, pan=0.6, start_s=1.0),))
        mixed = np.concatenate(
            list(process(iter([song]), operation=operation, sample_rate_hz=_RATE, channels=song.shape[1]))
        )
    x = ("pan", (-1.0, -0.5, 0.0, 0.5, 1.0))
    write(
        Path("docs/operations/mix.svg"),
        "Gain of left and right by pan, for mono and for the left channel of stereo, and the levels of a mix over time",
        [
            Panel("A mono track", x, ("dB", (-24.0, -18.0, -12.0, -6.0, -3.0, 0.0, 3.0)), _gains(pans, _mono)),
            Panel(
                "The left channel of a stereo track",
                x,
                ("dB", (-24.0, -18.0, -12.0, -6.0, -3.0, 0.0, 3.0)),
                _gains(pans, _stereo),
            ),
            Panel(
                "Another track at 1 s, pan 0.6",
                ("s", (0.0, 1.0, 2.0, 3.0, 4.0)),
                ("dBFS", (-30.0, -24.0, -18.0, -12.0, -6.0)),
                [
                    Line("before", _BOTH, _levels(song[:, 0])),
                    Line("left", _LEFT, _levels(mixed[:, 0])),
                    Line("right", _RIGHT, _levels(mixed[:, 1])),
                ],
            ),
        ],
    )


def _mono(pan: float) -> FloatBlock:
    return panned(np.ones((1, 1), np.float32), gain_db=0.0, pan=pan)


def _stereo(pan: float) -> FloatBlock:
    return panned(np.array([[1.0, 0.0]], np.float32), gain_db=0.0, pan=pan)


def _gains(pans: list[float], heard: Callable[[float], FloatBlock]) -> list[Line]:
    gains = np.array([heard(pan)[0] for pan in pans], np.float64)
    in_db = 20 * np.log10(np.maximum(gains, 1e-9))
    power_db = 10 * np.log10((gains**2).sum(axis=1))
    return [
        Line("left", _LEFT, list(zip(pans, in_db[:, 0], strict=True))),
        Line("right", _RIGHT, list(zip(pans, in_db[:, 1], strict=True))),
        Line("power of both", _BOTH, list(zip(pans, power_db, strict=True))),
    ]


def _tone(frequency_hz: float, seconds: float, gain: float) -> FloatBlock:
    wave = gain * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * _RATE)) / _RATE)
    return np.repeat(wave[:, np.newaxis], 2, axis=1).astype(np.float32)


def _levels(samples: FloatBlock) -> list[tuple[float, float]]:
    size = round(_STEP_S * _RATE)
    rows = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    in_db = 10 * np.log10(np.maximum((rows**2).mean(axis=1), 1e-9))
    return [((index + 0.5) * _STEP_S, float(level)) for index, level in enumerate(in_db)]


if __name__ == "__main__":
    main()
