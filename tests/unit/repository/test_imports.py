"""Imports run one way, and a function loads no more than it uses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.repository.checkout import ROOT

# Slow to import or large: seconds of every cold start.
HEAVY = {"librosa", "numba", "numpy", "scipy", "soundfile", "soxr", "lameenc", "tonearm_audio"}
DECODING = {"numpy", "soundfile", "tonearm_audio"}
# Function -> what of the heavy it may load.
MAY_LOAD: dict[str, set[str]] = {
    "api": set(),
    "start_job": set(),
    "reconcile": set(),
    "notify": set(),
    "validate": DECODING,
    "analyze": DECODING,
    "transform": DECODING,
    "certify": DECODING,
}
LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(module: str) -> set[str]:
    """Top-level names of what a fresh interpreter has loaded after importing a module."""
    # Nothing of the environment that a function is given: an import reads no settings.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, module], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_every_function_has_its_budget() -> None:
    folders = {handler.parent.name for handler in (ROOT / "functions").glob("*/handler.py")}
    assert folders == set(MAY_LOAD)


@pytest.mark.parametrize("function", MAY_LOAD)
def test_a_function_loads_nothing_heavy_that_it_does_not_use(function: str) -> None:
    loaded = loaded_by(f"functions.{function}.handler")
    assert "tonearm" in loaded
    assert loaded & HEAVY <= MAY_LOAD[function]


def test_the_audio_engine_loads_neither_aws_nor_what_takes_seconds() -> None:
    assert not loaded_by("tonearm_audio") & {"boto3", "botocore", "pydantic", "tonearm", "librosa", "numba", "scipy"}


def test_imports_run_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout
