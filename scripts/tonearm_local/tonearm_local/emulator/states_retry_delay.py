"""Retries wait as MaxDelaySeconds and JitterStrategy say.

The gap: ministack ignores both, so that retries of many executions hit a service that is back at the same moment.
Source of the rule: "Retry examples" in the Step Functions developer guide.
"""

from __future__ import annotations

import random
from typing import Any

from ministack.services import stepfunctions


def install() -> None:
    """Hand the interpreter a retrier whose interval is the wait of this very attempt."""
    find_retrier = stepfunctions._find_matching_retrier

    def find(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> Any:
        retrier, index = find_retrier(retriers, error, counts)
        if retrier is None:
            return retrier, index
        delay = delay_s(retrier, attempt=counts.get(index, 0))
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1.0}, index

    stepfunctions._find_matching_retrier = find


def delay_s(retrier: dict[str, Any], *, attempt: int) -> float:
    """Return the seconds to wait before retry number `attempt` (from 0) of a retrier."""
    delay: float = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** attempt
    delay = min(delay, retrier.get("MaxDelaySeconds", float("inf")))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay  # noqa: S311 - spreads load
