"""What a function loads before its first event: each cold start pays for it.

Which heavy libraries a function may load at all stands in tests/unit/repository/test_imports.py; here is how much,
and what waits until it is used.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Function -> modules that it may load in all: measured, and a tenth more.
MAY_LOAD = {
    "api": 760,
    "start_job": 720,
    "notify": 690,
    "reconcile": 700,
    "validate": 785,
    "analyze": 785,
    "transform": 785,
    "certify": 785,
}
# What is loaded when it is first used, and by no import.
WAITS = {
    "aws_lambda_powertools.event_handler.openapi.models",
    "aws_lambda_powertools.event_handler.openapi.swagger_ui",
    "functions.api.document",
    "tonearm_audio.analysis",
    "tonearm_audio.certificate",
    "tonearm_audio.change",
    "tonearm_audio.engine",
    "tonearm_audio.stretch",
}


@pytest.fixture(scope="module", params=MAY_LOAD)
def function(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def loaded(function: str) -> set[str]:
    """Given a fresh process that has imported the function's handler."""
    code = f"import sys; import functions.{function}.handler; print(*sys.modules)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_function_loads_no_more_modules_than_its_budget(function: str, loaded: set[str]) -> None:
    assert len(loaded) <= MAY_LOAD[function]


def test_what_is_used_later_is_loaded_later(loaded: set[str]) -> None:
    assert not loaded & WAITS


def test_a_step_of_the_workflow_serves_no_http(function: str, loaded: set[str]) -> None:
    if function != "api":
        assert "aws_lambda_powertools.event_handler.api_gateway" not in loaded
