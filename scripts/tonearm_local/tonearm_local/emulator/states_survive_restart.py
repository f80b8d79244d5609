"""Executions outlive a stop of the emulator: those that ran are begun again when it is back.

The gap: on AWS nothing stops an execution. In ministack the steps of a stopping emulator fail one after another, as the
functions and the endpoint go away under them; what still runs at the next start becomes FAILED, without an event.

So from the moment a stop is asked for, executions stand still. At the next start they run once more from their first
state: steps can be repeated, and find what they have done before.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from typing import TYPE_CHECKING, Any

import hypercorn.asyncio
from ministack import app
from ministack.core import responses
from ministack.services import stepfunctions

from tonearm_local.emulator.states_end_is_final import ExecutionEndedError

if TYPE_CHECKING:
    from collections.abc import Coroutine


def install(*, port: int) -> None:
    """Stand still at SIGTERM and SIGINT; begin again once the emulator answers at `port`."""
    stopping = threading.Event()
    interrupted: list[tuple[str, str, str]] = []
    _stand_still(stopping)
    _remember(interrupted)
    serve = hypercorn.asyncio.serve

    def serving(application: Any, config: Any) -> Coroutine[Any, Any, None]:
        async def run() -> None:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()

            def asked_to_stop() -> None:
                stopping.set()
                stop.set()

            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, asked_to_stop)
            beginning = loop.create_task(begin_again())
            await serve(application, config, shutdown_trigger=stop.wait)
            beginning.cancel()

        async def begin_again() -> None:
            await app._wait_for_port(port)
            for account, region, arn in interrupted:
                threading.Thread(target=_run, args=(account, region, arn), daemon=True).start()

        return run()

    hypercorn.asyncio.serve = serving


def _stand_still(stopping: threading.Event) -> None:
    add_event, fail_execution = stepfunctions._add_event, stepfunctions._fail_execution

    def add(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        if stopping.is_set():
            raise ExecutionEndedError
        return add_event(execution, event_type, details)

    def fail(execution: dict[str, Any], error: str, cause: str | None) -> None:
        if not stopping.is_set():
            fail_execution(execution, error, cause)

    stepfunctions._add_event = add
    stepfunctions._fail_execution = fail


def _remember(interrupted: list[tuple[str, str, str]]) -> None:
    """Hand the executions that ran on to `interrupted` when the state is loaded, and let them run in the records."""
    load = stepfunctions.load_persisted_state

    def loaded(data: dict[str, Any]) -> None:
        # Its keys are account, region and ARN; what it shows of itself is of one account and region only.
        stored = data["executions"]._data
        running = [key for key, execution in stored.items() if execution["status"] == "RUNNING"]
        load(data)
        for key in running:
            execution = stepfunctions._executions._data[key]
            execution.update(status="RUNNING", stopDate=None, events=execution["events"][:1])
            for word in ("error", "cause"):
                execution.pop(word, None)
        interrupted.extend(running)

    stepfunctions.load_persisted_state = loaded


def _run(account: str, region: str, arn: str) -> None:
    def run() -> None:
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        stepfunctions._run_execution(arn)

    contextvars.copy_context().run(run)
