"""Servers that listen on this machine and answer what a test says, and consoles whose text can be read."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.cli.world import EMAIL, PASSWORD, Answer, Terminal, World


@dataclass
class Asked:
    """One request that a server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Told:
    """What a server answers: by a function of the request, which gives status, headers and body."""

    answer: Callable[[Asked], tuple[int, dict[str, str], bytes]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[Asked], tuple[int, dict[str, str], bytes]]], Told]]:
    """Start servers that answer as they are told."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[Asked], tuple[int, dict[str, str], bytes]]) -> Told:
        told = Told(answer)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
                told.asked.append(asked)
                status, headers, body = told.answer(asked)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *_arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        told.url = f"http://127.0.0.1:{server.server_port}"
        return told

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def paper() -> Console:
    """A console that is no terminal; `paper.file.getvalue()` is what it shows."""
    return Console(file=io.StringIO(), width=100, highlight=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def tonearm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command, in an empty folder."""
    for name in ("TONEARM_PASSWORD", "TONEARM_PROFILE", "TONEARM_API", "TONEARM_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    monkeypatch.setenv("TONEARM_HOME", str(home))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Terminal(home)


@pytest.fixture
def world(served: Callable[[Callable[[Asked], Answer]], Told]) -> World:
    """Given a deployment."""
    made = World()
    made.told = served(made.answer)
    made.config = {
        "region": "eu-west-1",
        "user_pool_id": "eu-west-1_pool",
        "user_pool_client_id": "client-1",
        "api_url": "/v1",
        "cognito_endpoint": made.url,
    }
    return made


@pytest.fixture
def signed_in(tonearm: Terminal, world: World) -> Terminal:
    """Given Ada, who has signed in."""
    result = tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    assert result.exit_code == 0, result.output
    return tonearm
