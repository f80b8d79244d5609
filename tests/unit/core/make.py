"""Values for tests: a Track, a Job, a Recipe, with what a test cares for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tonearm.domain.ids import new_job_id, new_track_id
from tonearm.domain.job import Job, JobKind
from tonearm.domain.operations import Pitch, Tempo
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ADA, BOB = "owner-ada-0001", "owner-bob-0002"


def a_recipe(factor: float = 1.1, semitones: float = 2) -> Recipe:
    return Recipe(operations=(Tempo(factor=factor), Pitch(semitones=semitones)))


def a_track(**changes: Any) -> Track:
    return Track(
        **{
            "track_id": new_track_id(),
            "owner_id": ADA,
            "ingest_job_id": new_job_id(),
            "filename": "song.mp3",
            "title": "A song",
            "size_bytes": 1000,
            "correlation_id": "request-1",
            "created_at": NOON,
            "updated_at": NOON,
            "expires_at": NOON + timedelta(days=30),
            **changes,
        }
    )


def a_job(**changes: Any) -> Job:
    return Job(
        **{
            "job_id": new_job_id(),
            "owner_id": ADA,
            "track_id": new_track_id(),
            "kind": JobKind.RENDER,
            "recipe": a_recipe(),
            "correlation_id": "request-1",
            "created_at": NOON,
            "updated_at": NOON,
            "expires_at": NOON + timedelta(days=30),
            **changes,
        }
    )
