"""The Lambda Runtime API for one execution environment: hands out events, takes answers, and sees the function end.

    with RuntimeApi() as api:
        process = subprocess.Popen(..., env={"AWS_LAMBDA_RUNTIME_API": api.address, ...})
        init_s = api.wait_for_init(process, limit_s=10)
        answer = api.invoke(process, {"n": 1}, limit_s=30)

Method: "Using the Lambda runtime API" in the Lambda developer guide. The emulator has its own; this one stands alone,
so that an image can be tried and timed with nothing else running.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from types import TracebackType

_NEXT = "/2018-06-01/runtime/invocation/next"
_INVOCATION = "/2018-06-01/runtime/invocation/"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_POLL_S = 0.02
# What a shell and docker report for a process that signal 9 ended.
_KILLED = 128 + 9


class InitError(Exception):
    """The function did not come up: its type and message, as the runtime reported them."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message


@dataclass(frozen=True)
class Answer:
    """How an invocation ended.

    Attributes:
        payload: what the handler returned; for an error the object that Lambda would return.
        error_type: the error's name as a caller of Lambda sees it; empty when there was none.
        duration_s: from handing out the event to taking the answer, seconds.
    """

    payload: Any
    error_type: str
    duration_s: float


class RuntimeApi:
    """The service's side of one execution environment. Not for several callers at once."""

    def __init__(self, *, function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:function") -> None:
        """Listen on a free port of 127.0.0.1. `function_arn` is what the function is told that it is."""
        self._function_arn = function_arn
        self._events: queue.Queue[tuple[str, bytes, int] | None] = queue.Queue()
        self._answers: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self._first_poll = threading.Event()
        self._first_poll_at = 0.0
        self._started_at = time.perf_counter()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def __enter__(self) -> RuntimeApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A runtime that still waits for an event is let go.
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """Value for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.port}"

    def starting(self) -> None:
        """Note that the function is being started now: its init counts from here."""
        self._started_at = time.perf_counter()

    def wait_for_init(self, process: subprocess.Popen[Any], *, limit_s: float) -> float:
        """Wait until the function asks for its first event, and return how long that took, seconds.

        Raises InitError when it reports a failure, ends, or takes longer than `limit_s` seconds.
        """
        deadline = time.monotonic() + limit_s
        while not self._first_poll.wait(_POLL_S):
            if not self._answers.empty():
                _, _, told = self._answers.get()
                raise InitError(told.get("errorType", ""), told.get("errorMessage", ""))
            if process.poll() is not None:
                raise InitError("Runtime.ExitError", _exit_message(process.returncode))
            if time.monotonic() > deadline:
                raise InitError("Sandbox.Timedout", f"The function did not come up within {limit_s:g} s.")
        return self._first_poll_at - self._started_at

    def invoke(self, process: subprocess.Popen[Any], event: Any, *, limit_s: float) -> Answer:
        """Give the function an event and return how that ended.

        A function that ends or takes longer than `limit_s` seconds is answered for, as Lambda does; ending a function
        that is late is left to the caller.
        """
        request_id = str(uuid.uuid4())
        deadline_ms = int((time.time() + limit_s) * 1000)
        started = time.perf_counter()
        self._events.put((request_id, json.dumps(event).encode(), deadline_ms))
        while True:
            try:
                answered, kind, payload = self._answers.get(timeout=_POLL_S)
            except queue.Empty:
                took = time.perf_counter() - started
                if process.poll() is not None and self._answers.empty():
                    message = f"RequestId: {request_id} Error: {_exit_message(process.returncode)}"
                    return _failed("Runtime.ExitError", message, took)
                if took > limit_s:
                    return _failed("Sandbox.Timedout", f"Task timed out after {limit_s:.2f} seconds", took)
                continue
            if answered != request_id:
                # The late answer to an event before this one.
                continue
            error_type = str(payload.get("errorType", "")) if kind == "error" and isinstance(payload, dict) else ""
            return Answer(payload, error_type, time.perf_counter() - started)

    def next_event(self) -> tuple[str, bytes, int] | None:
        """Return the next event: request id, payload, deadline in ms of the epoch; None when there will be none."""
        if not self._first_poll.is_set():
            self._first_poll_at = time.perf_counter()
            self._first_poll.set()
        return self._events.get()

    def take(self, request_id: str, kind: str, payload: Any) -> None:
        """Take the answer to an event, or an error of init under an empty id."""
        self._answers.put((request_id, kind, payload))

    @property
    def function_arn(self) -> str:
        """The ARN that the function is told."""
        return self._function_arn


class _Server(ThreadingHTTPServer):
    api: RuntimeApi
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Headers and body leave together: no waiting for an acknowledgement in between.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Hand out the next event, once there is one."""
        if self.path != _NEXT:
            self._answer(404)
            return
        event = self.server.api.next_event()
        if event is None:
            self._answer(410)
            return
        request_id, payload, deadline_ms = event
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.api.function_arn,
        }
        self._answer(200, payload, headers)

    def do_POST(self) -> None:
        """Take an answer or an error."""
        payload = json.loads(self._body() or b"null")
        if self.path == _INIT_ERROR:
            self.server.api.take("", "error", payload)
        elif self.path.startswith(_INVOCATION) and self.path.endswith(("/response", "/error")):
            request_id, kind = self.path.removeprefix(_INVOCATION).split("/")
            self.server.api.take(request_id, kind, payload)
        else:
            self._answer(404)
            return
        self._answer(202)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name in the base class
        """Log nothing: what a function does is its caller's to tell."""

    def _answer(self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        # AWS's client crashes on an answer without it.
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        """Return the body of the request, also one that comes in chunks, as AWS's client sends it."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)


def _failed(error_type: str, message: str, duration_s: float) -> Answer:
    return Answer({"errorType": error_type, "errorMessage": message}, error_type, duration_s)


def _exit_message(status: int) -> str:
    """Say how a runtime ended, in Lambda's words."""
    how = "signal: killed" if status in (-9, _KILLED) else f"exit status {status}"
    return f"Runtime exited with error: {how}"
