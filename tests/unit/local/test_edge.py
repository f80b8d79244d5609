"""The edge hands every request to the distribution, streamed, and says so when nobody is behind it."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
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
    heard: ClassVar[threading.Event] = threading.Event()

    def log_message(self, *args: Any) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            # An empty line: the edge has given up in the middle.
            while size := int(self.rfile.readline() or b"0", 16):
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
                # The rest waits until somebody has the first part.
                assert self.heard.wait(10)
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/left":
            # The connection ends without a word, as when an emulator is stopped.
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True
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


class Behind(ThreadingHTTPServer):
    """The gateway's server; an edge that gave a bad request up is no error of its."""

    daemon_threads = True
    left: ClassVar[threading.Event] = threading.Event()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.left.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def raw(port: int, text: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return status, headers and body of the answer, which must end with the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


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
    gateway = Behind(("127.0.0.1", 0), Gateway)
    with (
        serving(gateway) as gateway_port,
        serving(Edge(port=0, emulator_port=gateway_port, distribution=DISTRIBUTION)) as port,
    ):
        Gateway.connections.clear()
        Gateway.heard.clear()
        Behind.left.clear()
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


def test_a_change_reaches_an_emulator_that_left_the_last_connection(browser: http.client.HTTPConnection) -> None:
    browser.request("GET", "/left")
    assert browser.getresponse().read() == b""
    assert Behind.left.wait(10)
    browser.request("POST", "/v1/tracks", body=b"x" * 100)
    answer = browser.getresponse()
    assert (answer.status, json.loads(answer.read())["size"]) == (200, 100)


def test_bodies_pass_whatever_their_framing(browser: http.client.HTTPConnection) -> None:
    browser.request("POST", "/v1/tracks", body=b"x" * 3 * MEGABYTE)
    assert json.loads(browser.getresponse().read())["size"] == 3 * MEGABYTE
    browser.request("POST", "/v1/tracks", body=iter([b"x" * MEGABYTE] * 3), encode_chunked=True)
    assert json.loads(browser.getresponse().read())["size"] == 3 * MEGABYTE
    Gateway.heard.set()
    browser.request("GET", "/chunks")
    assert browser.getresponse().read() == b"onetwo"


def test_an_answer_is_streamed(browser: http.client.HTTPConnection) -> None:
    browser.request("GET", "/chunks")
    answer = browser.getresponse()
    assert answer.read(3) == b"one"
    Gateway.heard.set()
    assert answer.read() == b"two"


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


CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        (b"Content-Length: abc\r\n", b"", "Content-Length is 'abc'"),
        (b"Content-Length: -5\r\n", b"", "Content-Length is '-5'"),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n", b"xx", "one number of bytes"),
        (CHUNKED + b"Content-Length: 4\r\n", b"1\r\nx\r\n0\r\n\r\n", "both Content-Length and Transfer-Encoding"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"", "only chunked is understood"),
        (CHUNKED, b"zz\r\nx\r\n0\r\n\r\n", "A chunk's size is b'zz'"),
        (CHUNKED, b"-1\r\nx\r\n0\r\n\r\n", "A chunk's size is b'-1'"),
        (CHUNKED, b"1\r\nxx\r\n0\r\n\r\n", "longer than its size"),
        (CHUNKED, b"0\r\n" + b"a: b\r\n" * 200 + b"\r\n", "trailers"),
    ],
)
def test_a_body_whose_end_cannot_be_told_is_refused(edge: int, headers: bytes, body: bytes, words: str) -> None:
    # When such a request comes, with another one behind it that the body might hide
    hidden = b"GET /hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    request = b"POST /v1/tracks HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + b"\r\n" + body + hidden
    status, answered, said = raw(edge, request)
    # Then there is one answer, it is a problem that says what is wrong, and the connection ends
    assert status == 400
    assert answered["content-type"] == "application/problem+json"
    assert answered["connection"] == "close"
    problem = json.loads(said)
    assert problem["code"] == "edge.bad_framing"
    assert words in problem["detail"]


def test_a_body_that_ends_early_is_not_passed_on_as_whole(edge: int) -> None:
    with socket.create_connection(("127.0.0.1", edge), timeout=10) as connection:
        connection.sendall(b"POST /v1/tracks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_chunks_with_extensions_and_trailers_are_read(edge: int) -> None:
    body = b"3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    request = b"POST /v1/tracks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + CHUNKED + b"\r\n" + body
    status, _, said = raw(edge, request)
    assert status == 200
    seen = json.loads(said)
    assert seen["size"] == 13
    assert "Content-Length" not in seen["headers"]


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT"])
def test_other_methods_are_refused_as_a_problem(edge: int, method: str) -> None:
    status, headers, body = raw(edge, f"{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert status == 501
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == 501
    assert method in problem["detail"]


@pytest.mark.parametrize(
    "host",
    ["Host: evil.example", "Host: evil.example:8080", "Host: 127.0.0.1.evil.example", "X: y", "Host: a@localhost"],
)
def test_a_name_that_is_not_this_machines_is_refused(edge: int, host: str) -> None:
    # When a page of somebody whose name answers 127.0.0.1 asks, with a body that nobody will read
    request = f"POST / HTTP/1.1\r\n{host}\r\nContent-Length: 300000\r\n\r\n".encode() + b"x" * 300_000
    status, headers, body = raw(edge, request)
    # Then it gets nothing of what is behind
    assert status == 403
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] == "edge.foreign_host"
    assert Gateway.connections == set()


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "studio.localhost:8080"])
def test_every_name_of_this_machine_is_served(browser: http.client.HTTPConnection, host: str) -> None:
    browser.request("GET", "/", headers={"Host": host})
    assert browser.getresponse().status == 200


def test_the_edge_listens_on_the_loopback_interface_only() -> None:
    server = Edge(port=0, emulator_port=1, distribution=DISTRIBUTION)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()
