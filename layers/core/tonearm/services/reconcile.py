"""Make the rows agree with what really happened: executions that ended unheard, uploads whose event was lost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Problem
from tonearm.domain.job import Job, JobStatus
from tonearm.domain.track import Track, TrackStatus
from tonearm.ports import ExecutionState, JobQueue, Jobs, Tracks, Uploads, Workflow
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
        """An execution has ended: its Job ends too, if its last step has not ended it already."""
        job = self.jobs.get(owner_id, job_id)
        if job is None or job.is_terminal:
            return job
        # An execution that ended well ends its own job in its last step; one that did not is a failure.
        return self.finish_job.end(owner_id, job_id, _ENDED_UNHEARD.get(state, _ENDED_UNHEARD["failed"]))

    def sweep(self) -> Counter[str]:
        """Look at all that has been open for longer than the grace; answers what was done, counted by name."""
        before = self.clock() - GRACE
        done: Counter[str] = Counter()
        for job in self.jobs.open_before(before):
            done[self._reconcile_job(job)] += 1
        for track in self.tracks.open_before(before):
            done[self._reconcile_track(track)] += 1
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
        self.execution_ended(job.owner_id, job.job_id, state or "failed")
        return "job_ended"

    def _reconcile_track(self, track: Track) -> str:
        if track.gone(self.clock()):
            self.delete_track(track.owner_id, track.track_id)
            return "track_deletion_finished"
        if track.status is TrackStatus.AWAITING_UPLOAD:
            return self._reconcile_upload(track)
        # Validating: its ingest job is what is open, unless that was never written or ended without it.
        job = self.jobs.get(track.owner_id, track.ingest_job_id)
        if job is None:
            self.queue.send_upload(track)
            return "upload_queued_again"
        if job.is_terminal:
            self.finish_job.end(job.owner_id, job.job_id, job.problem)
            return "track_ended"
        return "track_left_validating"

    def _reconcile_upload(self, track: Track) -> str:
        if self.uploads.size_bytes(track.upload_key) is not None:
            self.queue.send_upload(track)
            return "upload_queued_again"
        if self.clock() - track.created_at > UPLOAD_PATIENCE:
            self.delete_track(track.owner_id, track.track_id)
            return "track_without_upload_deleted"
        return "track_left_waiting"
