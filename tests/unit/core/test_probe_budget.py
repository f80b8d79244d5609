"""What a probe may take in a function that has 300 seconds."""

from pathlib import Path
from typing import Any

import pytest

import tonearm_audio
from tonearm.adapters.audio import TonearmAudio
from tonearm.domain.errors import TrackRejected
from tonearm_audio.guarded import Budget


@pytest.mark.parametrize(("max_duration_s", "cpu_s", "wall_s"), [(1200.0, 99, 198.0), (7200.0, 240, 240.0)])
def test_a_probe_ends_before_its_function_does(
    monkeypatch: pytest.MonkeyPatch, max_duration_s: float, cpu_s: int, wall_s: float
) -> None:
    given: list[Budget] = []

    def too_costly(path: Path, *, limits: tonearm_audio.Limits, budget: Budget) -> Any:
        given.append(budget)
        raise tonearm_audio.AudioError("track.too_costly", "Too costly.", mend="Export it again.")

    monkeypatch.setattr(tonearm_audio, "guarded_probe", too_costly)
    with pytest.raises(TrackRejected, match=r"track\.too_costly"):
        TonearmAudio().probe(Path("song"), max_duration_s=max_duration_s, content_sha256="0" * 64)
    assert [(budget.cpu_s, budget.wall_s) for budget in given] == [(cpu_s, wall_s)]
