"""Ask for a render of a ready Track."""

from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.job import Job, JobKind
from tonearm.domain.recipe import Recipe
from tonearm.domain.rendering import require_room
from tonearm.ports import JobQueue, Jobs
from tonearm.services.allowance import Allowance
from tonearm.services.ownership import Ownership


@dataclass(frozen=True)
class CreateJob:
    """Write the Job, then queue it; the reconciler queues again what was written and never queued."""

    jobs: Jobs
    queue: JobQueue
    ownership: Ownership
    allowance: Allowance
    clock: Clock

    def __call__(self, owner_id: str, track_id: str, recipe: Recipe, *, job_id: str, correlation_id: str) -> Job:
        """The queued Job; the same `job_id` again answers the same Job.

        Raises:
            NotFound: there is no such Track of this owner, or ``recipe.track_not_found``.
            Conflict: ``track.not_ready``.
            InvalidRequest: ``recipe.tracks_too_large``, ``recipe.too_long``.
            LimitReached: ``owner.too_much_open_work``; a `job_id` that came before is answered all the same.
        """
        track = self.ownership.track(owner_id, track_id)
        track.require_ready()
        require_room(recipe, track, self.ownership.others(owner_id, recipe))
        if not self.allowance.has_room(owner_id) and self.jobs.get(owner_id, job_id) is None:
            raise self.allowance.used_up()
        now = self.clock()
        job = self.jobs.add(
            Job(
                job_id=job_id,
                owner_id=owner_id,
                track_id=track_id,
                kind=JobKind.RENDER,
                recipe=recipe,
                correlation_id=correlation_id,
                created_at=now,
                updated_at=now,
                expires_at=track.expires_at,
            )
        )
        self.queue.send_job(job)
        return job
