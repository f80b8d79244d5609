"""Make the rows agree with what really happened: executions that ended unheard, lost events, lost executions and rows.

A sweep compares three things. Uploads in the bucket: each has a Track, else the Track is written anew from the note
that came with the upload. Rows that nobody has moved for a while: each is moved on or ended. Executions: asked after,
one by one, for such rows alone. What was looked at and left is put off for longer each time, so that a sweep that was
cut short goes on with the others, and after LOOKS looks without a move it ends.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Problem
from tonearm.domain.ids import new_job_id
from tonearm.domain.job import Job, ingest_job
from tonearm.domain.track import SETTLED_AFTER, UPLOAD_PATIENCE, Track, TrackStatus
from tonearm.domain.upload_note import UploadNote
from tonearm.ports import (
    Bookmark,
    ExecutionState,
    JobQueue,
    Jobs,
    ListedUpload,
    OpenRow,
    OpenWork,
    StoredUpload,
    Tracks,
    Uploads,
    Workflow,
)
from tonearm.services.change import change
from tonearm.services.delete_track import DeleteTrack
from tonearm.services.finish_job import FinishJob
from tonearm.services.start_job import upload_of

# Younger work is left alone: its own event is most likely still under way.
GRACE = timedelta(minutes=2)
# For how long a row is put off by its first look, its second, and so on. A sweep comes every five minutes.
WAITS = (timedelta(minutes=4), timedelta(minutes=9), timedelta(minutes=19))
# The sixth comes 72 to 82 minutes after the last move: by then the state machine's own TimeoutSeconds, an hour, have
# ended an execution, and the queue has put aside a message that nobody could read.
LOOKS = 6
# Uploads that one sweep compares with their rows: a list of S3 has 1,000.
UPLOADS_A_SWEEP = 1_000
# Of the time of a sweep, for the uploads; the rows have the rest.
_UPLOADS_SHARE = 0.25
# Failures that are told in full.
_TOLD = 20

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
_STALLED = Problem(
    code="job.stalled",
    detail="The job did not move for longer than every step may take, and was stopped.",
    mend="Try again; if it happens again, tell your admin the job id.",
)
_NOT_STARTED = Problem(
    code="job.not_started",
    detail="The job could not be started; it was tried again for more than an hour.",
    mend="Try again later; if it happens again, tell your admin the job id.",
)

Thing = TypeVar("Thing", OpenRow, ListedUpload)


@dataclass(frozen=True)
class Left:
    """What was done about a row that stays open, and since when it then waits when not as usual."""

    done: str
    until: datetime | None = None


@dataclass(frozen=True)
class Reconcile:
    """The truth about the end, also where no Catch could run."""

    tracks: Tracks
    jobs: Jobs
    open_work: OpenWork
    uploads: Uploads
    bookmark: Bookmark
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

    def sweep(self, *, within: timedelta = timedelta(hours=1), grace: timedelta = GRACE) -> Counter[str]:
        """Look at all that has waited for longer than `grace`; answers what was done, counted by name.

        Args:
            within: after this time no further row is looked at; the next sweep goes on with those that wait longest.
            grace: how long a row must have waited, and an upload must have lain there.

        Raises:
            ExceptionGroup: of the first that went wrong, after all the other rows were looked at.
        """
        begun = self.clock()
        sweep, before = _Sweep(self.clock), begun - grace
        # Uploads first: a job whose Track is written anew in time need not fail for want of it.
        sweep.attempt(lambda: self._sweep_uploads(sweep, before=before, until=begun + _UPLOADS_SHARE * within))
        sweep.each(self.open_work.waiting(before), self._reconcile, until=begun + within, failed=self._put_off)
        if sweep.failures:
            told = sweep.failures[:_TOLD]
            raise ExceptionGroup(f"{len(sweep.failures)} could not be reconciled; done: {dict(sweep.done)}", told)
        return sweep.done

    # ---------------------------------------------------------------- uploads without a row

    def _sweep_uploads(self, sweep: "_Sweep", *, before: datetime, until: datetime) -> None:
        """Walk on through the bucket, from where the last sweep stopped; at the end the walk begins anew."""
        seen = place = self.bookmark.place()
        looked_at = 0

        def look(upload: ListedUpload) -> str | None:
            nonlocal place, looked_at
            place, looked_at = upload.key, looked_at + 1
            return self._reconcile_upload(upload, before)

        came_through = sweep.each(islice(self.uploads.listed(after=seen), UPLOADS_A_SWEEP), look, until=until)
        if came_through and looked_at < UPLOADS_A_SWEEP:
            place = None
        if place != seen:
            self.bookmark.move(place, seen=seen)

    def _reconcile_upload(self, upload: ListedUpload, before: datetime) -> str | None:
        named = upload_of(upload.key)
        if named is None or upload.arrived_at >= before or self.tracks.get(*named) is not None:
            return None
        return self._write_anew(upload.key, *named)

    def _write_anew(self, key: str, owner_id: str, track_id: str) -> str | None:
        found = self.uploads.find(key)
        if found is None:
            return None
        if found.note is None:
            return "upload_without_track_or_note"
        note, now = UploadNote.read(found.note), self.clock()
        track = note.track(owner_id=owner_id, track_id=track_id, size_bytes=found.size_bytes, now=now)
        if track.gone(now):
            self.uploads.delete_all(track.upload_prefix)
            return "expired_upload_deleted"
        # Whoever deletes a track leaves its emptied row until its upload is gone: then that one is the answer.
        track = self.tracks.add(track)
        if not track.gone(now):
            self.queue.send_upload(track, found)
        return "track_written_anew"

    # ---------------------------------------------------------------- rows that wait

    def _reconcile(self, row: OpenRow) -> str | None:
        if row.kind == "JOB":
            job = self.jobs.get(row.owner_id, row.row_id)
            outcome = None if job is None else self._reconcile_job(job, last_look=row.looks >= LOOKS - 1)
        else:
            track = self.tracks.get(row.owner_id, row.row_id)
            outcome = None if track is None else self._reconcile_track(track, last_look=row.looks >= LOOKS - 1)
        if isinstance(outcome, Left):
            self._put_off(row, outcome.until)
            return outcome.done
        return outcome

    def _put_off(self, row: OpenRow, until: datetime | None = None) -> None:
        self.open_work.put_off(row, until or self.clock() + WAITS[min(row.looks, len(WAITS) - 1)] - GRACE)

    def _reconcile_job(self, job: Job, *, last_look: bool) -> str | Left:
        if job.is_terminal:
            self.finish_job.end(job.owner_id, job.job_id, job.problem)
            return "job_announced"
        state = self.workflow.state(job)
        if state == "running" and last_look:
            self.finish_job.end(job.owner_id, job.job_id, _STALLED)
            self.workflow.stop(job, reason=_STALLED.detail)
            return "job_stalled"
        if state == "running":
            return Left("job_left_running")
        if state is not None:
            self._end(job, state)
            return "job_ended"
        if last_look:
            self.finish_job.end(job.owner_id, job.job_id, _NOT_STARTED)
            return "job_given_up"
        self.queue.send_job(job)
        return Left("job_queued_again")

    def _end(self, job: Job, state: ExecutionState) -> Job | None:
        problem: Problem | None = _ENDED_UNHEARD.get(state, _ENDED_UNHEARD["failed"])
        if state == "succeeded":
            # It has ended its own job in its last step. A row that says otherwise is an older one again, and what the
            # job made may well stand.
            track = self.tracks.get(job.owner_id, job.track_id)
            if track is not None and track.status is TrackStatus.REJECTED:
                problem = track.problem
            elif track is not None and track.status is TrackStatus.READY and (job.render or not job.recipe):
                problem = None
        return self.finish_job.end(job.owner_id, job.job_id, problem)

    def _reconcile_track(self, track: Track, *, last_look: bool) -> str | Left:
        if track.gone(self.clock()):
            return self._delete(track, "track_deletion_finished")
        # Validating: its ingest job is what is open, unless that was never written or ended without it.
        job = self.jobs.get(track.owner_id, track.ingest_job_id)
        if job is not None and not job.is_terminal:
            return Left("track_left_validating")
        if job is not None and job.problem is not None:
            self.finish_job.end(job.owner_id, job.job_id, job.problem)
            return "track_ended"
        upload = self.uploads.find(track.upload_key)
        if upload is not None:
            return self._begin_ingest(track, job, upload, last_look=last_look)
        if self.clock() - track.created_at > UPLOAD_PATIENCE:
            return self._delete(track, "track_without_upload_deleted")
        return Left("track_left_waiting")

    def _delete(self, track: Track, done: str) -> str | Left:
        self.delete_track(track.owner_id, track.track_id)
        emptied = self.tracks.get(track.owner_id, track.track_id)
        if emptied is None or emptied.ended_at is None:
            return done
        return Left(done, until=emptied.ended_at + SETTLED_AFTER)

    def _begin_ingest(self, track: Track, job: Job | None, upload: StoredUpload, *, last_look: bool) -> str | Left:
        if last_look:
            given_up = self.jobs.add(ingest_job(track, self.clock()))
            self.finish_job.end(given_up.owner_id, given_up.job_id, _NOT_STARTED)
            return "track_given_up"
        if job is not None:
            # It succeeded, and the row that it had made ready is an older one again.
            job_id = new_job_id()
            begin = change(
                self.tracks,
                track.owner_id,
                track.track_id,
                lambda track: track.ingested_anew(self.clock(), ingest_job_id=job_id),
            )
            track = begin or track
        self.queue.send_upload(track, upload)
        return Left("upload_queued_again")


class _Sweep:
    """What was done and what went wrong, over many things of which none may stop the others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.done: Counter[str] = Counter()
        self.failures: list[Exception] = []

    def each(
        self,
        things: Iterable[Thing],
        reconcile: Callable[[Thing], str | None],
        *,
        until: datetime,
        failed: Callable[[Thing], None] | None = None,
    ) -> bool:
        """Reconcile each, and say whether there was time for all; `failed` is told of those that could not be."""
        for thing in things:
            if self._clock() >= until:
                self.done["cut_short"] += 1
                return False
            if not self.attempt(partial(self._count, reconcile, thing)) and failed:
                self.attempt(partial(failed, thing))
        return True

    def attempt(self, work: Callable[[], None]) -> bool:
        """Do the work and say whether it could be done."""
        try:
            work()
        except Exception as failure:  # noqa: BLE001  # told at the end: one broken row must not stop the others
            self.failures.append(failure)
            return False
        return True

    def _count(self, reconcile: Callable[[Thing], str | None], thing: Thing) -> None:
        done = reconcile(thing)
        if done:
            self.done[done] += 1
