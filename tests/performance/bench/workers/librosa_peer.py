"""librosa: the pipeline that its documentation and its users write, and its phase vocoder."""

from __future__ import annotations

from typing import Any

from tests.performance.bench.workers.frame import COSTS, cpu_seconds, main

# Krumhansl and Kessler's probe-tone ratings, as users of librosa's chroma paste them.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _measure(source: str) -> dict[str, Any]:
    import librosa
    import numpy as np

    line, rate_hz = librosa.load(source)
    tempo, beats = librosa.beat.beat_track(y=line, sr=rate_hz, units="time")
    chroma = librosa.feature.chroma_cqt(y=line, sr=rate_hz).mean(axis=1)
    scores = {
        f"{_NOTES[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1])
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    return {
        "tempo_bpm": float(np.atleast_1d(tempo)[0]),
        "beats_s": [float(beat) for beat in beats],
        "key": max(scores, key=lambda name: scores[name]),
    }


def analyze(source: str) -> dict[str, Any]:
    """Duration, tempo, beats, key, loudness (pyloudnorm), sample peak and a waveform of 1,000 columns."""
    import librosa
    import numpy as np
    import pyloudnorm

    # librosa imports its parts when they are first used.
    for part in (librosa.beat, librosa.feature.chroma_cqt):
        assert part
    COSTS.imported()
    found = _measure(source)
    samples, rate_hz = librosa.load(source, sr=None, mono=False)
    found["lufs"] = float(pyloudnorm.Meter(rate_hz).integrated_loudness(np.atleast_2d(samples).T))
    found["peak"] = float(np.abs(samples).max())
    found["waveform"] = [float(np.abs(part).max()) for part in np.array_split(samples, 1000, axis=-1)]
    return found


def analyze_many(sources: list[str]) -> dict[str, Any]:
    """Tempo, beats and key of several songs."""
    import librosa

    assert librosa.beat
    COSTS.imported()
    found = []
    for source in sources:
        before = cpu_seconds()
        found.append({**_measure(source), "cpu_s": cpu_seconds() - before})
    return {"clips": found}


def change(source: str, destination: str, factor: float = 1.0, semitones: float = 0.0) -> dict[str, Any]:
    """librosa.effects: phase vocoder, and resampling by soxr for pitch."""
    import librosa
    import soundfile

    assert librosa.effects
    COSTS.imported()
    samples, rate_hz = librosa.load(source, sr=None, mono=False)
    if factor != 1.0:
        samples = librosa.effects.time_stretch(samples, rate=factor)
    if semitones:
        samples = librosa.effects.pitch_shift(samples, sr=rate_hz, n_steps=semitones)
    soundfile.write(destination, samples.T, int(rate_hz), subtype="FLOAT")
    return {}


if __name__ == "__main__":
    main({"analyze": analyze, "analyze_many": analyze_many, "change": change})
