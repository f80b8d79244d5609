"""A render of a track that lies in a deployment: ordered there, followed until it is made, and fetched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm_cli.errors import CliError, Refused, refusing
from tonearm_cli.files import Place
from tonearm_cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from tonearm.domain.recipe import Recipe
    from tonearm_cli.certificates import Read
    from tonearm_cli.client import Job, Render, StudioClient


@dataclass(frozen=True)
class Brought:
    """A render that was ordered and fetched."""

    out: Path
    job: Job
    render: Render
    recipe: Recipe
    read: Read

    @property
    def document(self) -> dict[str, Any]:
        """The same as of a render on this machine, and whose job it was."""
        return {
            "out": str(self.out),
            "track_id": self.job.track_id,
            "job_id": self.job.job_id,
            "codec": self.recipe.output.codec,
            "size_bytes": self.out.stat().st_size,
            "duration_s": self.render.duration_s,
            "pcm_sha256": self.render.pcm_sha256,
            "recipe": json.loads(self.recipe.canonical_json()),
            "recipe_hash": self.recipe.content_hash,
            "engine_version": self.read.certificate.engine_version,
            "certificate": self.read.document,
        }

    def show(self, console: Console) -> None:
        """Print the promises and the file."""
        from tonearm_cli.summary import show_render

        show_render(console, self.out, self.render.duration_s, self.read.certificate)


def ordered(track_id: str, recipe: Recipe, place: Place, output: Output, *, profile: str) -> Brought:
    """Have a track rendered by the deployment of a profile, and put the render into its place, whole or not at all.

    Raises:
        Refused: there is no such track, it is not ready, the job failed, or its certificate has a broken promise.
        CliError: nothing has happened for PATIENCE_S seconds, or the certificate cannot be read.
        WrongUse: a file has come to stand there that may not be replaced.
    """
    from tonearm_cli.jobs import require_succeeded, watched
    from tonearm_cli.session import signed_in

    with signed_in(profile) as client:
        with output.steps.step("Ordering") as step:
            job_id = client.create_job(track_id, recipe).job_id
            step.came_to(f"{job_id}: `tonearm download` brings it as well")
        # Changes are told as progress: the one document comes at the end.
        ended = watched(client, [job_id], Output(quiet=output.quiet))
        require_succeeded(ended)
        return _brought(client, ended[0], recipe, place, output)


def _brought(client: StudioClient, job: Job, recipe: Recipe, place: Place, output: Output) -> Brought:
    from tonearm_cli.certificates import read_certificate
    from tonearm_cli.download import fetched

    links, render = client.downloads(job.job_id), job.render
    if render is None or render.size_bytes <= 0 or links.render is None or links.certificate is None:
        mend = "Run the command again, or report this with the job id."
        raise CliError(f"Job {job.job_id} made no render.", code="job.not_made", value=job.job_id, mend=mend)
    with place.beside() as folder:
        certificate = Place(Path(folder, "certificate.json"), replace=True)
        client.download(links.certificate, certificate)
        read = read_certificate(certificate.out, job.job_id)
        _require_kept(read, output)
        # By its own name, which is told while it comes.
        partial = Place(Path(folder, place.out.name), replace=True)
        with output.steps.step("Downloading") as step:
            fetched(client, "render", links.render, partial, size_bytes=render.size_bytes, step=step)
        place.take(partial.out)
    return Brought(place.out, job, render, recipe, read)


def _require_kept(read: Read, output: Output) -> None:
    try:
        with refusing("The render does not keep its promise, so it was not fetched"):
            read.certificate.require_kept()
    except Refused as broken:
        from tonearm_cli.certificates import tell_broken

        tell_broken(broken, read, output)
        raise
