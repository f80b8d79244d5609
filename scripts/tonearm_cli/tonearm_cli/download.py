"""`tonearm download`: what a job has made comes to this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from unicodedata import normalize

import typer

from tonearm_cli.account import DEFAULT_PROFILE, Profile
from tonearm_cli.errors import CliError
from tonearm_cli.files import Place, require_folder, require_free
from tonearm_cli.ids import require_id
from tonearm_cli.output import AsJson, Quiet, command, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from tonearm_cli.client import Job, Link, StudioClient
    from tonearm_cli.display import Step

_LONGEST_NAME_BYTES = 200


def download(
    of: Annotated[str, typer.Argument(metavar="JOB_ID|TRACK_ID", show_default=False, help="A track's newest job.")],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", readable=False, help="Folder to put it in; it is made when missing.")
    ] = Path(),
    render: Annotated[bool, typer.Option("--render", help="The render.")] = False,
    certificate: Annotated[bool, typer.Option("--certificate", help="The certificate.")] = False,
    analysis: Annotated[bool, typer.Option("--analysis", help="The analysis.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that are there.")] = False,
    profile: Profile = DEFAULT_PROFILE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Download what a job made: all of it, or what you name."""
    with command(as_json=as_json, quiet=quiet) as output:
        require_id(of, "job", "trk")
        from tonearm_cli.session import signed_in

        chosen = {"render": render, "certificate": certificate, "analysis": analysis}
        wished = [kind for kind, wish in chosen.items() if wish] or list(chosen)
        files: list[dict[str, Any]] = []
        with signed_in(profile) as client:
            job = client.job(of) if of.startswith("job_") else _newest(client, of)
            downloads = client.downloads(job.job_id)
            links: dict[str, Link] = {kind: link for kind in wished if (link := getattr(downloads, kind)) is not None}
            if missing := [kind for kind, wish in chosen.items() if wish and kind not in links]:
                message = f"Job {job.job_id} made no {' and no '.join(missing)}: it had no recipe."
                raise CliError(message, code="job.not_made", value=job.job_id, mend="`tonearm jobs` lists the others.")
            out.mkdir(parents=True, exist_ok=True)
            require_folder(out)
            said = {kind: (link.filename, f"{job.job_id}.{kind}") for kind, link in links.items()}
            paths = {kind: out / name for kind, name in file_names(said).items()}
            places = {kind: Place(path, require_free(path, output, force=force)) for kind, path in paths.items()}
            size = job.render.size_bytes if job.render else None
            for kind, place in places.items():
                with output.steps.step("Downloading") as step:
                    expected = size if kind == "render" else None
                    files.append(fetched(client, kind, links[kind], place, size_bytes=expected, step=step))
        document = {"job_id": job.job_id, "track_id": job.track_id, "files": files}
        output.done(document, lambda console: _show(console, files))


def file_names(said: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """A name of its own for each file: what a server calls alike is numbered, and nothing overwrites the other.

    Args:
        said: of each kind of file what `file_name` takes.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for kind, (name, otherwise) in said.items():
        wished = own = Path(file_name(name, otherwise))
        number = 1
        while _on_disk(own) in taken:
            number += 1
            own = wished.with_stem(f"{wished.stem}-{number}")
        taken.add(_on_disk(own))
        names[kind] = str(own)
    return names


def file_name(said: str, otherwise: str) -> str:
    """A name for a file from what a server says: never a path, never hidden, never a command to a terminal."""
    name = "".join("_" if character in '/\\:*?"<>|' else character for character in plain(said)).strip(" .")
    while len(name.encode()) > _LONGEST_NAME_BYTES:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[:-1]}{dot}{ending}" if len(stem) > 1 else name[:-1]
    return name or otherwise


def _on_disk(name: Path) -> str:
    """What names have in common that are one file on a disk which knows neither case nor the form of an accent."""
    return normalize("NFKC", normalize("NFKC", str(name)).casefold())


def _newest(client: StudioClient, track_id: str) -> Job:
    """The newest job of a track that has made something: a render, rather than an analysis alone."""
    from tonearm.domain.job import JobStatus

    track = client.track(track_id)
    succeeded = [job for job in client.jobs(100, track_id) if job.status is JobStatus.SUCCEEDED]
    if not succeeded:
        raise CliError(
            f"No job of track {track_id} has succeeded.",
            code="job.not_succeeded",
            value=track.status.value,
            limit=JobStatus.SUCCEEDED.value,
            mend=f"`tonearm jobs --watch {track.ingest_job_id}` waits for it, or says why it failed.",
        )
    return next((job for job in succeeded if job.render), succeeded[0])


def fetched(
    client: StudioClient, kind: str, link: Link, place: Place, *, size_bytes: int | None, step: Step
) -> dict[str, Any]:
    """Download one file, whole or not at all; what it is."""
    from rich.filesize import decimal

    path, name = place.out, plain(place.out.name)

    def moved(count: int) -> None:
        step.at(f"{name}: {decimal(count)}", count / size_bytes if size_bytes else None)

    sha256 = client.download(link, place, moved, size_bytes=size_bytes)
    step.came_to(name)
    return {"kind": kind, "path": str(path), "size_bytes": path.stat().st_size, "sha256": sha256}


def _show(console: Console, files: Sequence[Mapping[str, Any]]) -> None:
    from rich.filesize import decimal

    for file in files:
        console.print(f"{plain(file['path'])}  {decimal(file['size_bytes'])}", markup=False, soft_wrap=True)
