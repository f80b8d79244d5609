"""The front of the laptop stack: one origin on a fixed port for the web page and the API.

On AWS a browser reaches CloudFront by the distribution's name. Here it reaches this proxy on 127.0.0.1, which hands
every request to the emulator's CloudFront under that name, as if it had come over HTTPS. Bodies are streamed both ways.

    python -m tonearm_local.edge --port 8080 --emulator-port 4566 --distribution d123.cloudfront.net
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import signal
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        import sys  # noqa: PLC0415 - one use, on the way out

        if not isinstance(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], ConnectionError):
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

    def finish(self) -> None:
        self._close_upstream()
        super().finish()

    def _close_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None

    def _relay(self) -> None:
        body = self._body()
        try:
            answer = self._ask(body)
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            self._close_upstream()
            self._apologise(error)
            return
        self._answer(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _relay  # noqa: N815 - names of http.server

    def _body(self) -> Iterator[bytes] | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return _chunks(self.rfile)
        length = int(self.headers.get("Content-Length") or 0)
        return _blocks(self.rfile, length) if length else None

    def _ask(self, body: Iterator[bytes] | None) -> http.client.HTTPResponse:
        """Send the request on, over the connection of the previous one where the emulator kept it."""
        kept = self._upstream is not None
        if self._upstream is None:
            self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.emulator_port, timeout=_PATIENCE_S)
        try:
            self._send(self._upstream, body)
            return self._upstream.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            # The emulator drops idle connections. Only what has no body and may be repeated is sent again.
            if not kept or body is not None or self.command not in ("GET", "HEAD", "OPTIONS"):
                raise
            self._close_upstream()
            return self._ask(None)

    def _send(self, upstream: http.client.HTTPConnection, body: Iterator[bytes] | None) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP | _SET_HERE:
                upstream.putheader(name, value)
        upstream.putheader("Host", self.server.distribution)
        # Without it the distribution answers 301 to https, which nothing here speaks.
        upstream.putheader("X-Forwarded-Proto", "https")
        length = self.headers.get("Content-Length")
        chunked = body is not None and length is None
        if chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        elif length is not None:
            upstream.putheader("Content-Length", length)
        upstream.endheaders(body, encode_chunked=chunked)

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
        """Answer 502 as a problem (RFC 9457), which the web page and the command can show."""
        # The body of the request may still be on its way: this connection cannot serve another one.
        self.close_connection = True
        text = (
            '{"type":"about:blank","title":"The laptop stack is not running","status":502,"detail":"The edge got no '
            f"answer from the emulator on port {self.server.emulator_port} ({type(error).__name__}). "
            'Run `tonearm stack up`.","code":"edge.emulator_unreachable"}'
        ).encode()
        self.send_response(HTTPStatus.BAD_GATEWAY)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Keep a line a request out of the log: API Gateway and the distribution have their own."""


def _blocks(stream: Any, length: int) -> Iterator[bytes]:
    while length > 0 and (block := stream.read1(min(_BLOCK, length))):
        length -= len(block)
        yield block


def _chunks(stream: Any) -> Iterator[bytes]:
    """Decode a chunked body (RFC 9112, 7.1); trailers are read and dropped."""
    while (size := int(stream.readline(1024).split(b";")[0], 16)) > 0:
        yield stream.read(size)
        stream.readline(8)
    while stream.readline(8192).strip():
        pass


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
