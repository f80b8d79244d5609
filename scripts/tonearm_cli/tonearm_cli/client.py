"""A client of the API: typed answers, problems as readable errors, uploads and downloads that tell how far they are.

What the network loses is asked for again: reads because they change nothing, and what creates something because it
carries an Idempotency-Key, so that asking twice makes one thing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import secrets
import time
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from tonearm.domain.errors import Problem
from tonearm.domain.job import JobStatus
from tonearm.domain.track import TrackStatus
from tonearm_cli.errors import CliError, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from tonearm.domain.recipe import Recipe

_BLOCK = 64 * 1024
_TRIES = 5
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 30.0
_PASSING = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class _Answer(BaseModel):
    # A newer API may say more than an older client knows.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Track(_Answer):
    """What the command needs of a track."""

    track_id: str
    status: TrackStatus
    problem: Problem | None = None
    ingest_job_id: str
    title: str


class UploadForm(_Answer):
    """Where the bytes go, and what must go before them."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class CreatedTrack(_Answer):
    """A new track and its upload form."""

    track: Track
    upload: UploadForm


class Render(_Answer):
    """What the command needs of a render."""

    codec: str
    size_bytes: int
    duration_s: float
    pcm_sha256: str


class Job(_Answer):
    """What the command needs of a job."""

    job_id: str
    track_id: str
    status: JobStatus
    stage: str | None = None
    percent: int = 0
    problem: Problem | None = None
    render: Render | None = None


class Link(_Answer):
    """A link that works until `expires_at`."""

    url: str
    filename: str
    expires_at: datetime


class Downloads(_Answer):
    """What a job made."""

    analysis: Link
    render: Link | None = None
    certificate: Link | None = None


Answered = TypeVar("Answered", bound=_Answer)


class StudioClient:
    """The API, for one user.

    Every method raises Refused when the API answers a problem, and CliError when there is no answer to use.
    """

    def __init__(
        self,
        origin: str,
        access_token: str,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Talk to the API at `origin` (scheme, host and port; `/v1` is added)."""
        timeout = httpx.Timeout(30.0, connect=5.0)
        headers = {"Authorization": f"Bearer {access_token}"}
        self._api = httpx.Client(base_url=origin, headers=headers, timeout=timeout, transport=transport)
        # Presigned addresses carry their own proof, and a bucket must never see the user's token.
        self._bucket = httpx.Client(timeout=timeout, transport=transport)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.close()
        self._bucket.close()

    def create_track(
        self, *, filename: str, size_bytes: int, sha256: str, title: str | None = None, recipe: Recipe | None = None
    ) -> CreatedTrack:
        """Announce a file of `size_bytes` bytes; what comes back is valid for minutes."""
        body: dict[str, Any] = {"filename": filename, "size_bytes": size_bytes, "sha256": sha256}
        if title is not None:
            body["title"] = title
        if recipe is not None:
            body["recipe"] = recipe.model_dump(mode="json")
        return self._asked(CreatedTrack, "POST", "/v1/tracks", body)

    def track(self, track_id: str) -> Track:
        """Read a track."""
        return self._asked(Track, "GET", f"/v1/tracks/{track_id}")

    def job(self, job_id: str) -> Job:
        """Read a job."""
        return self._asked(Job, "GET", f"/v1/jobs/{job_id}")

    def downloads(self, job_id: str) -> Downloads:
        """Get links to what a succeeded job made."""
        return self._asked(Downloads, "GET", f"/v1/jobs/{job_id}/downloads")

    def upload(self, form: UploadForm, path: Path, moved: Callable[[int], None]) -> None:
        """Send a file by its form, telling `moved` how many bytes have gone."""
        with _CountedFile(path, moved) as file:
            files = {"file": (path.name, file, "application/octet-stream")}
            try:
                answer = self._bucket.post(form.url, data=form.fields, files=files)
            except httpx.HTTPError as error:
                raise CliError(
                    f"The upload of {path.name} broke off: {_told(error)}. Run the command again."
                ) from error
        if not answer.is_success:
            raise Refused(f"The bucket refused {path.name}", _bucket_problem(answer))

    def download(self, link: Link, path: Path, moved: Callable[[int], None] = lambda _bytes: None) -> str:
        """Save what a link leads to, whole or not at all, and return its SHA-256 in hexadecimal digits."""
        partial = path.with_name(f"{path.name}.partial")
        digest, count = hashlib.sha256(), 0
        try:
            with self._bucket.stream("GET", link.url) as answer, partial.open("wb") as file:
                if not answer.is_success:
                    answer.read()
                    raise Refused(f"The bucket refused {link.filename}", _bucket_problem(answer))
                for block in answer.iter_bytes(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    count += len(block)
                    moved(count)
            partial.replace(path)
        except httpx.HTTPError as error:
            message = f"The download of {link.filename} broke off: {_told(error)}. Run the command again."
            raise CliError(message) from error
        finally:
            partial.unlink(missing_ok=True)
        return digest.hexdigest()

    def _asked(self, kind: type[Answered], method: str, path: str, body: Mapping[str, Any] | None = None) -> Answered:
        answer = self._answer(method, path, body)
        if not answer.is_success:
            raise Refused(f"{method} {path} was refused", _problem(answer))
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            said = error.errors()[0]
            where = ".".join(str(part) for part in said["loc"])
            message = f"{method} {path} answered what this client cannot read ({where}: {said['msg']})."
            raise CliError(f"{message} Use a `tonearm` of the system's own version.") from error

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        headers = {} if method == "GET" else {"Idempotency-Key": secrets.token_hex(16)}
        wait = _FIRST_WAIT_S
        for left in reversed(range(_TRIES)):
            try:
                answer = self._api.request(method, path, json=body, headers=headers)
            except httpx.HTTPError as error:
                if not left:
                    message = f"The API at {self._api.base_url} does not answer: {_told(error)}."
                    raise CliError(f"{message} See `tonearm stack status`.") from error
            else:
                if answer.status_code not in _PASSING or not left:
                    return answer
                wait = max(wait, _retry_after_s(answer))
            self._sleep(min(wait, _LONGEST_WAIT_S))
            wait *= 2
        raise AssertionError  # the last try returns or raises


class _CountedFile(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, moved: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._moved = moved

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(-1 if size is None else size) or b""
        self._moved(self.tell())
        return block


def _problem(answer: httpx.Response) -> Problem:
    """What an answer says went wrong: its own Problem, or one made of what a server between says."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    with contextlib.suppress(ValidationError):
        return Problem.model_validate(document)
    said = document.get("message") if isinstance(document, dict) else None
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        detail = f"The access token was refused ({said or 'no reason given'})."
        return Problem(code="auth.refused", detail=detail, mend="Log in again.")
    return Problem(
        code=f"http.{answer.status_code}",
        detail=f"The answer was {answer.status_code} {answer.reason_phrase}: {said or answer.text[:200] or 'nothing'}.",
    )


def _bucket_problem(answer: httpx.Response) -> Problem:
    """What S3 says in its XML."""
    found = {name: re.search(f"<{name}>([^<]*)</{name}>", answer.text) for name in ("Code", "Message")}
    code, message = (match.group(1) if match else "" for match in found.values())
    return Problem(
        code=f"s3.{code}" if code else f"http.{answer.status_code}",
        detail=message or f"The answer was {answer.status_code} {answer.reason_phrase}.",
        mend="Links and upload forms work for minutes only; run the command again.",
    )


def _retry_after_s(answer: httpx.Response) -> float:
    stated = answer.headers.get("Retry-After", "")
    return float(stated) if stated.isdigit() else 0.0


def _told(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
