"""StartExecution with the name and input of a running execution answers that execution.

The gap: ministack always answers ExecutionAlreadyExists. AWS is idempotent here (API reference of StartExecution):
that is what makes a repeated message start one job, not an error.
"""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions


def install() -> None:
    """Answer a repeated start with the ARN and start date of the first one."""
    start_execution = stepfunctions._start_execution

    def start(data: dict[str, Any]) -> Any:
        running = _same_running(data)
        if running is None:
            return start_execution(data)
        answer = {"executionArn": running["executionArn"], "startDate": running["startDate"]}
        return stepfunctions.json_response(answer)

    stepfunctions._start_execution = start


def _same_running(data: dict[str, Any]) -> dict[str, Any] | None:
    machine_arn = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", "").split("#")[0])
    if machine_arn is None or not data.get("name"):
        return None
    arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{data['name']}"
    execution: dict[str, Any] | None = stepfunctions._executions.get(arn)
    same = execution and execution["status"] == "RUNNING" and execution["input"] == data.get("input", "{}")
    return execution if same else None
