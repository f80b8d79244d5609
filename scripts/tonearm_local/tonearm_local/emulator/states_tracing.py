"""A state machine remembers whether it is traced.

The gap: ministack takes `tracingConfiguration` and forgets it, so that Terraform sees a change in every plan.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    """Keep `tracingConfiguration` in the record that DescribeStateMachine answers from."""
    stepfunctions._create_state_machine = _remembering(stepfunctions._create_state_machine)
    stepfunctions._update_state_machine = _remembering(stepfunctions._update_state_machine)


def _remembering(write: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def remember(data: dict[str, Any]) -> Any:
        answer = write(data)
        arn = data.get("stateMachineArn") or json.loads(answer[2]).get("stateMachineArn")
        machine = stepfunctions._state_machines.get(arn)
        if machine is not None:
            known = machine.get("tracingConfiguration", {"enabled": False})
            machine["tracingConfiguration"] = data.get("tracingConfiguration", known)
        return answer

    return remember
