"""Make the rows agree with what really happened: executions that ended unheard, uploads whose event was lost."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Problem
from tonearm.domain.job import Job, JobStatus
from tonearm.domain.track import Track
from tonearm.ports import ExecutionState, JobQueue, Jobs, Row, Tracks, Uploads, Workflow
from tonearm.services.delete_track import DeleteTrack
from tonearm.services.finish_job import FinishJob

# Younger work is left alone: its own event is most likely still under way.
GRACE = timedelta(minutes=2)
# A form lives five minutes, a slow upload that began in time may take longer; after this nothing will come.
UPLOAD_PATIENCE = timedelta(hours=6)

_ENDED_UNHEARD: Mapping[ExecutionState, Problem] = {
    "failed": Problem(
        code="job.execution_failed",
        detail="The workflow failed before it could say why.",
        mend="Try again; if it happens again, tell your admin the job id.",
    ),
    "timed_out": Problem(
        code="job.execution_timed_out",
        detail="The workflow took too long and was stopped.",
        mend="Try again with a shorter file.",
    ),
    "aborted": Problem(
        code="job.execution_aborted", detail="The workflow was stopped by an operator.", mend="Try again."
    ),
}


@dataclass(frozen=True)
class Reconcile:
    """The truth about the end, also where no Catch could run."""

    tracks: Tracks
    jobs: Jobs
    uploads: Uploads
    queue: JobQueue
    workflow: Workflow
    finish_job: FinishJob
    delete_track: DeleteTrack
    clock: Clock

    def execution_ended(self, owner_id: str, job_id: str, state: ExecutionState) -> Job | None:
        """An execution has ended: its Job ends too, and is announced, where its last step has not done so already."""
        job = self.jobs.get(owner_id, job_id)
        if job is None or job.open_since is None:
            return job
        # Whoever says so may be mistaken: then the execution's own end is still to come.
        if not job.is_terminal and self.workflow.state(job) == "running":
            return job
        return self._end(job, state)

    def sweep(self) -> Counter[str]:
        """Look at all that has been open for longer than the grace; answers what was done, counted by name.

        Raises:
            ExceptionGroup: of all that went wrong, after all the other rows were looked at.
        """
        before = self.clock() - GRACE
        done: Counter[str] = Counter()
        failures: list[Exception] = []

        def each(rows: Sequence[Row], reconcile: Callable[[Row], str]) -> None:
            for row in rows:
                try:
                    done[reconcile(row)] += 1
                except Exception as failure:  # noqa: BLE001  # raised below: one broken row must not stop the others
                    failures.append(failure)

        each(self.jobs.open_before(before), self._reconcile_job)
        each(self.tracks.open_before(before), self._reconcile_track)
        if failures:
            raise ExceptionGroup(f"{len(failures)} rows could not be reconciled; done: {dict(done)}", failures)
        return done

    def _reconcile_job(self, job: Job) -> str:
        if job.is_terminal:
            self.finish_job.end(job.owner_id, job.job_id, job.problem)
            return "job_announced"
        state = self.workflow.state(job)
        if state == "running":
            return "job_left_running"
        if state is None and job.status is JobStatus.QUEUED:
            self.queue.send_job(job)
            return "job_queued_again"
        self._end(job, state or "failed")
        return "job_ended"

    def _end(self, job: Job, state: ExecutionState) -> Job | None:
        # An execution that ended well ends its own job in its last step; one that did not is a failure.
        unheard = _ENDED_UNHEARD.get(state, _ENDED_UNHEARD["failed"])
        return self.finish_job.end(job.owner_id, job.job_id, unheard)

    def _reconcile_track(self, track: Track) -> str:
        if track.gone(self.clock()):
            self.delete_track(track.owner_id, track.track_id)
            return "track_deletion_finished"
        # Validating: its ingest job is what is open, unless that was never written or ended without it.
        job = self.jobs.get(track.owner_id, track.ingest_job_id)
        if job is not None and job.is_terminal:
            self.finish_job.end(job.owner_id, job.job_id, job.problem)
            return "track_ended"
        if job is not None:
            return "track_left_validating"
        upload = self.uploads.find(track.upload_key)
        if upload is not None:
            self.queue.send_upload(track, upload)
            return "upload_queued_again"
        if self.clock() - track.created_at > UPLOAD_PATIENCE:
            self.delete_track(track.owner_id, track.track_id)
            return "track_without_upload_deleted"
        return "track_left_waiting"
