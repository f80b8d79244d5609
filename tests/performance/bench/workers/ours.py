"""The engine, by its public interface alone."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.performance.bench.workers.frame import COSTS, cpu_seconds, main


def analyze(source: str) -> dict[str, Any]:
    """Everything that is measured of a song, in one decode."""
    from tonearm_audio import analyze

    COSTS.imported()
    return _pulse_and_key(analyze(Path(source)).to_dict())


def analyze_many(sources: list[str]) -> dict[str, Any]:
    """Songs one after another in one process; the first is not timed alone."""
    from tonearm_audio import analyze

    COSTS.imported()
    found = []
    for source in sources:
        before = cpu_seconds()
        found.append({**_pulse_and_key(analyze(Path(source)).to_dict()), "cpu_s": cpu_seconds() - before})
    return {"clips": found}


def _pulse_and_key(told: dict[str, Any]) -> dict[str, Any]:
    key = told.get("key")
    if isinstance(key, dict):
        key = key.get("name") or (f"{key['tonic']} {key['mode']}" if key.get("tonic") else None)
    return {
        "tempo_bpm": told.get("tempo_bpm"),
        "beats_s": told.get("beats_s"),
        "key": key,
        "measured": sorted(told),
        "loudness": told.get("loudness"),
    }


def render(
    source: str,
    destination: str,
    operations: list[dict[str, Any]],
    output: dict[str, Any],
    cores: int = 0,
) -> dict[str, Any]:
    """A render with any operations; on the first `cores` of the machine's cores where that is not 0."""
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from tonearm_audio import OutputFormat, render
    from tonearm_audio import operations as words

    chain = []
    for operation in operations:
        settings = {name: value for name, value in operation.items() if name != "type"}
        if settings.get("reference"):
            settings["reference"] = Path(settings["reference"])
        chain.append(getattr(words, operation["type"])(**settings))
    COSTS.imported()
    started = time.perf_counter()
    result = render(Path(source), Path(destination), operations=chain, output=OutputFormat(**output))
    return {
        "frames": result.frames,
        "sample_rate_hz": result.sample_rate_hz,
        "channels": result.channels,
        "render_s": time.perf_counter() - started,
    }


def version() -> dict[str, Any]:
    """Which engine this is."""
    import tonearm_audio

    COSTS.imported()
    return {"engine_version": tonearm_audio.ENGINE_VERSION}


if __name__ == "__main__":
    main({"analyze": analyze, "analyze_many": analyze_many, "render": render, "version": version})
