"""`tonearm jobs`: what is being made of your tracks, and how far it is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tonearm_cli.account import DEFAULT_PROFILE, Profile
from tonearm_cli.errors import CliError, Refused
from tonearm_cli.ids import require_id
from tonearm_cli.output import AsJson, Output, Quiet, command, plain, table
from tonearm_cli.tracks import Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console, RenderableType

    from tonearm_cli.client import Job, StudioClient
    from tonearm_cli.follow import Pace

    Standings = Mapping[str, Job | None]

_NOT_YET = "waiting for the upload to be noticed"
_PAGE = 100


def jobs(
    job_id: Annotated[str | None, typer.Argument(metavar="JOB_ID", show_default=False, help="One of them.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Wait until it has ended; without an id, all.")] = False,
    limit: Limit = 20,
    profile: Profile = DEFAULT_PROFILE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List your jobs, newest first, or watch them.

    With --watch and --json every change is a line of its own. A watched job that does not succeed says why, and the
    exit status tells it.
    """
    with command(as_json=as_json, quiet=quiet) as output:
        from tonearm.domain.job import TERMINAL
        from tonearm_cli.session import signed_in

        one = None if job_id is None else require_id(job_id, "job")
        with signed_in(profile) as client:
            if watch:
                ids = [one] if one else [job.job_id for job in client.jobs(limit) if job.status not in TERMINAL]
                ended = watched(client, ids, output)
                if not output.json:
                    _show(output.console, ended)
                require_succeeded(ended)
                return
            found = [client.job(one)] if one else client.jobs(limit)
        if one:
            output.answer(found[0].model_dump(mode="json"), lambda console: _show(console, found))
        else:
            document = {"jobs": [job.model_dump(mode="json") for job in found]}
            output.answer(document, lambda console: _show(console, found))


def watched(client: StudioClient, ids: Sequence[str], output: Output, *, pace: Pace | None = None) -> list[Job]:
    """Wait until every job has ended, showing where each stands; with --json a line for every change.

    Raises:
        Refused: there is no such job, nor an upload that it will come of.
        CliError: nothing has happened for PATIENCE_S seconds.
    """
    from tonearm.domain.job import TERMINAL
    from tonearm_cli.follow import Pace

    pace, seen = pace or Pace(), dict.fromkeys(ids, "")
    standings: dict[str, Job | None] = dict.fromkeys(ids)
    with _shown(output, standings) as changed:
        while open_ids := [job_id for job_id, job in standings.items() if job is None or job.status not in TERMINAL]:
            for job_id, job in _look(client, open_ids).items():
                standings[job_id] = job
                at = job.at if job else _NOT_YET
                if at != seen[job_id]:
                    seen[job_id] = at
                    pace.changed()
                    changed(job_id)
            if any(job is None or job.status not in TERMINAL for job in standings.values()):
                pace.pause(f"{len(open_ids)} jobs" if len(open_ids) > 1 else f"job {open_ids[0]}")
    return [job for job in standings.values() if job is not None]


def require_succeeded(ended: Sequence[Job]) -> None:
    """Raise what the first job that did not succeed ended with."""
    from tonearm.domain.job import JobStatus

    for job in ended:
        if job.status is not JobStatus.SUCCEEDED:
            raise why(job)


def why(job: Job) -> CliError:
    """Why a job did not succeed."""
    what = f"Job {job.job_id} {job.status}"
    if job.problem is None:
        return CliError(f"{what} without a reason given.", code="job.no_reason")
    return Refused(what, job.problem)


def _look(client: StudioClient, ids: Sequence[str]) -> dict[str, Job | None]:
    found = {} if len(ids) == 1 else {job.job_id: job for job in client.jobs(_PAGE)}
    return {job_id: found.get(job_id) or _job(client, job_id) for job_id in ids}


def _job(client: StudioClient, job_id: str) -> Job | None:
    """A job, or None while its row is not there yet: it is written when the upload's event is taken from the queue."""
    try:
        return client.job(job_id)
    except Refused as refused:
        if refused.code != "job.not_found" or all(track.ingest_job_id != job_id for track in client.tracks(_PAGE)):
            raise
        return None


@contextmanager
def _shown(output: Output, standings: Standings) -> Iterator[Callable[[str], None]]:
    """Show standings while they change: redrawn on a terminal, otherwise a line for each change."""

    def told(job_id: str) -> None:
        job = standings[job_id]
        if output.json:
            waiting = {"job_id": job_id, "status": None, "stage": None, "percent": 0}
            output.line(waiting if job is None else job.model_dump(mode="json"))
        elif not output.messages.is_terminal:
            output.say(f"{job_id}  {job.at if job else _NOT_YET}")

    if output.json or not output.messages.is_terminal or output.quiet:
        yield told
        return
    from rich.live import Live

    with Live(console=output.messages, transient=True, get_renderable=lambda: _bars(standings)):
        yield told


def _bars(standings: Standings) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    rows = Table.grid(padding=(0, 1))
    for job_id, job in standings.items():
        rows.add_row(
            job_id, ProgressBar(total=100, completed=job.percent if job else 0, width=24), job.at if job else _NOT_YET
        )
    return rows


def _show(console: Console, jobs: Sequence[Job]) -> None:
    shown = table("job", "track", "stands at", "made", whole=("job", "track"))
    for job in jobs:
        made = f"{job.render.codec}, {job.render.duration_s:.1f} s" if job.render else ""
        at = job.at if job.problem is None else f"{job.at}: {plain(job.problem.code)}"
        shown.add_row(job.job_id, job.track_id, at, plain(made))
    console.print(shown if jobs else "No jobs.", markup=False)
