"""What the steps of the workflow share: the rows they work on, and how they say how far they are."""

from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import JobAlreadyEnded
from tonearm.domain.job import Job, Stage, StepInput
from tonearm.domain.track import Track
from tonearm.ports import Jobs, Progress, Tracks
from tonearm.services.change import change

PROGRESS_EVERY_S = 2.0


@dataclass(frozen=True)
class Work:
    """A step's Track and Job, at the beginning of its stage."""

    track: Track
    job: Job
    on_progress: Progress


@dataclass(frozen=True)
class BeginStage:
    """Mark the Job `running` in a stage, or stop the step when there is nothing left to do."""

    tracks: Tracks
    jobs: Jobs
    clock: Clock

    def __call__(self, step: StepInput, stage: Stage) -> Work:
        """The rows to work on.

        Raises:
            JobAlreadyEnded: the Job is terminal, or it or its Track is gone.
        """
        job = self._mark(step, stage, 0.0)
        track = self.tracks.get(step.owner_id, step.track_id)
        if track is None or track.gone(self.clock()):
            raise JobAlreadyEnded(step.job_id)
        last_said = self.clock()

        def on_progress(fraction: float) -> None:
            nonlocal last_said
            now = self.clock()
            if (now - last_said).total_seconds() >= PROGRESS_EVERY_S:
                last_said = now
                self._mark(step, stage, fraction)

        return Work(track, job, on_progress)

    def _mark(self, step: StepInput, stage: Stage, fraction: float) -> Job:
        job = change(
            self.jobs,
            step.owner_id,
            step.job_id,
            lambda job: job.progressed(self.clock(), stage=stage, fraction=fraction),
        )
        if job is None:
            raise JobAlreadyEnded(step.job_id)
        return job
