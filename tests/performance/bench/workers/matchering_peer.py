"""matchering: a song mastered after a reference, with its defaults."""

from __future__ import annotations

from typing import Any

from tests.performance.bench.workers.frame import COSTS, main


def master(source: str, reference: str, destination: str) -> dict[str, Any]:
    """matchering.process to 24-bit WAV, its own limiter on."""
    import matchering

    COSTS.imported()
    matchering.process(target=source, reference=reference, results=[matchering.pcm24(destination)])
    return {}


if __name__ == "__main__":
    main({"master": master})
