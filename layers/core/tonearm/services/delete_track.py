"""Delete a Track: first nothing can be read of it, then its jobs stop, then its objects go, then its rows.

A step that is at work, or an upload that is on its way, may still write when all is gone. So the emptied row stays
until such work must have ended; the reconciler deletes once more then, and the row last. A job that this cancels stays
as long, emptied too: its end is still to be announced, by the reconciler.
"""

from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Problem
from tonearm.domain.job import Job
from tonearm.domain.track import Track
from tonearm.ports import Jobs, Media, Tracks, Uploads, Workflow
from tonearm.services.change import change

_DELETED = Problem(code="track.deleted", detail="Its track was deleted by its owner.", mend="Upload the file again.")


@dataclass(frozen=True)
class DeleteTrack:
    """Each step can be repeated; the reconciler goes on where a delete was cut off."""

    tracks: Tracks
    jobs: Jobs
    uploads: Uploads
    media: Media
    workflow: Workflow
    clock: Clock

    def __call__(self, owner_id: str, track_id: str) -> None:
        """Delete the owner's Track and all that was made from it; deleting it again changes nothing."""
        track = change(self.tracks, owner_id, track_id, lambda track: track.expired(self.clock()))
        if track is None:
            return
        for job in self._jobs_of(track):
            self._end(job)
        self.uploads.delete_all(track.upload_prefix)
        self.media.delete_all(track.media_prefix)
        settled = track.settled(self.clock())
        for job in self._jobs_of(track):
            if settled or job.open_since is None:
                self.jobs.remove(job)
        if settled:
            self.tracks.remove(track)

    def _end(self, job: Job) -> None:
        if job.open_since is None:
            return
        change(
            self.jobs,
            job.owner_id,
            job.job_id,
            lambda job: job.cancelled(self.clock(), problem=_DELETED).emptied(self.clock()),
        )
        if not job.is_terminal:
            self.workflow.stop(job, reason=_DELETED.detail)

    def _jobs_of(self, track: Track) -> list[Job]:
        rows: list[Job] = []
        after: str | None = None
        while True:
            page = self.jobs.of_track(track.owner_id, track.track_id, after=after, limit=100)
            rows.extend(page.rows)
            if page.next_after is None:
                # The index may lag behind; the ingest job's id is known without it.
                ingest = self.jobs.get(track.owner_id, track.ingest_job_id)
                known = {job.job_id for job in rows}
                return [*rows, ingest] if ingest and ingest.job_id not in known else rows
            after = page.next_after
