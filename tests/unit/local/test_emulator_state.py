"""The emulator's state outlives a crash when it was saved, and a peaceful stop in any case."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm_local.emulator.settings import SAVED, emulator_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.local.conftest import Emulator

TABLE = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def test_what_was_saved_is_there_after_a_crash(own_emulator: Callable[[], Emulator]) -> None:
    # Given a table, saved, and another one that is not
    first = own_emulator()
    first.client("dynamodb").create_table(TableName="saved", **TABLE)
    first.process.send_signal(signal.SIGUSR1)
    marker, deadline = first.folder / "state" / SAVED, time.monotonic() + 10
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first.client("dynamodb").create_table(TableName="lost", **TABLE)
    # When the emulator crashes and starts again
    first.process.kill()
    first.process.wait()
    second = own_emulator()
    # Then the saved one is there
    assert second.client("dynamodb").list_tables()["TableNames"] == ["saved"]


def test_a_peaceful_stop_keeps_all_and_ends_every_function(own_emulator: Callable[[], Emulator]) -> None:
    # Given a function that has run, and an object
    first = own_emulator()
    function = first.image_function("import os\ndef handler(event, context): return os.getpid()")
    worker = first.invoke(function)
    first.bucket("shelf")
    first.client("s3").put_object(Bucket="shelf", Key="song", Body=b"la")
    # When the emulator is asked to stop
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(timeout=15) == 0
    # Then no process of the function is left, nor its scratch folder
    assert not _lives(worker)
    assert list((first.folder / "state" / "tmp" / "functions").iterdir()) == []
    # And a new start has both
    second = own_emulator()
    assert second.client("s3").get_object(Bucket="shelf", Key="song")["Body"].read() == b"la"
    assert isinstance(second.invoke(function), int)


def test_ministack_alone_dies_of_the_signal(own_bare: Emulator) -> None:
    # Once this fails, ministack does something of its own on SIGUSR1: look what, before it is replaced.
    own_bare.process.send_signal(signal.SIGUSR1)
    assert own_bare.process.wait(timeout=5) == -signal.SIGUSR1


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


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
