"""Time stretchers and pitch shifters: Rubber Band R3 by pedalboard, Signalsmith by python-stretch, ffmpeg's atempo."""

from __future__ import annotations

import subprocess
from typing import Any

from tests.performance.bench.workers.frame import COSTS, main


def rubber_band(
    source: str, destination: str, factor: float = 1.0, semitones: float = 0.0, keep_formants: bool = False
) -> dict[str, Any]:
    """pedalboard.time_stretch in its high quality: Rubber Band's "finer" engine, R3."""
    import numpy as np
    import soundfile
    from pedalboard import time_stretch

    COSTS.imported()
    samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
    changed = time_stretch(
        np.ascontiguousarray(samples.T), rate_hz, stretch_factor=factor, pitch_shift_in_semitones=semitones,
        high_quality=True, preserve_formants=keep_formants,
    )  # fmt: skip
    soundfile.write(destination, changed.T, rate_hz, subtype="FLOAT")
    return {}


def signalsmith(source: str, destination: str, factor: float = 1.0, semitones: float = 0.0) -> dict[str, Any]:
    """python-stretch with its default preset, the whole file in one call, its own transposition."""
    import numpy as np
    import soundfile
    from python_stretch import Signalsmith

    COSTS.imported()
    samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
    stretcher = Signalsmith.Stretch(1)
    stretcher.preset(samples.shape[1], rate_hz)
    stretcher.setTimeFactor(factor)
    stretcher.setTransposeSemitones(semitones)
    changed = stretcher.process(np.ascontiguousarray(samples.T))
    soundfile.write(destination, np.asarray(changed).T, rate_hz, subtype="FLOAT")
    return {}


def ffmpeg_atempo(source: str, destination: str, factor: float = 1.0, semitones: float = 0.0) -> dict[str, Any]:
    """ffmpeg's atempo; pitch by a wrong sample rate, resampling and atempo, as its users do."""
    import soundfile
    from imageio_ffmpeg import get_ffmpeg_exe

    COSTS.imported()
    rate_hz, ratio = soundfile.info(source).samplerate, 2 ** (semitones / 12)
    chain = (
        f"atempo={factor}" if not semitones else f"asetrate={rate_hz * ratio},aresample={rate_hz},atempo={1 / ratio}"
    )
    _ffmpeg(get_ffmpeg_exe(), "-i", source, "-af", chain, "-c:a", "pcm_f32le", destination)
    return {}


def ffmpeg_mp3(source: str, destination: str, cores: int = 0) -> dict[str, Any]:
    """ffmpeg to MP3 320, on the first `cores` cores."""
    import os
    import time

    from imageio_ffmpeg import get_ffmpeg_exe

    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    COSTS.imported()
    started = time.perf_counter()
    _ffmpeg(get_ffmpeg_exe(), "-i", source, "-c:a", "libmp3lame", "-b:a", "320k", destination)
    return {"render_s": time.perf_counter() - started}


def _ffmpeg(program: str, *arguments: str) -> None:
    done = subprocess.run([program, "-nostdin", "-y", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])


if __name__ == "__main__":
    main(
        {
            "rubber_band": rubber_band,
            "signalsmith": signalsmith,
            "ffmpeg_atempo": ffmpeg_atempo,
            "ffmpeg_mp3": ffmpeg_mp3,
        }
    )
