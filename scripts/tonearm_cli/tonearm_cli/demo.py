"""`tonearm demo`: a song goes through the whole deployed system, as one of its users would take it.

Whoever runs it gets an account of their own, by sign-up, mailed code and log-in; from then on only the API and
presigned addresses are used. No step has a back door.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import httpx
from rich.filesize import decimal

from tonearm.domain.errors import InvalidRequest
from tonearm.domain.output_format import Codec
from tonearm.domain.recipe import Recipe
from tonearm_cli.auth import Accounts, Login, mailed_code, new_password
from tonearm_cli.certificates import read_certificate
from tonearm_cli.client import StudioClient
from tonearm_cli.demo_song import compose_demo_song
from tonearm_cli.errors import CliError, WrongUse
from tonearm_cli.files import Place
from tonearm_cli.follow import follow
from tonearm_cli.summary import Made

if TYPE_CHECKING:
    from collections.abc import Callable

    from tonearm_cli.client import CreatedTrack, Job
    from tonearm_cli.display import Steps
    from tonearm_local.progress import Step as StackStep
    from tonearm_local.stack import Outputs, Stack


@dataclass(frozen=True)
class Wish:
    """What the demo is to do, checked as far as it can be before anything starts.

    Attributes:
        song: None composes one.
        out: folder for what is downloaded; it exists.
    """

    song: Path | None
    recipe: Recipe
    out: Path

    @classmethod
    def checked(cls, *, song: Path | None, recipe: str, out: Path) -> Wish:
        """Check the three, and make the folder. Raises WrongUse with one line that says what is wrong."""
        try:
            parsed = Recipe.parse_text(recipe)
        except InvalidRequest as error:
            raise WrongUse(f"{error.problem.detail} {error.problem.mend}") from error
        if song is not None:
            _check_song(song)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WrongUse(
                f"{out} cannot be a folder for the results: {error.strerror}. Name another with --out."
            ) from error
        if not os.access(out, os.W_OK | os.X_OK):
            raise WrongUse(f"The folder {out} cannot be written to; name another with --out.")
        return cls(song, parsed, out)


def _check_song(song: Path) -> None:
    if not song.exists():
        raise WrongUse(f"There is no file {song}; check the path.")
    if not song.is_file():
        raise WrongUse(f"{song} is {'a folder' if song.is_dir() else 'no file'}; name one audio file.")
    if not os.access(song, os.R_OK):
        raise WrongUse(f"{song} cannot be read by you; change its permissions or copy it.")
    if song.stat().st_size == 0:
        raise WrongUse(f"{song} is empty (0 bytes); name an audio file.")


def run(wish: Wish, stack: Stack, steps: Steps) -> Made:
    """Start the stack and take the song through it; what is downloaded lies in `wish.out`.

    Raises StackError when the stack cannot be brought up, Refused when the song is rejected or its job fails, and
    CliError for everything else that its reader can mend.
    """
    with steps.step("Starting the stack") as step:
        outputs = stack.up(_stack_progress(step.at))
        step.came_to(outputs.edge_url)
    song = wish.song
    if song is None:
        song = wish.out / "song.wav"
        with steps.step("Composing a song") as step:
            composed = compose_demo_song(song)
            step.came_to(f"{composed.duration_s:.0f} s in {composed.key} at {composed.tempo_bpm:g} BPM")
    with steps.step("Signing up") as step:
        login = _join(outputs)
        step.came_to(login.email)
    forget_earlier_results(wish)
    with StudioClient(outputs.edge_url, login.access_token) as client:
        created = _send(client, song, wish.recipe, steps)
        job = _watch(client, created, steps)
        return _fetch(client, job, wish.out, steps)


def forget_earlier_results(wish: Wish) -> None:
    """A render of another song must not lie there when this one is rejected."""
    renders = (f"render.{codec}" for codec in get_args(Codec))
    for result in (wish.out / name for name in ("analysis.json", "certificate.json", *renders)):
        if result.exists() and not (wish.song and wish.song.samefile(result)):
            result.unlink()


def _stack_progress(at: Callable[[str, float | None], None]) -> Callable[[StackStep], None]:
    def progress(step: StackStep) -> None:
        at(str(step), step.done / step.total if step.done is not None and step.total else None)

    return progress


def _join(outputs: Outputs) -> Login:
    """Sign up, confirm with the code from the mail, log in."""
    accounts = Accounts(client_id=outputs.user_pool_client_id, region=outputs.region, endpoint_url=outputs.endpoint_url)
    email, password = f"listener-{secrets.token_hex(4)}@tonearm.example", new_password()
    accounts.sign_up(email, password)
    with httpx.Client(timeout=10.0) as http:
        accounts.confirm(email, mailed_code(outputs.endpoint_url, email, http=http))
    return accounts.log_in(email, password)


def _send(client: StudioClient, song: Path, recipe: Recipe, steps: Steps) -> CreatedTrack:
    with steps.step("Uploading") as step:
        size = song.stat().st_size
        with song.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        created = client.create_track(filename=song.name, size_bytes=size, sha256=sha256, recipe=recipe)
        client.upload(created.upload, song, lambda moved: step.at(song.name, moved / size))
        step.came_to(f"{song.name}, {decimal(size)}, {created.track.track_id}")
    return created


def _watch(client: StudioClient, created: CreatedTrack, steps: Steps) -> Job:
    with steps.step("Working on it") as step:
        track = created.track
        job = follow(
            client, track.track_id, track.ingest_job_id, lambda standing: step.at(str(standing), standing.part)
        )
        step.came_to(f"{job.status}, {job.job_id}")
    return job


def _fetch(client: StudioClient, job: Job, out: Path, steps: Steps) -> Made:
    with steps.step("Downloading") as step:
        links = client.downloads(job.job_id)
        if links.render is None or links.certificate is None or job.render is None or job.render.size_bytes <= 0:
            raise CliError(f"Job {job.job_id} succeeded without a render, although a recipe was given.")
        size = job.render.size_bytes
        render = out / f"render.{job.render.codec}"
        # The demo's folder is the demo's own.
        there = {name: Place(out / name, replace=True) for name in (render.name, "analysis.json", "certificate.json")}
        client.download(links.analysis, there["analysis.json"])
        client.download(links.certificate, there["certificate.json"])
        sha256 = client.download(links.render, there[render.name], lambda moved: step.at(render.name, moved / size))
        step.came_to(f"{render.name}, analysis.json and certificate.json into {out}")
    analysis = json.loads((out / "analysis.json").read_text())
    return Made(
        job.render, render, sha256, analysis, read_certificate(out / "certificate.json", job.job_id).certificate
    )
