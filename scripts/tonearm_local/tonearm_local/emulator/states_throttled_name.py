"""A throttled Lambda task fails with AWS's error name.

The gap: ministack reports `Lambda.Unknown`; AWS reports `Lambda.TooManyRequestsException`, and that is the name
which a Retry in a state machine lists.
"""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc


def install() -> None:
    """Name the throttle in the result that Step Functions reads."""
    execute = lambda_svc._execute_function_with_config_scope

    def named(func: dict[str, Any], event: Any) -> Any:
        result = execute(func, event)
        if result.get("throttle"):
            result["body"].setdefault("errorType", "Lambda.TooManyRequestsException")
        return result

    lambda_svc._execute_function_with_config_scope = named
