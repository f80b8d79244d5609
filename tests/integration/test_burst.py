"""A burst of uploads, each of which is told of twice: as many jobs end as uploads were answered, each of them once."""

import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.burst import Burst
from tests.support.cloud import Cloud, Tap
from tests.support.person import JSON, Person
from tonearm_cli.demo_song import compose_demo_song

pytestmark = pytest.mark.stack

LOG = logging.getLogger(__name__)

RECIPE: JSON = {"operations": [{"type": "tempo", "factor": 1.1}, {"type": "pitch", "semitones": 2}]}
INGEST_STEPS = ("Validate upload", "Analyze tempo and duration", "Notify owner")
RENDER_STEPS = ("Transform", "Certify render")


@pytest.fixture
def new_burst(
    cloud: Cloud, new_person: Callable[[], Person], tmp_path: Path
) -> Iterator[Callable[[float, JSON | None], Burst]]:
    """Given four people with a song of so many seconds, and a consumer of the job events."""
    tap = Tap.opened(cloud, f"tap-{uuid.uuid4().hex[:8]}")

    def burst(duration_s: float, recipe: JSON | None) -> Burst:
        song = tmp_path / "song.wav"
        compose_demo_song(song, duration_s=duration_s, tempo_bpm=120.0, seed=5)
        return Burst(cloud, tap, [new_person() for _ in range(4)], song, recipe)

    yield burst
    tap.closed()


@pytest.mark.parametrize(
    ("count", "duration_s", "recipe"),
    [
        (200, 1.0, None),
        (16, 2.0, RECIPE),
        pytest.param(200, 30.0, RECIPE, marks=pytest.mark.nightly),
        pytest.param(500, 30.0, None, marks=pytest.mark.nightly),
    ],
    ids=["200-uploads", "16-renders", "200-renders-of-songs", "500-songs"],
)
def test_none_is_lost_and_none_doubled(
    new_burst: Callable[[float, JSON | None], Burst],
    count: int,
    duration_s: float,
    recipe: JSON | None,
) -> None:
    # Given that each upload's event comes twice
    burst = new_burst(duration_s, recipe)
    already_dead = burst.cloud.waiting_in(burst.cloud.outputs.jobs_dlq_url)
    # When so many uploads come at once
    burst.send(count)
    burst.repeat_every_event()
    burst.wait(timeout_s=120 + count * (1 + duration_s / 2))
    LOG.info("%d jobs: half ended in %.1f s, 95 %% in %.1f s", count, burst.latency_s(0.5), burst.latency_s(0.95))
    # Then of each thing there is one an upload
    steps = (*INGEST_STEPS, *(RENDER_STEPS if recipe else ()))
    assert burst.account() == {
        "uploads": count,
        "jobs": count,
        "statuses": {"succeeded": count},
        "reasons": {},
        "tracks": {"ready": count},
        "executions": {"SUCCEEDED": count},
        "steps": dict.fromkeys(steps, count),
        "events": count,
        "events_with_doubles": count,
        "analyses": count,
        "renders": count if recipe else 0,
        "dead_letters": already_dead,
    }
