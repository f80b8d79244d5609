"""The one place where it is checked whose a thing is: another owner's, an expired one and none answer alike."""

from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import InvalidRequest, NotFound
from tonearm.domain.job import Job
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track
from tonearm.ports import Jobs, Tracks

# What the steps that work on them have room for, beside the song, its render and what is written on the way.
MAX_OTHER_TRACKS_BYTES = 1_000_000_000


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

    def others(self, owner_id: str, recipe: Recipe) -> list[Track]:
        """The other Tracks that a recipe names: the owner's own, and ready.

        Raises:
            NotFound: ``recipe.track_not_found``.
            Conflict: ``track.not_ready``.
            InvalidRequest: ``recipe.tracks_too_large``, all of them together.
        """
        others = [self._other(owner_id, track_id) for track_id in recipe.other_track_ids]
        for other in others:
            other.require_ready()
        size_bytes = sum(other.size_bytes for other in others)
        if size_bytes > MAX_OTHER_TRACKS_BYTES:
            raise InvalidRequest(
                "recipe.tracks_too_large",
                f"The recipe names other tracks of {size_bytes:,} bytes together; "
                f"the limit is {MAX_OTHER_TRACKS_BYTES:,} bytes.",
                value=size_bytes,
                limit=MAX_OTHER_TRACKS_BYTES,
                mend="Name fewer of them, or upload them as FLAC or MP3.",
            )
        return others

    def _other(self, owner_id: str, track_id: str) -> Track:
        try:
            return self.track(owner_id, track_id)
        except NotFound as refusal:
            raise NotFound(
                "recipe.track_not_found",
                f"The recipe names a track {track_id} that is not there.",
                value=track_id,
                mend="Name a track of yours: /v1/tracks lists them.",
            ) from refusal

    def job(self, owner_id: str, job_id: str) -> Job:
        """The owner's Job, of a Track that still stands. Raises `NotFound`."""
        job = self.jobs.get(owner_id, job_id)
        track = self.tracks.get(owner_id, job.track_id) if job else None
        if job is None or track is None or track.gone(self.clock()):
            raise NotFound("job.not_found", f"There is no job {job_id}.", value=job_id, mend="List /v1/jobs.")
        return job
