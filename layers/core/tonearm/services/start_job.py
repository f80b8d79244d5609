"""Start the workflow for an upload that arrived or a Job that was asked for; starting twice starts once."""

import re
from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.job import Job, ingest_job
from tonearm.domain.track import TrackStatus
from tonearm.ports import Jobs, Tracks, Workflow
from tonearm.services.change import change

_UPLOAD_KEY = re.compile(r"uploads/(?P<owner_id>[^/]+)/(?P<track_id>[^/]+)/source")


def upload_of(key: str) -> tuple[str, str] | None:
    """The owner and the Track of an upload's key, or None for a key that is no upload."""
    found = _UPLOAD_KEY.fullmatch(key)
    return (found["owner_id"], found["track_id"]) if found else None


@dataclass(frozen=True)
class StartJob:
    """Track state, Job row, execution: in this order, each repeatable, so that any of them may be the last.

    The Track comes first, so that where a Job stands its Track is ready to be validated.
    """

    tracks: Tracks
    jobs: Jobs
    workflow: Workflow
    clock: Clock

    def upload_arrived(self, owner_id: str, track_id: str, *, upload_version: str | None) -> Job | None:
        """The ingest Job of this upload, or None when the Track is gone or needs none any more."""
        now = self.clock()
        track = change(
            self.tracks,
            owner_id,
            track_id,
            lambda track: track if track.gone(now) else track.upload_arrived(now, upload_version=upload_version),
        )
        if track is None or track.gone(now) or track.status is not TrackStatus.VALIDATING:
            return None
        return self._start(self.jobs.add(ingest_job(track, now)))

    def job_requested(self, owner_id: str, job_id: str) -> Job | None:
        """The Job, or None when it is gone."""
        job = self.jobs.get(owner_id, job_id)
        return None if job is None else self._start(job)

    def _start(self, job: Job) -> Job:
        # Also one that runs already: its execution may have been lost, and where it was not this starts nothing.
        if not job.is_terminal:
            self.workflow.start(job)
        return job
