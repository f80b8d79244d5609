"""A render of a track that lies in a deployment: ordered there, followed until it is made, and fetched."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm_cli.errors import CliError
from tonearm_cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from tonearm.domain.recipe import Recipe
    from tonearm_cli.client import Job, Render, StudioClient


@dataclass(frozen=True)
class Brought:
    """A render that was ordered and fetched."""

    out: Path
    job: Job
    render: Render
    recipe: Recipe
    certificate: dict[str, Any]

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
            "engine_version": self.certificate.get("engine_version"),
            "certificate": self.certificate,
        }

    def show(self, console: Console) -> None:
        """Print the promises and the file."""
        from tonearm_cli.summary import show_render

        show_render(console, self.out, self.render.duration_s, self.certificate)


def ordered(track_id: str, recipe: Recipe, out: Path, output: Output, *, profile: str) -> Brought:
    """Have a track rendered by the deployment of a profile, and put the render into `out`, whole or not at all.

    Raises:
        Refused: there is no such track, it is not ready, or the job failed.
        CliError: nothing has happened for PATIENCE_S seconds.
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
        return _brought(client, ended[0], recipe, out, output)


def _brought(client: StudioClient, job: Job, recipe: Recipe, out: Path, output: Output) -> Brought:
    from tonearm_cli.download import fetched

    links, render = client.downloads(job.job_id), job.render
    if render is None or links.render is None or links.certificate is None:
        raise CliError(f"Job {job.job_id} made no render.", code="job.not_made", value=job.job_id)
    # The certificate first: OUT appears when nothing can be missing any more.
    with tempfile.TemporaryDirectory(prefix="tonearm-") as folder:
        path = Path(folder, "certificate.json")
        client.download(links.certificate, path)
        certificate: dict[str, Any] = json.loads(path.read_text())
    with output.steps.step("Downloading") as step:
        fetched(client, "render", links.render, out, size_bytes=render.size_bytes, step=step)
    return Brought(out, job, render, recipe, certificate)
