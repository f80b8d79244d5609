"""End a Job, whatever its end is, and tell its owner: the last step of the workflow, and the reconciler's too."""

import json
import re
from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Problem, TransientError
from tonearm.domain.job import Job, JobEvent, JobKind, StepInput
from tonearm.domain.values import Value
from tonearm.ports import Announcer, Jobs, Tracks
from tonearm.services.change import change

# Lambda says the error's text before its stack trace, so that it stands whole in a cause that was cut short.
_ERROR_TEXT = re.compile(r'"errorMessage"\s*:\s*')


class Failure(Value):
    """What the workflow caught: the state that failed, the error's name and its cause."""

    state: str
    error: str
    cause: str = ""

    def problem(self) -> Problem:
        """The Problem that the step raised, or one that names the step where it died without a word.

        A passing error is one that did not pass in all its retries; its text is for operators, who find it in the logs.
        """
        said = self._said()
        if said is not None and self.error != TransientError.__name__:
            return said
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

    def _said(self) -> Problem | None:
        found = _ERROR_TEXT.search(self.cause)
        if found is None:
            return None
        try:
            text, _ = json.JSONDecoder().raw_decode(self.cause, found.end())
            return Problem.model_validate_json(text)
        except (TypeError, ValueError):
            return None


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
