"""The Runtime API as a function sees it, and what its caller is told of the function's end."""

from __future__ import annotations

import subprocess
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from tonearm_local.artifacts import build_managed_runtime
from tonearm_local.images.runtime_api import InitError, RuntimeApi
from tonearm_local.paths import local_folder, repository_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def python() -> Path:
    """Given the interpreter of the managed runtime, which has AWS's client."""
    root = repository_root()
    return build_managed_runtime(root, local_folder(root) / "artifacts" / "managed-runtime")


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi(function_arn="arn:aws:lambda:eu-west-1:000000000000:function:song") as api:
        yield api


@pytest.fixture
def start(api: RuntimeApi, python: Path, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Given AWS's own client, and a handler from its source."""
    started = []

    def start(source: str) -> subprocess.Popen[bytes]:
        (tmp_path / "app.py").write_text(textwrap.dedent(source))
        environment = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "song",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "PYTHONPATH": str(tmp_path),
            "_HANDLER": "app.handler",
        }
        api.starting()
        command = [str(python), "-m", "awslambdaric", "app.handler"]
        started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_events_go_in_and_answers_come_out(api: RuntimeApi, start: Callable[[str], Any]) -> None:
    # Given a function that answers what it was given, and what it was told of itself
    process = start(
        """
        def handler(event, context):
            return {"event": event, "arn": context.invoked_function_arn, "ms": context.get_remaining_time_in_millis()}
        """
    )
    assert 0 < api.wait_for_init(process, limit_s=30) < 30
    for event in ({"n": 1}, ["två", None], "x" * 200_000):
        answer = api.invoke(process, event, limit_s=10)
        assert answer.error_type == ""
        assert answer.payload["event"] == event
        assert answer.payload["arn"].endswith(":function:song")
        assert 0 < answer.payload["ms"] <= 10_000
        assert answer.duration_s > 0


def test_an_error_has_its_name(api: RuntimeApi, start: Callable[[str], Any]) -> None:
    process = start(
        """
        class TrackRejected(Exception): pass
        def handler(event, context): raise TrackRejected("too long")
        """
    )
    api.wait_for_init(process, limit_s=30)
    answer = api.invoke(process, {}, limit_s=10)
    assert answer.error_type == "TrackRejected"
    assert answer.payload["errorMessage"] == "too long"


def test_a_module_that_is_missing_is_an_error_of_init(api: RuntimeApi, start: Callable[[str], Any]) -> None:
    process = start("import nothing_of_that_name")
    with pytest.raises(InitError) as caught:
        api.wait_for_init(process, limit_s=30)
    assert caught.value.error_type == "Runtime.ImportModuleError"
    assert "nothing_of_that_name" in caught.value.message


def test_a_function_that_ends_while_it_starts_is_named(api: RuntimeApi, start: Callable[[str], Any]) -> None:
    process = start("import os; os._exit(3)")
    with pytest.raises(InitError, match=r"Runtime\.ExitError: Runtime exited with error: exit status 3"):
        api.wait_for_init(process, limit_s=30)


def test_a_function_that_never_comes_up_is_given_up(api: RuntimeApi, start: Callable[[str], Any]) -> None:
    process = start("import time; time.sleep(60)")
    with pytest.raises(InitError, match=r"Sandbox\.Timedout: .* within 0\.3 s"):
        api.wait_for_init(process, limit_s=0.3)


def test_a_function_that_is_killed_is_told_of_as_lambda_does(api: RuntimeApi, start: Callable[[str], Any]) -> None:
    process = start("import os\ndef handler(event, context): os.kill(os.getpid(), 9)")
    api.wait_for_init(process, limit_s=30)
    answer = api.invoke(process, {}, limit_s=10)
    assert answer.error_type == "Runtime.ExitError"
    assert answer.payload["errorMessage"].startswith("RequestId: ")
    assert answer.payload["errorMessage"].endswith(" Error: Runtime exited with error: signal: killed")


def test_the_late_answer_to_an_event_is_not_taken_for_the_next_ones(
    api: RuntimeApi, start: Callable[[str], Any]
) -> None:
    # Given a function that is asked a second time while it is still at the first
    process = start(
        """
        import time
        def handler(event, context):
            time.sleep(event)
            return event
        """
    )
    api.wait_for_init(process, limit_s=30)
    assert api.invoke(process, 3, limit_s=0.1).error_type == "Sandbox.Timedout"
    assert api.invoke(process, 0, limit_s=30).payload == 0
