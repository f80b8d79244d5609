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
        return "waiting for the upload to be noticed" if self.job is None else self.job.at

    @property
    def part(self) -> float:
        """0.0 to 1.0."""
        return self.job.percent / 100 if self.job else 0.0


class Pace:
    """How often to ask: less and less often while nothing changes, and at last no more."""

    def __init__(
        self, *, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self.changed()

    def changed(self) -> None:
        """Ask often again."""
        self._wait, self._changed_at = _SHORTEST_WAIT_S, self._clock()

    def pause(self, still: str) -> None:
        """Wait for the next question. Raises CliError when nothing has changed for PATIENCE_S seconds."""
        if self._clock() - self._changed_at > PATIENCE_S:
            message = f"Nothing has happened to {still} for {PATIENCE_S / 60:.0f} min."
            mend = "Tell the deployment's operator; on a laptop stack, see `tonearm stack logs emulator`."
            raise CliError(message, code="job.stalled", mend=mend)
        self._sleep(self._wait)
        self._wait = min(self._wait * _SLOWER, _LONGEST_WAIT_S)


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
    seen, pace = "", Pace(sleep=sleep, clock=clock)
    while True:
        standing = _look(client, track_id, job_id)
        if str(standing) != seen:
            seen = str(standing)
            pace.changed()
            changed(standing)
        job = standing.job
        if job is not None and job.status in TERMINAL:
            if job.status is JobStatus.SUCCEEDED:
                return job
            raise _why(standing.track, job)
        pace.pause(f"job {job_id} (it stands at {standing})")


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
