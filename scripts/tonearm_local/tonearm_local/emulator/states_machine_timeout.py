"""A state machine's own TimeoutSeconds ends the execution as TIMED_OUT.

The gap: ministack reads TimeoutSeconds of a Task, but not of the machine, so an execution never becomes TIMED_OUT
and the rule on execution status changes never sees one.
"""

from __future__ import annotations

import contextvars
import json
import threading
from typing import Any

from ministack.services import stepfunctions


def install() -> None:
    """Start a timer with every execution whose machine has a TimeoutSeconds."""
    run_execution = stepfunctions._run_execution

    def run(execution_arn: str) -> None:
        limit = _limit_s(execution_arn)
        if limit is None:
            run_execution(execution_arn)
            return
        # The stores are scoped by account and region, which travel in the context.
        context = contextvars.copy_context()
        timer = threading.Timer(limit, context.run, (_expire, stepfunctions._executions[execution_arn]))
        timer.daemon = True
        timer.start()
        try:
            run_execution(execution_arn)
        finally:
            timer.cancel()

    stepfunctions._run_execution = run


def _limit_s(execution_arn: str) -> float | None:
    execution = stepfunctions._executions.get(execution_arn)
    machine = execution and stepfunctions._state_machines.get(execution["stateMachineArn"])
    return json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None


def _expire(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", stopDate=stepfunctions.now_iso(), error="States.Timeout", cause=None)
    details = {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
    stepfunctions._add_event(execution, "ExecutionTimedOut", details)
    stepfunctions._emit_execution_status_event(execution)
