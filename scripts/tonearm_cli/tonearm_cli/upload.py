"""`tonearm upload`: files go to a deployment, which validates and analyses them, and renders a recipe."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonearm_cli.account import DEFAULT_PROFILE, Profile
from tonearm_cli.errors import CliError, NotSignedIn, Refused, Unreachable, exit_status_of, refusing
from tonearm_cli.files import require_file
from tonearm_cli.output import AsJson, Output, Quiet, command, plain, table, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tonearm.domain.recipe import Recipe
    from tonearm_cli.client import Job, StudioClient


def upload(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", readable=False, help="Audio files.", show_default=False)
    ],
    *,
    recipe: Annotated[str | None, typer.Option(help="Render each with this: 'tempo=1.1,pitch=2,format=flac'.")] = None,
    wait: Annotated[bool, typer.Option("--wait", "--watch", "-w", help="Wait until their jobs have ended.")] = False,
    profile: Profile = DEFAULT_PROFILE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Upload files; each becomes a track with a job.

    A file that is refused does not keep the others back; the exit status is that of the first one.
    """
    with command(as_json=as_json, quiet=quiet) as output:
        parsed = _parsed(recipe)
        for file in files:
            require_file(file)
        from tonearm_cli.session import signed_in

        with signed_in(profile) as client:
            sent = [_Sent(file) for file in files]
            _send_all(client, sent, parsed, output)
            if wait:
                _wait(client, sent, output)
        output.done({"uploads": [one.document for one in sent]}, lambda console: _show(console, sent))
        for one in sent:
            if one.error is not None:
                raise typer.Exit(exit_status_of(one.error))


@dataclass
class _Sent:
    """What became of a file."""

    file: Path
    track_id: str | None = None
    job_id: str | None = None
    job: Job | None = None
    error: CliError | None = None

    @property
    def document(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "track_id": self.track_id,
            "job_id": self.job_id,
            "status": self.job.status.value if self.job else None,
            "problem": self.error.problem_document if self.error else None,
        }


def _parsed(recipe: str | None) -> Recipe | None:
    if recipe is None:
        return None
    from tonearm.domain.recipe import Recipe

    with refusing("The recipe was refused"):
        return Recipe.parse_text(recipe)


def _send_all(client: StudioClient, sent: Sequence[_Sent], recipe: Recipe | None, output: Output) -> None:
    for one in sent:
        try:
            _send(client, one, recipe, output)
        except (NotSignedIn, Unreachable):
            # What is wrong is wrong for all that follow.
            raise
        except CliError as error:
            _failed(one, error, output)


def _send(client: StudioClient, one: _Sent, recipe: Recipe | None, output: Output) -> None:
    # A name of another encoding is no text; what of it is none is replaced.
    name = os.fsencode(one.file.name).decode("utf-8", "replace")
    size = one.file.stat().st_size
    if not size:
        from tonearm.domain.errors import Problem

        problem = Problem(code="track.empty", detail="The file is empty.", value=0, mend="Name an audio file.")
        raise Refused(f"{plain(name)} was refused", problem)
    with output.steps.step("Uploading") as step:
        step.at(f"{plain(name)}: reading")
        with one.file.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        created = client.create_track(filename=name, size_bytes=size, sha256=sha256, recipe=recipe)
        client.upload(created.upload, one.file, lambda moved: step.at(_moved(name, moved, size), moved / size))
        one.track_id, one.job_id = created.track.track_id, created.track.ingest_job_id
        step.came_to(f"{plain(name)}, {one.track_id}")


def _moved(name: str, moved: int, size: int) -> str:
    from rich.filesize import decimal

    return f"{plain(name)}: {decimal(min(moved, size))} of {decimal(size)}"


def _wait(client: StudioClient, sent: Sequence[_Sent], output: Output) -> None:
    from tonearm_cli.jobs import require_succeeded, watched

    # Changes are told as progress: the one document comes at the end.
    aside = Output(quiet=output.quiet)
    ended = {job.job_id: job for job in watched(client, [one.job_id for one in sent if one.job_id], aside)}
    for one in sent:
        one.job = ended.get(one.job_id or "")
        if one.job is not None:
            try:
                require_succeeded([one.job])
            except CliError as error:
                _failed(one, error, output)


def _failed(one: _Sent, error: CliError, output: Output) -> None:
    one.error = error
    if isinstance(error, Refused):
        error.what = f"{plain(one.file.name)}: {error.what}"
    if not output.json:
        tell(error)


def _show(console: Console, sent: Sequence[_Sent]) -> None:
    shown = table("file", "track", "job", "status", whole=("track", "job"))
    for one in sent:
        status = one.error.code if one.error else one.job.status.value if one.job else "sent"
        shown.add_row(plain(one.file.name), one.track_id or "", one.job_id or "", plain(status))
    console.print(shown)
