"""The front of the laptop stack: one origin on a fixed port for the web page and the API.

On AWS a browser reaches CloudFront by the distribution's name. Here it reaches this proxy on 127.0.0.1, which hands
every request to the emulator's CloudFront under that name, as if it had come over HTTPS. Bodies are streamed both ways.
A request under a name that is not this machine's is refused: its owner had it answer 127.0.0.1 to get in here.

    python -m tonearm_local.edge --port 8080 --emulator-port 4566 --distribution d123.cloudfront.net
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tonearm_local.loopback import is_loopback_host

# Bytes copied at a time.
_BLOCK = 64 * 1024
# Headers that concern one connection, not the message (RFC 9110, 7.6.1), and those that this proxy sets itself.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SET_HERE = frozenset({"content-length", "host", "x-forwarded-proto"})
# Seconds without a byte from the emulator: the longest answer is a cold function behind others at the gate.
_PATIENCE_S = 60.0
# Decimal digits of Content-Length and hexadecimal digits of a chunk's size, as far as any real body needs them.
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_MAX_TRAILERS = 100
# Of a request that was refused: what is still read of it, and the seconds without a byte, before it is given up.
_MAX_DROPPED = 1_000_000
_DROP_PATIENCE_S = 1.0


class BadFramingError(Exception):
    """Where the body of a request ends cannot be told; the connection cannot be used any more."""


@dataclass(frozen=True)
class _Body:
    """The body of a request as it comes in; `length` is None when it came in chunks."""

    blocks: Iterator[bytes]
    length: int | None


class Edge(ThreadingHTTPServer):
    """The proxy's server, on the loopback interface only."""

    daemon_threads = True
    # A server that is started again at once must get its port; a port in use is refused all the same.
    allow_reuse_address = True

    def __init__(self, *, port: int, emulator_port: int, distribution: str) -> None:
        """Listen on `port` (0 picks one). `distribution` is the domain name of the CloudFront distribution."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.emulator_port = emulator_port
        self.distribution = distribution

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away; report everything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Edge
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server_version = "tonearm-edge"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None
        self._refused = False

    def finish(self) -> None:
        self._close_upstream()
        if self._refused:
            self._drop_rest()
        super().finish()

    def _drop_rest(self) -> None:
        """Read what is still coming: closed with bytes unread, a connection is reset and takes the answer with it."""
        dropped = 0
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DROP_PATIENCE_S)
            while dropped < _MAX_DROPPED and (block := self.connection.recv(_BLOCK)):
                dropped += len(block)

    def _close_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None

    def _relay(self) -> None:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not is_loopback_host(hosts[0].strip()):
            detail = f"The edge serves 127.0.0.1 and localhost, not {', '.join(hosts) or 'a request without a host'}."
            self._refuse(HTTPStatus.FORBIDDEN, "Not a name of this machine", detail, "edge.foreign_host")
            return
        try:
            answer = self._ask(self._body())
        except BadFramingError as error:
            self._close_upstream()
            self._refuse(HTTPStatus.BAD_REQUEST, "The body cannot be read", str(error), "edge.bad_framing")
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            self._close_upstream()
            self._apologise(error)
        else:
            self._answer(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _relay  # noqa: N815 - names of http.server

    def _body(self) -> _Body | None:
        codings, lengths = self.headers.get_all("Transfer-Encoding", []), self.headers.get_all("Content-Length", [])
        if codings and lengths:
            raise BadFramingError("The request has both Content-Length and Transfer-Encoding; send one of them.")
        if codings:
            if [coding.strip().lower() for coding in codings] != ["chunked"]:
                raise BadFramingError(f"Transfer-Encoding is {', '.join(codings)!r}; only chunked is understood.")
            return _Body(_chunks(self.rfile), None)
        if not lengths:
            return None
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0].strip()):
            raise BadFramingError(f"Content-Length is {', '.join(lengths)!r}; it must be one number of bytes.")
        length = int(lengths[0])
        return _Body(_blocks(self.rfile, length), length)

    def _ask(self, body: _Body | None) -> http.client.HTTPResponse:
        """Send the request on, over the connection of the previous one where the emulator kept it."""
        if self._upstream is not None and _was_closed(self._upstream):
            # An emulator that was started again; a change may not be sent twice, so it must not be lost on the way.
            self._close_upstream()
        kept = self._upstream is not None
        if self._upstream is None:
            self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.emulator_port, timeout=_PATIENCE_S)
        try:
            self._send(self._upstream, body)
            return self._upstream.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            # It was dropped just now. Only what has no body and may be repeated is sent again.
            if not kept or (body and body.length != 0) or self.command not in ("GET", "HEAD", "OPTIONS"):
                raise
            self._close_upstream()
            return self._ask(None)

    def _send(self, upstream: http.client.HTTPConnection, body: _Body | None) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP | _SET_HERE:
                upstream.putheader(name, value)
        upstream.putheader("Host", self.server.distribution)
        # Without it the distribution answers 301 to https, which nothing here speaks.
        upstream.putheader("X-Forwarded-Proto", "https")
        chunked = body is not None and body.length is None
        if chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        elif body is not None:
            upstream.putheader("Content-Length", str(body.length))
        upstream.endheaders(body.blocks if body else None, encode_chunked=chunked)

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        bodyless = self.command == "HEAD" or answer.status in (204, 304) or answer.status < 200
        chunked = not bodyless and answer.getheader("Content-Length") is None
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if answer.will_close:
            self._upstream = None
        self.end_headers()
        while block := answer.read1(_BLOCK):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
            self.wfile.flush()
        # read1() leaves a body of known length open at its end, and the connection with it.
        answer.close()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _apologise(self, error: Exception) -> None:
        detail = (
            f"The edge got no answer from the emulator on port {self.server.emulator_port} ({type(error).__name__}). "
            "Run `tonearm stack up`."
        )
        title = "The laptop stack is not running"
        self._refuse(HTTPStatus.BAD_GATEWAY, title, detail, "edge.emulator_unreachable")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server refuses by itself (a method, a request line) as a problem too, not as a page."""
        status = HTTPStatus(code)
        self._refuse(status, status.phrase, explain or message or status.description, "edge.refused")

    def _refuse(self, status: HTTPStatus, title: str, detail: str, code: str) -> None:
        """Answer with a problem (RFC 9457), which the web page and the command can show, and close."""
        # The body of the request may still be on its way: this connection cannot serve another one.
        self.close_connection = self._refused = True
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
        text = json.dumps(problem).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Keep a line a request out of the log: API Gateway and the distribution have their own."""


def _blocks(stream: Any, length: int) -> Iterator[bytes]:
    while length > 0:
        block = stream.read1(min(_BLOCK, length))
        if not block:
            raise BadFramingError(f"The body ended {length} bytes early.")
        length -= len(block)
        yield block


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has left: between answers nothing else can be there to read."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


def _chunks(stream: Any) -> Iterator[bytes]:
    """Decode a chunked body (RFC 9112, 7.1); trailers are read and dropped."""
    while True:
        line = stream.readline(1024)
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise BadFramingError(f"A chunk's size is {line.strip()[:40]!r}; it must be hexadecimal.")
        if int(size[1], 16) == 0:
            break
        yield from _blocks(stream, int(size[1], 16))
        if stream.readline(3) not in (b"\r\n", b"\n"):
            raise BadFramingError("A chunk is longer than its size says.")
    for _ in range(_MAX_TRAILERS):
        if stream.readline(8192) in (b"\r\n", b"\n", b""):
            return
    raise BadFramingError(f"The body has more than {_MAX_TRAILERS} trailers.")


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tonearm_local.edge", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--emulator-port", type=int, required=True, help="TCP port of the emulator on 127.0.0.1")
    parser.add_argument("--distribution", required=True, help="domain name of the CloudFront distribution")
    arguments = parser.parse_args()
    edge = Edge(port=arguments.port, emulator_port=arguments.emulator_port, distribution=arguments.distribution)
    # shutdown() waits for serve_forever() to notice, which this very thread runs.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=edge.shutdown).start())
    with edge, contextlib.suppress(KeyboardInterrupt):
        edge.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
