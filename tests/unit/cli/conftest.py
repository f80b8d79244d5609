"""Servers that listen on this machine and answer what a test says, and consoles whose text can be read."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from rich.console import Console


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
        threading.Thread(target=server.serve_forever, daemon=True).start()
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
