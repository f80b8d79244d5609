"""End a Job, whatever its end is, and tell its owner: the last step of the workflow, and the reconciler's too."""

import json
from dataclasses import dataclass

from pydantic import ValidationError

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Problem
from tonearm.domain.job import Job, JobEvent, JobKind, StepInput
from tonearm.domain.values import Value
from tonearm.ports import Announcer, Jobs, Tracks
from tonearm.services.change import change


class Failure(Value):
    """What the workflow caught: the state that failed, the error's name and its cause."""

    state: str
    error: str
    cause: str = ""

    def problem(self) -> Problem:
        """The Problem that the step raised, or one that names the step where it died without a word."""
        try:
            cause = json.loads(self.cause)
            return Problem.model_validate_json(cause["errorMessage"])
        except (ValueError, KeyError, TypeError, ValidationError):
            pass
        if self.error in {"States.Timeout", "Sandbox.Timedout"}:
            return Problem(
                code="job.step_timed_out",
                detail=f"The step '{self.state}' took too long and was stopped.",
                value=self.state,
                mend="Try again; if it happens again, try a shorter file.",
            )
        return Problem(
            code="job.step_failed",
            detail=f"The step '{self.state}' failed ({self.error}).",
            value=self.error,
            mend="Try again; if it happens again, tell your admin the job id.",
        )


@dataclass(frozen=True)
class FinishJob:
    """Make the Job terminal (and its Track, where nobody else can any more), then announce it."""

    tracks: Tracks
    jobs: Jobs
    announcer: Announcer
    clock: Clock

    def __call__(self, step: StepInput, failure: Failure | None = None) -> Job | None:
        """The ended Job, or None when it is gone with its Track."""
        return self.end(step.owner_id, step.job_id, failure.problem() if failure else None)

    def end(self, owner_id: str, job_id: str, problem: Problem | None) -> Job | None:
        """End the Job `succeeded`, or `failed` for `problem`; a Job that has ended stays as it ended."""
        now = self.clock()
        job = change(
            self.jobs,
            owner_id,
            job_id,
            lambda job: job.succeeded(now) if problem is None else job.failed(now, problem=problem),
        )
        if job is None:
            return None
        if job.kind is JobKind.INGEST and job.problem is not None:
            reason = job.problem
            change(
                self.tracks,
                owner_id,
                job.track_id,
                lambda track: track.rejected(now, problem=reason),
            )
        self.announcer.announce(JobEvent.of(job))
        return change(self.jobs, owner_id, job_id, lambda job: job.told(self.clock()))
