"""Job: one run of a workflow, always, and the only ways in which it changes state."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from tonearm.domain.certificate import Render
from tonearm.domain.errors import JobAlreadyEnded, Problem
from tonearm.domain.ids import JobId, OwnerId, TrackId
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track
from tonearm.domain.values import Entity, Value


class JobKind(StrEnum):
    """What a Job is for. Only an ingest job changes its Track."""

    INGEST = "ingest"
    RENDER = "render"


class JobStatus(StrEnum):
    """Where a Job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


class Stage(StrEnum):
    """The steps of the workflow that its owner can watch."""

    VALIDATE = "validate"
    ANALYZE = "analyze"
    TRANSFORM = "transform"
    CERTIFY = "certify"


# Where each stage begins and ends on the job's 0-100 scale, by what it costs on a typical song.
_SPAN = {
    Stage.VALIDATE: (0, 15),
    Stage.ANALYZE: (15, 40),
    Stage.TRANSFORM: (40, 80),
    Stage.CERTIFY: (80, 99),
}


class StepInput(Value):
    """What every step of the workflow is given: ids, never audio."""

    job_id: JobId
    owner_id: OwnerId
    track_id: TrackId
    kind: JobKind
    has_recipe: bool
    correlation_id: str


class Job(Entity):
    """One run of a workflow."""

    job_id: JobId
    owner_id: OwnerId
    track_id: TrackId
    kind: JobKind
    recipe: Recipe | None = None
    status: JobStatus = JobStatus.QUEUED
    stage: Stage | None = None
    percent: int = Field(default=0, ge=0, le=100)
    problem: Problem | None = None
    render: Render | None = None
    correlation_id: str
    created_at: datetime
    ended_at: datetime | None = None
    announced: bool = False
    expires_at: datetime
    version: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether this Job has ended for good."""
        return self.status in TERMINAL

    @property
    def is_unfinished(self) -> bool:
        """Whether this Job has not ended."""
        return not self.is_terminal

    @property
    def open_since(self) -> datetime | None:
        """Since when this Job has waited to be moved on, or None when it has ended and its owner was told."""
        return None if self.is_terminal and self.announced else self.updated_at

    @property
    def step_input(self) -> StepInput:
        """What the workflow is started with."""
        return StepInput(
            job_id=self.job_id,
            owner_id=self.owner_id,
            track_id=self.track_id,
            kind=self.kind,
            has_recipe=self.recipe is not None,
            correlation_id=self.correlation_id,
        )

    def progressed(self, now: datetime, *, stage: Stage, fraction: float) -> Self:
        """`fraction` (0..1) of `stage` is done; the percentage never runs backwards.

        Raises:
            JobAlreadyEnded: the job is terminal, so the step that says this must stop.
        """
        if self.is_terminal:
            raise JobAlreadyEnded(self.job_id)
        begin, end = _SPAN[stage]
        percent = begin + round((end - begin) * min(max(fraction, 0.0), 1.0))
        return self._at(now, status=JobStatus.RUNNING, stage=stage, percent=max(percent, self.percent))

    def rendered(self, now: datetime, *, render: Render) -> Self:
        """The render is certified; its owner sees it when the job succeeds."""
        if self.is_terminal:
            raise JobAlreadyEnded(self.job_id)
        return self._at(now, render=render)

    def succeeded(self, now: datetime) -> Self:
        """`running → succeeded`; a job that has ended stays as it ended."""
        return self._end(now, status=JobStatus.SUCCEEDED, percent=100, stage=None)

    def failed(self, now: datetime, *, problem: Problem) -> Self:
        """`→ failed` with the reason; a job that has ended stays as it ended."""
        return self._end(now, status=JobStatus.FAILED, problem=problem)

    def cancelled(self, now: datetime, *, problem: Problem) -> Self:
        """`→ cancelled` with the reason; a job that has ended stays as it ended."""
        return self._end(now, status=JobStatus.CANCELLED, problem=problem)

    def emptied(self, now: datetime) -> Self:
        """Its Track was deleted: what its owner wrote is not kept, and lists no longer show it."""
        return self._at(now, recipe=None, render=None, expires_at=min(self.expires_at, now))

    def told(self, now: datetime) -> Self:
        """The end of this Job was announced."""
        return self._at(now, announced=True)

    def _end(self, now: datetime, **changes: object) -> Self:
        return self if self.is_terminal else self._at(now, ended_at=now, **changes)


def ingest_job(track: Track, now: datetime) -> Job:
    """The Job that makes a Track of its upload."""
    return Job(
        job_id=track.ingest_job_id,
        owner_id=track.owner_id,
        track_id=track.track_id,
        kind=JobKind.INGEST,
        recipe=track.recipe,
        correlation_id=track.correlation_id,
        created_at=now,
        updated_at=now,
        expires_at=track.expires_at,
    )


class JobEvent(Value):
    """What subscribers are told when a Job ends; its id is the same however often it is sent."""

    event_id: str
    type: str
    occurred_at: datetime
    job_id: JobId
    track_id: TrackId
    owner_id: OwnerId
    kind: JobKind
    correlation_id: str
    problem: Problem | None = None

    @classmethod
    def of(cls, job: Job) -> "JobEvent":
        """The event of a terminal job."""
        return cls(
            event_id=f"{job.job_id}.{job.status}",
            type=f"job.{job.status}",
            occurred_at=job.ended_at or job.updated_at,
            job_id=job.job_id,
            track_id=job.track_id,
            owner_id=job.owner_id,
            kind=job.kind,
            correlation_id=job.correlation_id,
            problem=job.problem,
        )
