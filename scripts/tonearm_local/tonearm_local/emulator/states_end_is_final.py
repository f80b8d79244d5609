"""An execution that has ended stays ended.

The gap: after StopExecution (or a timeout of the machine) ministack lets the running task finish, retries it, takes
its Catch, and may turn ABORTED into FAILED, with a second status event.
"""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions


class ExecutionEndedError(BaseException):
    """Unwinds the thread of an execution that has ended.

    Derived from BaseException because it must pass through every `except Exception` of the interpreter of states,
    none of which may retry, catch or report it.
    """


def install() -> None:
    """Stop the walk through the states at the first event after the end."""
    add_event = stepfunctions._add_event
    fail_execution = stepfunctions._fail_execution
    run_execution = stepfunctions._run_execution

    def add(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        if execution.get("status", "RUNNING") != "RUNNING" and not event_type.startswith("Execution"):
            raise ExecutionEndedError
        return add_event(execution, event_type, details)

    def fail(execution: dict[str, Any], error: str, cause: str | None) -> None:
        if execution["status"] == "RUNNING":
            fail_execution(execution, error, cause)

    def run(execution_arn: str) -> None:
        try:
            run_execution(execution_arn)
        except ExecutionEndedError:
            return

    stepfunctions._add_event = add
    stepfunctions._fail_execution = fail
    stepfunctions._run_execution = run
