"""Executions outlive a stop of the emulator: those that ran are begun again when it is back.

The gap: on AWS nothing stops an execution. In ministack the steps of a stopping emulator fail one after another, as the
functions and the endpoint go away under them; what still runs at the next start becomes FAILED, without an event.

So from the moment a stop is asked for, executions stand still. At the next start they run once more from their first
state: steps can be repeated, and find what they have done before.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

from ministack import app
from ministack.core import responses
from ministack.services import stepfunctions

from tonearm_local.emulator import stopping
from tonearm_local.emulator.states_end_is_final import ExecutionEndedError


def install(*, port: int) -> None:
    """Stand still once a stop is asked for; begin again what was interrupted when the emulator answers at `port`."""
    add_event, fail_execution = stepfunctions._add_event, stepfunctions._fail_execution
    load = stepfunctions.load_persisted_state

    def add(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        if stopping.asked.is_set():
            raise ExecutionEndedError
        return add_event(execution, event_type, details)

    def fail(execution: dict[str, Any], error: str, cause: str | None) -> None:
        if not stopping.asked.is_set():
            fail_execution(execution, error, cause)

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
        if running:
            threading.Thread(target=_begin_again, args=(running, port), name="begin-again", daemon=True).start()

    stepfunctions._add_event = add
    stepfunctions._fail_execution = fail
    stepfunctions.load_persisted_state = loaded


def _begin_again(interrupted: list[tuple[str, str, str]], port: int) -> None:
    asyncio.run(app._wait_for_port(port))
    for account, region, arn in interrupted:
        context = contextvars.copy_context()
        context.run(responses.set_request_account_id, account)
        context.run(responses.set_request_region, region)
        threading.Thread(target=context.run, args=(stepfunctions._run_execution, arn), daemon=True).start()
