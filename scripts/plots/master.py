"""Draw docs/operations/master.svg: what presets aim for, and a dull, narrow song before and after a reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import soundfile

from scripts.plots.chart import Line, Panel, write
from tonearm_audio.decode import Source
from tonearm_audio.master import Finisher
from tonearm_audio.master_presets import PRESETS
from tonearm_audio.operations import Master, Preset
from tonearm_cli.demo_song import compose_demo_song

_HERTZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_COLOURS: dict[Preset, str] = {"streaming": "#2563eb", "warm": "#d97706", "bright": "#0891b2"}
_THIRDS = [1000 * 2 ** (index / 3) for index in range(-15, 13)]

Samples = npt.NDArray[np.float32]


def main() -> None:
    """Write the picture."""
    targets = [
        Line(name, colour, [(hertz, level) for hertz, level in PRESETS[name].spectrum])
        for name, colour in _COLOURS.items()
    ]
    panels = [
        Panel("what presets aim for, power in a hertz", ("Hz", _HERTZ), ("dB", range(-60, 11, 10)), targets, True)
    ]
    with TemporaryDirectory() as folder:
        model, rate = _song(Path(folder), 104.0)
        other, _ = _song(Path(folder), 88.0)
        before = _dull_and_narrow(other, rate)
        soundfile.write(Path(folder) / "reference.wav", model, rate, subtype="FLOAT")
        operation = Master(reference=Path(folder) / "reference.wav")
        finisher = Finisher(operation, sample_rate_hz=rate, channels=2)
    finisher.feed(before)
    after = np.concatenate(list(finisher.blocks(lambda: iter([before]), ceiling_dbtp=-1.0, gain_db=0.0)))
    for index, name in enumerate(("middle", "sides")):
        lines = [
            Line(label, colour, _spectrum(samples, rate)[index])
            for label, colour, samples in (
                ("reference", "#9ca3af", model),
                ("before", "#d97706", before),
                ("after", "#2563eb", after),
            )
        ]
        panels.append(Panel(f"{name}, thirds of an octave", ("Hz", _HERTZ), ("dB", range(-70, 1, 10)), lines, True))
    write(Path("docs/operations/master.svg"), "Target spectra, and a song before and after a reference", panels)


def _song(folder: Path, tempo_bpm: float) -> tuple[Samples, int]:
    song = compose_demo_song(folder / "song.wav", duration_s=30.0, tempo_bpm=tempo_bpm)
    with Source(song.path) as source:
        return np.concatenate(list(source.blocks())), source.sample_rate_hz


def _dull_and_narrow(samples: Samples, rate: int) -> Samples:
    spectrum = np.fft.rfft(samples, axis=0)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / rate), 300) / 300)
    dull = np.fft.irfft(spectrum * 10 ** (-1.5 * octaves / 20)[:, np.newaxis], len(samples), axis=0)
    middle, sides = dull.mean(axis=1), (dull[:, 0] - dull[:, 1]) / 4
    return np.stack([middle + sides, middle - sides], axis=1).astype(np.float32) * np.float32(0.4)


def _spectrum(samples: Samples, rate: int) -> Sequence[list[tuple[float, float]]]:
    """Of middle and sides, against the loudest third of the middle."""
    lines = np.stack([samples[:, 0] + samples[:, 1], samples[:, 0] - samples[:, 1]]).astype(np.float64)
    power = np.abs(np.fft.rfft(lines * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    inside = [(hertz >= third / 2 ** (1 / 6)) & (hertz < third * 2 ** (1 / 6)) for third in _THIRDS]
    levels = np.array([[10 * np.log10(line[part].sum() + 1e-12) for part in inside] for line in power])
    levels -= levels[0].max()
    return [[(third, float(level)) for third, level in zip(_THIRDS, line, strict=True)] for line in levels]


if __name__ == "__main__":
    main()
