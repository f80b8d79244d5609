"""essentia: RhythmExtractor2013, KeyExtractor and LoudnessEBUR128 with their defaults."""

from __future__ import annotations

from typing import Any

from tests.performance.bench.workers.frame import COSTS, cpu_seconds, main


def _measure(source: str) -> dict[str, Any]:
    from essentia import standard

    line = standard.MonoLoader(filename=source, sampleRate=44100)()
    tempo, beats, confidence, _, _ = standard.RhythmExtractor2013(method="multifeature")(line)
    tonic, mode, strength = standard.KeyExtractor()(line)
    return {
        "tempo_bpm": float(tempo),
        "beats_s": [float(beat) for beat in beats],
        "confidence": float(confidence),
        "key": f"{tonic} {mode}",
        "key_strength": float(strength),
    }


def analyze(source: str) -> dict[str, Any]:
    """Tempo, beats, key and loudness: a decode for each, as its loaders are made."""
    import essentia
    from essentia import standard

    essentia.log.infoActive = essentia.log.warningActive = False
    COSTS.imported()
    found = _measure(source)
    samples, rate_hz, *_ = standard.AudioLoader(filename=source)()
    _, _, integrated, loudness_range = standard.LoudnessEBUR128(sampleRate=rate_hz)(samples)
    return {**found, "lufs": float(integrated), "lra": float(loudness_range)}


def analyze_many(sources: list[str]) -> dict[str, Any]:
    """Tempo, beats and key of several songs."""
    import essentia
    from essentia import standard

    assert standard
    essentia.log.infoActive = essentia.log.warningActive = False
    COSTS.imported()
    found = []
    for source in sources:
        before = cpu_seconds()
        found.append({**_measure(source), "cpu_s": cpu_seconds() - before})
    return {"clips": found}


if __name__ == "__main__":
    main({"analyze": analyze, "analyze_many": analyze_many})
