"""A deployment that runs in the test's own process: website, accounts, API and bucket on one address."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from typer.testing import CliRunner, Result

from tests.unit.cli import answers
from tonearm_cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Asked, Told

PASSWORD = "Correct-horse-8-staple"
EMAIL = "ada@example.com"
Answer = tuple[int, dict[str, str], bytes]
LATER = "2030-01-01T00:00:00Z"


def as_json(document: Any, status: int = 200, kind: str = "application/json") -> Answer:
    return status, {"Content-Type": kind}, json.dumps(document).encode()


def refused_by_cognito(code: str, message: str) -> Answer:
    return as_json({"__type": code, "message": message}, 400, "application/x-amz-json-1.1")


@dataclass
class World:
    """What the deployment holds, and what it was asked."""

    told: Told = field(init=False)
    tokens: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=lambda: {"refresh-0"})
    tracks: list[dict[str, Any]] = field(default_factory=list)
    # Moments of each job; the last one lasts.
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    expires_in: int = 3600
    refuses_track: dict[str, Any] | None = None
    bucket_down: bool = False
    # What else happens whenever somebody looks at a job.
    while_running: Callable[[], object] = field(default=lambda: None)

    @property
    def url(self) -> str:
        return self.told.url

    def asked(self, start: str) -> list[Asked]:
        return [asked for asked in self.told.asked if f"{asked.method} {asked.path}".startswith(start)]

    def cognito(self, operation: str) -> list[Any]:
        calls = [asked for asked in self.told.asked if asked.headers.get("X-Amz-Target", "").endswith(f".{operation}")]
        return [asked.json for asked in calls]

    def answer(self, asked: Asked) -> Answer:
        path = urlsplit(asked.path).path
        if path == "/config.json":
            return as_json(self.config)
        if path == "/":
            return self._account(asked)
        if path == "/bucket":
            return (503, {}, b"") if self.bucket_down else (204, {}, b"")
        if path.startswith("/files/"):
            return 200, {"Content-Type": "application/octet-stream"}, self.files[path.removeprefix("/files/")]
        if asked.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return as_json({"message": "Unauthorized"}, 401)
        return self._api(asked, path, parse_qs(urlsplit(asked.path).query))

    def _account(self, asked: Asked) -> Answer:
        body, operation = asked.json, asked.headers["X-Amz-Target"].rpartition(".")[2]
        if operation == "GetUser":
            if body["AccessToken"] not in self.tokens:
                return refused_by_cognito("NotAuthorizedException", "Access Token has been revoked")
            return as_json({"Username": "sub-of-ada", "UserAttributes": []}, kind="application/x-amz-json-1.1")
        if operation == "RevokeToken":
            self.refresh_tokens.discard(body["Token"])
            return as_json({}, kind="application/x-amz-json-1.1")
        given = body["AuthParameters"]
        if "REFRESH_TOKEN" in given:
            if given["REFRESH_TOKEN"] not in self.refresh_tokens:
                return refused_by_cognito("NotAuthorizedException", "Refresh Token has expired")
        elif (given["USERNAME"], given["PASSWORD"]) != (EMAIL, PASSWORD):
            return refused_by_cognito("NotAuthorizedException", "Incorrect username or password.")
        token = f"access-{len(self.told.asked)}"
        self.tokens.add(token)
        result: dict[str, Any] = {"AccessToken": token, "ExpiresIn": self.expires_in}
        if "REFRESH_TOKEN" not in given:
            result["RefreshToken"] = "refresh-0"
        return as_json({"AuthenticationResult": result}, kind="application/x-amz-json-1.1")

    def _api(self, asked: Asked, path: str, query: dict[str, list[str]]) -> Answer:
        parts = path.removeprefix("/v1/").split("/")
        if asked.method == "POST":
            return self._created(asked) if parts == ["tracks"] else self._ordered(asked)
        if len(parts) == 1:
            return as_json(answers.account()) if parts == ["account"] else self._list(parts[0], query)
        if parts[0] == "tracks":
            found = [track for track in self.tracks if track["track_id"] == parts[1]]
            return as_json(found[0]) if found else as_json(answers.problem("track.not_found", 404), 404)
        if parts[1] not in self.jobs:
            return as_json(answers.problem("job.not_found", 404), 404)
        if parts[2:] == ["downloads"]:
            links = {
                kind: {"url": f"{self.url}/files/{kind}", "filename": self.names.get(kind, kind), "expires_at": LATER}
                for kind in self.files
            }
            return as_json(links)
        return as_json(self._moment(parts[1]))

    def _created(self, asked: Asked) -> Answer:
        if self.refuses_track:
            return as_json(self.refuses_track, self.refuses_track["status"])
        track = answers.track("awaiting_upload", filename=asked.json["filename"])
        self.tracks.insert(0, track)
        upload = {"url": f"{self.url}/bucket", "fields": {"key": "k"}, "expires_at": LATER}
        return as_json({"track": track, "upload": upload}, 201)

    def _ordered(self, asked: Asked) -> Answer:
        found = [track for track in self.tracks if track["track_id"] == asked.json["track_id"]]
        if not found:
            return as_json(answers.problem("track.not_found", 404), 404)
        if found[0]["status"] != "ready":
            return as_json(answers.problem("track.not_ready", 409), 409)
        return as_json(answers.job("queued"), 202)

    def _moment(self, job_id: str) -> dict[str, Any]:
        self.while_running()
        moments = self.jobs[job_id]
        return moments.pop(0) if len(moments) > 1 else moments[0]

    def _list(self, name: str, query: dict[str, list[str]]) -> Answer:
        rows = self.tracks if name == "tracks" else [self._moment(job_id) for job_id in self.jobs]
        rows = [row for row in rows if row["track_id"] == query.get("track_id", [row["track_id"]])[0]]
        first = int(query.get("cursor", ["0"])[0])
        last = first + int(query["limit"][0])
        return as_json({name: rows[first:last], "next_cursor": str(last) if last < len(rows) else None})


@dataclass
class Terminal:
    """The command as it is typed, with a home of its own."""

    home: Path

    def __call__(self, *arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(main.app, list(arguments), env=environment)

    @property
    def credentials(self) -> Path:
        return self.home / "credentials" / "default.json"

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)
