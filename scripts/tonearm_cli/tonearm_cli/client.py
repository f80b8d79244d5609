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
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from tonearm.domain.errors import Problem
from tonearm.domain.job import JobStatus
from tonearm.domain.track import TrackStatus
from tonearm_cli.errors import CliError, Refused, Unreachable
from tonearm_cli.files import Place, written_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from tonearm.domain.recipe import Recipe

_BLOCK = 64 * 1024
_PAGE = 100
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
    # A newer API may say more than an older client knows; what it says is handed on to programs.
    model_config = ConfigDict(frozen=True, extra="allow")


class Figures(_Answer):
    """What lists show of an analysis."""

    duration_s: float
    tempo_bpm: float | None = None
    integrated_lufs: float | None = None


class Track(_Answer):
    """What the command needs of a track."""

    track_id: str
    status: TrackStatus
    problem: Problem | None = None
    ingest_job_id: str
    title: str
    analysis: Figures | None = None


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

    @property
    def at(self) -> str:
        """Where it stands, in a few words."""
        running = self.stage is not None and self.status is JobStatus.RUNNING
        return f"{self.stage}: {self.percent} %" if running else f"{self.status}"


class TracksPage(_Answer):
    """Some tracks, and where the next are."""

    tracks: list[Track]
    next_cursor: str | None = None


class JobsPage(_Answer):
    """Some jobs, and where the next are."""

    jobs: list[Job]
    next_cursor: str | None = None


class Limits(_Answer):
    """What one upload may be."""

    max_upload_bytes: int
    max_duration_s: float


class Account(_Answer):
    """Who the API takes its caller for."""

    user_id: str
    tier: str
    limits: Limits


class Link(_Answer):
    """A link that works until `expires_at`."""

    url: str
    filename: str
    expires_at: datetime


class Downloads(_Answer):
    """What a job made; there may be more than this command knows."""

    analysis: Link
    render: Link | None = None
    certificate: Link | None = None


Answered = TypeVar("Answered", bound=_Answer)
Paged = TypeVar("Paged", TracksPage, JobsPage)


class StudioClient:
    """The API, for one user.

    Every method raises Refused when the API answers a problem, and CliError when there is no answer to use.
    """

    def __init__(
        self,
        origin: str,
        login: str | httpx.Auth,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Talk to the API.

        Args:
            origin: scheme, host and port; `/v1` is added.
            login: an access token, or what signs requests with one.
        """
        timeout = httpx.Timeout(30.0, connect=5.0)
        auth = _Bearer(login) if isinstance(login, str) else login
        self._api = httpx.Client(base_url=origin, auth=auth, timeout=timeout, transport=transport)
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

    def create_job(self, track_id: str, recipe: Recipe) -> Job:
        """Ask for a render of a ready track."""
        return self._asked(Job, "POST", "/v1/jobs", {"track_id": track_id, "recipe": recipe.model_dump(mode="json")})

    def account(self) -> Account:
        """Read the user's tier and what it allows."""
        return self._asked(Account, "GET", "/v1/account")

    def track(self, track_id: str) -> Track:
        """Read a track."""
        return self._asked(Track, "GET", f"/v1/tracks/{track_id}")

    def job(self, job_id: str) -> Job:
        """Read a job."""
        return self._asked(Job, "GET", f"/v1/jobs/{job_id}")

    def tracks(self, limit: int) -> list[Track]:
        """Read the newest tracks."""
        pages = self._pages(TracksPage, "/v1/tracks", limit)
        return [track for page in pages for track in page.tracks][:limit]

    def jobs(self, limit: int, track_id: str | None = None) -> list[Job]:
        """Read the newest jobs, of one track or of all."""
        of = {} if track_id is None else {"track_id": track_id}
        return [job for page in self._pages(JobsPage, "/v1/jobs", limit, of) for job in page.jobs][:limit]

    def downloads(self, job_id: str) -> Downloads:
        """Get links to what a succeeded job made."""
        return self._asked(Downloads, "GET", f"/v1/jobs/{job_id}/downloads")

    def upload(self, form: UploadForm, path: Path, moved: Callable[[int], None]) -> None:
        """Send a file by its form, telling `moved` how many bytes have gone."""
        with _CountedFile(path, moved) as file:
            # The form's fields say where it goes; its name here is nobody's business, and may not even be text.
            files = {"file": ("file", file, "application/octet-stream")}
            try:
                answer = self._bucket.post(form.url, data=form.fields, files=files)
            except httpx.HTTPError as error:
                message = f"The upload of {path.name} broke off: {_told(error)}. Run the command again."
                raise Unreachable(message, code="upload.broke_off") from error
        if not answer.is_success:
            raise Refused(f"The bucket refused {path.name}", _bucket_problem(answer))

    def download(
        self,
        link: Link,
        place: Place,
        moved: Callable[[int], None] = lambda _bytes: None,
        *,
        size_bytes: int | None = None,
    ) -> str:
        """Save what a link leads to, whole or not at all, and return its SHA-256 in hexadecimal digits.

        Raises CliError also when it is not `size_bytes` long, where that is known, and WrongUse when a file has come to
        stand in its place that it may not replace.
        """
        digest, count = hashlib.sha256(), 0
        try:
            with self._bucket.stream("GET", link.url) as answer:
                if not answer.is_success:
                    answer.read()
                    raise Refused(f"The bucket refused {link.filename}", _bucket_problem(answer))
                with written_whole(place) as file:
                    for block in answer.iter_bytes(_BLOCK):
                        file.write(block)
                        digest.update(block)
                        count += len(block)
                        moved(count)
                    _require_size(link, count, size_bytes)
        except httpx.HTTPError as error:
            message = f"The download of {link.filename} broke off: {_told(error)}. Run the command again."
            raise Unreachable(message, code="download.broke_off") from error
        return digest.hexdigest()

    def _pages(
        self, kind: type[Paged], path: str, limit: int, parameters: Mapping[str, str] | None = None
    ) -> Iterator[Paged]:
        asked = {**(parameters or {}), "limit": str(min(limit, _PAGE))}
        for _ in range(0, limit, _PAGE):
            page = self._asked(kind, "GET", f"{path}?{urlencode(asked)}")
            yield page
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

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
                    mend = "Check your network; a laptop stack's state is shown by `tonearm stack status`."
                    raise Unreachable(message, mend=mend) from error
            else:
                if answer.status_code not in _PASSING or not left:
                    return answer
                wait = max(wait, _retry_after_s(answer))
            self._sleep(min(wait, _LONGEST_WAIT_S))
            wait *= 2
        raise AssertionError  # the last try returns or raises


class _Bearer(httpx.Auth):
    def __init__(self, access_token: str) -> None:
        self._access_token = access_token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._access_token}"
        yield request


class _CountedFile(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, moved: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._moved = moved

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(-1 if size is None else size) or b""
        self._moved(self.tell())
        return block


def _require_size(link: Link, count: int, size_bytes: int | None) -> None:
    if size_bytes is not None and count != size_bytes:
        raise CliError(
            f"{link.filename} came with {count} bytes instead of {size_bytes}.",
            code="download.size_differs",
            value=count,
            limit=size_bytes,
            mend="Run the command again.",
        )


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
        return Problem(code="auth.refused", detail=detail, mend="Run `tonearm login`.")
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
