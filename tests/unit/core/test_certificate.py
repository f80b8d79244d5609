"""What a certificate says of a broken promise, and that old ones still read."""

from typing import Any

import pytest

from tonearm.domain.certificate import Certificate
from tonearm.domain.errors import PromiseBroken


def certificate(**promise: Any) -> Certificate:
    """Given a certificate of one broken promise, as it lies in the bucket."""
    broken = {"name": "mono", "operation": "spatial", "unit": "dB", "expected": 0.0, "measured": 5.0, "tolerance": 3.0}
    document = {"engine_version": "1", "kept": False, "promises": [{**broken, "kept": False, "note": "", **promise}]}
    return Certificate.model_validate(document)


@pytest.mark.parametrize(
    ("promise", "said", "limit"),
    [
        ({"at_most": True}, "spatial promises mono at most 3 dB, measured 5.0", 3.0),
        ({"at_most": True, "expected": -1.0, "tolerance": 0.0}, "at most -1 dB, measured 5.0", -1.0),
        ({"at_most": False}, "spatial promises mono 0.0 ± 3.0 dB, measured 5.0", 0.0),
        # Before there was `at_most`.
        ({}, "spatial promises mono 0.0 ± 3.0 dB, measured 5.0", 0.0),
        ({"measured": None, "note": "the render is silent"}, "0.0 ± 3.0 dB, measured the render is silent", 0.0),
    ],
)
def test_a_broken_promise_is_told_with_its_limit(promise: dict[str, Any], said: str, limit: float) -> None:
    with pytest.raises(PromiseBroken) as broken:
        certificate(**promise).require_kept()

    problem = broken.value.problem
    assert (problem.code, problem.limit) == ("certificate.mono", limit)
    assert said in problem.detail
