"""The edge hands every request to the distribution, streamed, and says so when nobody is behind it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tonearm_local.edge import Edge

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTION = "d123.cloudfront.net"
MEGABYTE = 1_000_000


class Gateway(BaseHTTPRequestHandler):
    """Stands for the emulator: echoes, streams, and answers as asked by the path."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[Any]] = set()

    def log_message(self, *args: Any) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self) -> None:
        self.connections.add(self.client_address)
        body = self._body()
        if self.path == "/missing":
            self.send_response(404)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"gone")
        elif self.path == "/unchanged":
            self.send_response(304)
            self.send_header("ETag", '"a"')
            self.end_headers()
        elif self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one", b"two"):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                self.wfile.flush()
                time.sleep(0.3)
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/last":
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"ok")
            self.close_connection = True
        else:
            seen = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "size": len(body)}
            text = json.dumps(seen).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Set-Cookie", "a=1")
            self.send_header("Set-Cookie", "b=2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _answer  # noqa: N815


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def edge() -> Iterator[int]:
    """The port of an edge before the gateway."""
    gateway = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    gateway.daemon_threads = True
    with (
        serving(gateway) as gateway_port,
        serving(Edge(port=0, emulator_port=gateway_port, distribution=DISTRIBUTION)) as port,
    ):
        Gateway.connections.clear()
        yield port


@pytest.fixture
def browser(edge: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", edge, timeout=10)
    yield connection
    connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_request_arrives_under_the_distributions_name(browser: http.client.HTTPConnection, method: str) -> None:
    # When a browser asks the edge
    headers = {"Authorization": "Bearer t", "Host": "127.0.0.1:8080", "X-Forwarded-Proto": "http"}
    browser.request(method, "/v1/tracks?limit=2&x=%2F", headers=headers)
    answer = browser.getresponse()
    seen = json.loads(answer.read())
    # Then the gateway sees the distribution's host, https, and all else unchanged
    assert (seen["method"], seen["path"]) == (method, "/v1/tracks?limit=2&x=%2F")
    assert seen["headers"]["Host"] == DISTRIBUTION
    assert seen["headers"]["X-Forwarded-Proto"] == "https"
    assert seen["headers"]["Authorization"] == "Bearer t"
    # And the browser gets every header of the answer, repeated ones too
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_statuses_and_connections_are_kept(browser: http.client.HTTPConnection) -> None:
    # When one connection asks four times
    for path, status, body in (("/missing", 404, b"gone"), ("/unchanged", 304, b""), ("/last", 200, b"ok")):
        browser.request("GET", path)
        answer = browser.getresponse()
        assert (answer.status, answer.read()) == (status, body)
    browser.request("HEAD", "/page")
    answer = browser.getresponse()
    # Then HEAD has the length and no body, and only the gateway's "close" made a second connection to it
    assert int(answer.headers["Content-Length"]) > 0
    assert answer.read() == b""
    assert len(Gateway.connections) == 2


def test_bodies_pass_whatever_their_framing(browser: http.client.HTTPConnection) -> None:
    browser.request("POST", "/v1/tracks", body=b"x" * 3 * MEGABYTE)
    assert json.loads(browser.getresponse().read())["size"] == 3 * MEGABYTE
    browser.request("POST", "/v1/tracks", body=iter([b"x" * MEGABYTE] * 3), encode_chunked=True)
    assert json.loads(browser.getresponse().read())["size"] == 3 * MEGABYTE
    browser.request("GET", "/chunks")
    assert browser.getresponse().read() == b"onetwo"


def test_an_answer_is_streamed(browser: http.client.HTTPConnection) -> None:
    began = time.monotonic()
    browser.request("GET", "/chunks")
    assert browser.getresponse().read(3) == b"one"
    assert time.monotonic() - began < 0.3


def test_a_stopped_emulator_is_told_as_a_problem() -> None:
    # Given an edge with nobody behind it
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        behind = nobody.getsockname()[1]
    with serving(Edge(port=0, emulator_port=behind, distribution=DISTRIBUTION)) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        # When a browser asks for something, with or without a body
        for method, body in (("GET", None), ("POST", b"{}")):
            connection.request(method, "/v1/tracks", body=body)
            answer = connection.getresponse()
            problem = json.loads(answer.read())
            # Then it is told what is wrong and what to do
            assert answer.status == 502
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert problem["code"] == "edge.emulator_unreachable"
            assert str(behind) in problem["detail"]
            assert "tonearm stack up" in problem["detail"]
        connection.close()


def test_the_edge_listens_on_the_loopback_interface_only() -> None:
    server = Edge(port=0, emulator_port=1, distribution=DISTRIBUTION)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()
