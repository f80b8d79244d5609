"""The one place where it is checked whose a thing is: another owner's, an expired one and none answer alike."""

from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import NotFound
from tonearm.domain.job import Job
from tonearm.domain.track import Track
from tonearm.ports import Jobs, Tracks


@dataclass(frozen=True)
class Ownership:
    """Reads rows for their owner only."""

    tracks: Tracks
    jobs: Jobs
    clock: Clock

    def track(self, owner_id: str, track_id: str) -> Track:
        """The owner's Track. Raises `NotFound`."""
        track = self.tracks.get(owner_id, track_id)
        if track is None or track.gone(self.clock()):
            raise NotFound("track.not_found", f"There is no track {track_id}.", value=track_id, mend="List /v1/tracks.")
        return track

    def job(self, owner_id: str, job_id: str) -> Job:
        """The owner's Job, of a Track that still stands. Raises `NotFound`."""
        job = self.jobs.get(owner_id, job_id)
        track = self.tracks.get(owner_id, job.track_id) if job else None
        if job is None or track is None or track.gone(self.clock()):
            raise NotFound("job.not_found", f"There is no job {job_id}.", value=job_id, mend="List /v1/jobs.")
        return job
