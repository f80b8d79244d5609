"""Try an image as Lambda would run it, with nothing of Lambda but its limits and its Runtime API.

with Trial(engine, image_id, limits, handler="functions.notify.handler.handler", variables={...}) as trial:
    answer = trial.invoke({...}, limit_s=10)
    print(trial.init_s, answer.duration_s, trial.peak_mb())
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm_local.images.container import STACK_LABEL, Container, Limits
from tonearm_local.images.engine import client_environment
from tonearm_local.images.runtime_api import Answer, InitError, RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from tonearm_local.images.engine import Engine

# Lambda's own limit on init.
_INIT_LIMIT_S = 10.0
_LABELS = {STACK_LABEL: "trial"}


class Trial:
    """One execution environment of an image, and the service before it."""

    init_s: float

    def __init__(
        self,
        engine: Engine,
        image_id: str,
        limits: Limits,
        *,
        handler: str,
        variables: Mapping[str, str] | None = None,
        ports: Sequence[int] = (),
        options: Sequence[str] = (),
    ) -> None:
        """Describe it; nothing is started.

        Args:
            engine: runs it.
            image_id: what to run.
            limits: what it may use.
            handler: dotted path.
            variables: of the function's environment, beside those of the runtime.
            ports: of this machine's 127.0.0.1 that the function may reach beside the Runtime API.
            options: further ones of `docker run`.
        """
        self._engine = engine
        self._image_id = image_id
        self._limits = limits
        self._handler = handler
        self._variables = dict(variables or {})
        self._ports = tuple(ports)
        self._options = tuple(options)

    def __enter__(self) -> Trial:
        with ExitStack() as opened:
            self._api = opened.enter_context(RuntimeApi())
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tonearm-trial-")))
            self._log = folder / "log"
            sockets = folder / "sockets"
            sockets.mkdir()
            self._container = Container.opened(
                self._engine,
                self._image_id,
                self._limits,
                ports=(self._api.port, *self._ports),
                scratch=sockets,
                labels=_LABELS,
            )
            opened.callback(self._end)
            variables = self._variables | {
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._limits.memory_mb),
                "AWS_LAMBDA_FUNCTION_VERSION": "1",
                "_HANDLER": self._handler,
            }
            variables.setdefault("AWS_LAMBDA_FUNCTION_NAME", "function")
            command = self._container.command(self._handler, variables, *self._options)
            log = opened.enter_context(self._log.open("wb"))
            self._api.starting()
            self._process = subprocess.Popen(
                command, env=client_environment() | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            opened.callback(self._process.wait)
            opened.callback(self._end)
            try:
                self.init_s = self._api.wait_for_init(self._process, limit_s=_INIT_LIMIT_S)
            except InitError as error:
                raise InitError(error.error_type, f"{error.message}\n{self.log()}") from None
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._opened.close()

    def invoke(self, event: Any, *, limit_s: float) -> Answer:
        """Give the function an event, and return how that ended within `limit_s` seconds."""
        return self._api.invoke(self._process, event, limit_s=limit_s)

    def peak_mb(self) -> float | None:
        """Return the most memory that its process has held, MiB; None when it has ended."""
        return self._container.peak_mb()

    def log(self) -> str:
        """Return what it has printed."""
        return self._log.read_text(errors="replace")

    def _end(self) -> None:
        self._container.close()
