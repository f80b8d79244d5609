"""The plugin that gives the tests on the applied stack one worker: without it, each worker would apply its own."""

import subprocess
import sys
from pathlib import Path

from tests.unit.repository.checkout import ROOT

TESTS = """
import os, pytest

@pytest.mark.stack
@pytest.mark.parametrize("n", range(6))
def test_on_the_stack(n, request):
    with open(request.config.rootpath / "workers", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")

@pytest.mark.parametrize("n", range(6))
def test_without(n):
    pass
"""


def test_tests_on_the_stack_share_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    stack: needs the stack\n")
    options = ["-p", "tests.parts", "-n", "2", "--dist", "loadgroup", "-c", str(tmp_path / "pytest.ini")]
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), *options, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 6
    assert len(set(workers)) == 1
