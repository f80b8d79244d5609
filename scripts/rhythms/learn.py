"""Learn the rhythms that the beat tracker knows: `python -m scripts.rhythms.learn` writes rhythms.npz anew.

One rhythm a style: the mean and the deviation of the onsets at each tick of its songs' bars, in each register.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

import tonearm_audio
from scripts.rhythms.songs import STYLES, compose
from tonearm_audio.tempo import OnsetMeter, Signal, contrast, tick_statistics

SEEDS = range(1, 9)
_SHARED_BARS = 0.5
"""How much of the mean bar goes into every rhythm, so that none claims anything too surely."""
_LEAST_VARIANCE = 0.08
_LEAST_WIDTH_OCTAVES = 0.22


def _bar(style: str, seed: int) -> tuple[int, Signal, float]:
    """Beats a bar, the statistics of its ticks as shares of the song [shape=(ticks, 7)], and log2 of the tempo."""
    song = compose(style, seed)
    meter = OnsetMeter()
    meter.feed(song.samples)
    beats = song.beats_s * meter.frame_rate_hz
    statistics = tick_statistics(contrast(meter.strength()), beats, 12)
    ticks = 12 * song.beats_a_bar
    whole = statistics[: len(statistics) // ticks * ticks].reshape(-1, ticks, 7).sum(axis=0)
    return song.beats_a_bar, whole / whole[:, 0].sum(), float(np.log2(60 / np.median(np.diff(song.beats_s))))


def _moments(bars: Signal) -> tuple[Signal, Signal]:
    mean = bars[:, 1:4] / bars[:, :1]
    return mean, bars[:, 4:] / bars[:, :1] - mean**2 + _LEAST_VARIANCE


def main() -> None:
    """Compose, learn, and write the table into the engine."""
    songs = [(style, *_bar(style, seed)) for style in STYLES for seed in SEEDS]
    table: dict[str, npt.NDArray[np.uint8] | npt.NDArray[np.float32]] = {}
    for beats in (4, 3, 2):
        styles = np.array([style for style, metre, _, _ in songs if metre == beats])
        bars = np.stack([bar for _, metre, bar, _ in songs if metre == beats])
        tempi = np.array([tempo for _, metre, _, tempo in songs if metre == beats])
        groups = [styles == style for style in np.unique(styles)]
        pooled = [_moments(bars[group].sum(axis=0) + _SHARED_BARS * bars.mean(axis=0)) for group in groups]
        widths = [max(_LEAST_WIDTH_OCTAVES, float(tempi[group].std()) + 0.08) for group in groups]
        table[f"mean_{beats}"] = (
            np.stack([np.clip(mean / 4, 0, 1) * 255 for mean, _ in pooled]).round().astype(np.uint8)
        )
        deviations = [np.clip(np.sqrt(variance) / 2, 0, 1) * 255 for _, variance in pooled]
        table[f"deviation_{beats}"] = np.stack(deviations).round().astype(np.uint8)
        centres = [float(tempi[group].mean()) for group in groups]
        table[f"tempo_{beats}"] = np.stack([centres, widths], axis=1).round(3).astype(np.float32)
    np.savez(Path(tonearm_audio.__file__).with_name("rhythms.npz"), allow_pickle=False, **table)


if __name__ == "__main__":
    main()
