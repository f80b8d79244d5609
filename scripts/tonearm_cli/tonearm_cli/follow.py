"""Follow a track through the system: ask how its job stands, less and less often while nothing changes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tonearm.domain.job import TERMINAL, JobStatus
from tonearm.domain.track import TrackStatus
from tonearm_cli.errors import CliError, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tonearm_cli.client import Job, StudioClient, Track

_SHORTEST_WAIT_S = 0.15
_LONGEST_WAIT_S = 3.0
_SLOWER = 1.4
# Longer than the longest step, which has ten minutes, and its second try may take without a word.
PATIENCE_S = 1500.0


@dataclass(frozen=True)
class Standing:
    """How things stand: `job` is None until the upload has been noticed."""

    track: Track
    job: Job | None

    def __str__(self) -> str:
        """What goes on, in a few words."""
        if self.job is None:
            return "waiting for the upload to be noticed"
        if self.job.stage is None or self.job.status is not JobStatus.RUNNING:
            return f"{self.job.status}"
        return f"{self.job.stage}: {self.job.percent} %"

    @property
    def part(self) -> float:
        """0.0 to 1.0."""
        return self.job.percent / 100 if self.job else 0.0


def follow(
    client: StudioClient,
    track_id: str,
    job_id: str,
    changed: Callable[[Standing], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Job:
    """Wait until a job has succeeded, telling `changed` of every change, and return it.

    Raises:
        Refused: the track was rejected, or the job failed or was cancelled; its problem says why.
        CliError: nothing has changed for PATIENCE_S seconds.
    """
    seen: Standing | None = None
    wait, changed_at = _SHORTEST_WAIT_S, clock()
    while True:
        standing = _look(client, track_id, job_id)
        if standing != seen:
            seen, wait, changed_at = standing, _SHORTEST_WAIT_S, clock()
            changed(standing)
        job = standing.job
        if job is not None and job.status in TERMINAL:
            if job.status is JobStatus.SUCCEEDED:
                return job
            raise _why(standing.track, job)
        if clock() - changed_at > PATIENCE_S:
            message = f"Nothing has happened to job {job_id} for {PATIENCE_S / 60:.0f} min (it stands at {standing})."
            raise CliError(f"{message} See `tonearm stack logs emulator`.")
        sleep(wait)
        wait = min(wait * _SLOWER, _LONGEST_WAIT_S)


def _look(client: StudioClient, track_id: str, job_id: str) -> Standing:
    # The job first: when it has ended, the track read after it shows what that did.
    try:
        job = client.job(job_id)
    except Refused as refused:
        # The row is written when the upload's event is taken from the queue.
        if refused.problem.code != "job.not_found":
            raise
        job = None
    return Standing(client.track(track_id), job)


def _why(track: Track, job: Job) -> Exception:
    problem = track.problem if track.status is TrackStatus.REJECTED and track.problem else job.problem
    if problem is None:
        return CliError(f"Job {job.job_id} was {job.status} without a reason given.")
    what = "The track was rejected" if track.status is TrackStatus.REJECTED else f"The job {job.status}"
    return Refused(what, problem)
