"""The emulator's state outlives a crash when it was saved, and a peaceful stop in any case."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.person import wait_until
from tests.support.processes import lives
from tests.unit.local.conftest import start_again_bare, stop
from tonearm_local.emulator import save_regularly
from tonearm_local.emulator.settings import SAVED, emulator_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.local.conftest import Emulator

TABLE = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}

NOTING = """
    import time
    from pathlib import Path
    def handler(event, context):
        Path("{began}").touch()
        time.sleep(2)
        return "noted"
"""


def test_what_was_saved_is_there_after_a_crash(own_emulator: Callable[[], Emulator]) -> None:
    # Given a table, saved, and another one that is not
    first = own_emulator()
    first.client("dynamodb").create_table(TableName="saved", **TABLE)
    first.process.send_signal(signal.SIGUSR1)
    wait_until("it has saved", (first.folder / "state" / SAVED).exists, every_s=0.02)
    first.client("sns").create_topic(Name="lost")
    # When the emulator crashes and starts again
    first.process.kill()
    first.process.wait()
    second = own_emulator()
    # Then what was saved is there
    assert second.client("dynamodb").list_tables()["TableNames"] == ["saved"]
    assert second.client("sns").list_topics()["Topics"] == []


def test_rows_are_there_after_a_crash_though_nobody_asked_for_a_save(own_emulator: Callable[[], Emulator]) -> None:
    # Given a row that is a few seconds old
    first = own_emulator()
    first.client("dynamodb").create_table(TableName="rows", **TABLE)
    first.client("dynamodb").put_item(TableName="rows", Item={"pk": {"S": "a-row"}})
    saved = first.folder / "state" / "services" / "dynamodb.json"
    wait_until("the row is saved", lambda: saved.exists() and "a-row" in saved.read_text())
    # When the emulator crashes and starts again
    first.process.kill()
    first.process.wait()
    second = own_emulator()
    # Then it is there
    assert second.client("dynamodb").get_item(TableName="rows", Key={"pk": {"S": "a-row"}})["Item"]


def test_what_has_not_changed_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a service with a state, and a note of what is written
    written: list[str] = []
    state = {"row": 1}
    monkeypatch.setattr("ministack.app._build_persistence_save_dict", lambda: {"dynamodb": lambda: dict(state)})
    monkeypatch.setattr("ministack.core.persistence.save_state", lambda service, _: written.append(service))
    saved: dict[str, bytes] = {}
    for _ in range(2):
        save_regularly.save_changed(saved)
    assert written == ["dynamodb"]
    state["row"] = 2
    save_regularly.save_changed(saved)
    assert written == ["dynamodb", "dynamodb"]


def test_an_execution_that_a_stop_interrupts_is_begun_again_and_comes_to_its_end(
    own_emulator: Callable[[], Emulator], tmp_path: Path
) -> None:
    # Given an execution in a step that takes two seconds
    first, began = own_emulator(), tmp_path / "began"
    function = first.zip_function(NOTING.format(began=began))
    resource = f"arn:aws:lambda:eu-west-1:000000000000:function:{function}"
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, "IntervalSeconds": 1}]
    step = {"Type": "Task", "Resource": resource, "Retry": retry, "End": True}
    states = first.client("stepfunctions")
    machine = first.machine({"StartAt": "Note", "States": {"Note": step}})
    arn = states.start_execution(stateMachineArn=machine, name="survivor")["executionArn"]
    wait_until("the step runs", began.exists)
    # When the emulator is asked to stop, and is back
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(timeout=60) == 0
    second = own_emulator()
    # Then it runs, and ends well, with the history of one run
    seen = second.execution(arn, until=lambda execution: bool(execution["status"] != "RUNNING"), limit_s=60)
    assert (seen["status"], json.loads(seen["output"])) == ("SUCCEEDED", "noted")
    assert "error" not in seen
    history = second.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in history].count("ExecutionStarted") == 1


def test_ministack_alone_fails_what_ran(own_bare: Emulator) -> None:
    states = own_bare.client("stepfunctions")
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}}
    arn = states.start_execution(stateMachineArn=own_bare.machine(definition))["executionArn"]
    own_bare.process.send_signal(signal.SIGTERM)
    own_bare.process.wait(timeout=60)
    again = start_again_bare(own_bare)
    try:
        seen = again.client("stepfunctions").describe_execution(executionArn=arn)
        # Once this fails, ministack goes on with executions itself, and states_survive_restart can go.
        assert (seen["status"], seen["error"]) == ("FAILED", "States.ServiceRestart")
    finally:
        stop(again)


def test_a_peaceful_stop_keeps_all_and_ends_every_function(own_emulator: Callable[[], Emulator]) -> None:
    # Given a function that has run, and an object
    first = own_emulator()
    function = first.image_function("import os\ndef handler(event, context): return os.getpid()")
    worker = first.invoke(function)
    first.bucket("shelf")
    first.client("s3").put_object(Bucket="shelf", Key="song", Body=b"la")
    # When the emulator is asked to stop
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(timeout=60) == 0
    # Then no process of the function is left, nor its scratch folder
    assert not lives(worker)
    assert list((first.folder / "state" / "tmp" / "functions").iterdir()) == []
    # And a new start has both
    second = own_emulator()
    assert second.client("s3").get_object(Bucket="shelf", Key="song")["Body"].read() == b"la"
    assert isinstance(second.invoke(function), int)


def test_ministack_alone_dies_of_the_signal(own_bare: Emulator) -> None:
    # Once this fails, ministack does something of its own on SIGUSR1: look what, before it is replaced.
    own_bare.process.send_signal(signal.SIGUSR1)
    assert own_bare.process.wait(timeout=60) == -signal.SIGUSR1


def test_switches_for_other_programs_do_not_reach_the_emulator() -> None:
    inherited = {
        "PATH": "/bin",
        "AWS_PROFILE": "work",
        "LAMBDA_EXECUTOR": "docker",
        "SERVICES": "s3",
        "SFN_WAIT_SCALE": "0",
    }
    environment = emulator_environment(inherited, port=4567, state_dir=Path("/state"))
    assert not {"AWS_PROFILE", "LAMBDA_EXECUTOR", "SERVICES", "SFN_WAIT_SCALE"} & environment.keys()
    assert environment["PATH"] == "/bin"
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["AUTH"] == "true"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"
