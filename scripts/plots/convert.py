"""Draw docs/operations/convert.svg: a sweep at 44.1 kHz, brought to 16 kHz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.decode import FloatBlock
from tonearm_audio.resample import resample

_FROM_HZ, _TO_HZ = 44_100, 16_000
_SIZE = 8192


def main() -> None:
    """Write the picture."""
    hiss = np.random.default_rng(1).standard_normal((30 * _FROM_HZ, 1)).astype(np.float32) * np.float32(0.1)
    made = np.concatenate(list(resample(iter([hiss]), ratio=_FROM_HZ / _TO_HZ, channels=1)))
    # Back again, so that what a wrong filter would fold down could be seen beside what it cut.
    back = np.concatenate(list(resample(iter([made]), ratio=_TO_HZ / _FROM_HZ, channels=1)))
    panel = Panel(
        "spectrum of white noise at 44.1 kHz, and of the same noise at 16 kHz",
        ("kHz", range(0, 23, 2)),
        ("dB", range(-160, 21, 20)),
        [Line("44.1 kHz", "#9ca3af", _spectrum(hiss)), Line("16 kHz", "#2563eb", _spectrum(back))],
    )
    write(Path("docs/operations/convert.svg"), "Spectrum of noise before and after a conversion to 16 kHz", [panel])


def _spectrum(samples: FloatBlock) -> list[tuple[float, float]]:
    window = np.blackman(_SIZE)
    views = np.lib.stride_tricks.sliding_window_view(samples[:, 0], _SIZE)[:: _SIZE // 2] * window
    power = (np.abs(np.fft.rfft(views)) ** 2).mean(axis=0)
    power /= 0.01 * (window**2).sum()
    step = 16
    means = power[: len(power) // step * step].reshape(-1, step).mean(axis=1)
    return [
        (float((index + 0.5) * step * _FROM_HZ / _SIZE / 1000), float(max(-160.0, 10 * np.log10(mean + 1e-20))))
        for index, mean in enumerate(means)
        if (index + 0.5) * step * _FROM_HZ / _SIZE < 22_000
    ]


if __name__ == "__main__":
    main()
