"""Functions run as processes that see what Lambda would show them, and nothing else."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.processes import ends, lives

if TYPE_CHECKING:
    from tests.unit.local.conftest import Emulator

SEEN = """
    import os, sys, tempfile
    import boto3
    def handler(event, context):
        return {
            "caller": boto3.client("sts").get_caller_identity()["Arn"],
            "environment": dict(os.environ),
            "event": event,
            "invoked": context.invoked_function_arn,
            "path": sys.path,
            "pid": os.getpid(),
            "remaining_ms": context.get_remaining_time_in_millis(),
            "tmp": tempfile.gettempdir(),
        }
"""
FAILING = """
    class TrackRejectedError(Exception):
        pass
    def handler(event, context):
        raise TrackRejectedError("This file is too long.")
"""
LISTING = """
    import boto3
    def handler(event, context):
        return boto3.client("dynamodb").list_tables()["TableNames"]
"""
KINDS = ["zip_function", "image_function"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_of_an_exception_reaches_the_caller(emulator: Emulator, kind: str) -> None:
    # Given a function that fails with an exception of its own
    function = getattr(emulator, kind)(FAILING)
    # When it is invoked
    answer = emulator.invoke(function)
    # Then the answer has the exception's name, which Retry and Catch match
    assert answer["errorType"] == "TrackRejectedError"
    assert answer["errorMessage"] == "This file is too long."


def test_ministack_alone_hides_the_name_of_an_exception(bare: Emulator) -> None:
    # Once this fails, ministack names exceptions itself: zip functions may then not need a process of ours.
    assert bare.invoke(bare.zip_function(FAILING))["errorType"] == "Runtime.HandlerError"


def test_ministack_alone_cannot_run_an_image(bare: Emulator) -> None:
    # Once this fails, ministack runs images without a container engine.
    assert "event" not in bare.invoke(bare.image_function(SEEN))


def test_ministack_alone_leaks_the_environment_of_its_shell(bare: Emulator) -> None:
    # Once this fails, ministack gives functions a clean environment.
    assert bare.invoke(bare.zip_function(SEEN))["environment"]["HOME"] == os.environ["HOME"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_has_the_session_of_its_own_role(emulator: Emulator, kind: str) -> None:
    # Given a function with a role of its own
    role = emulator.role()
    function = getattr(emulator, kind)(SEEN, Role=role)
    # When it asks who it is
    seen = emulator.invoke(function, {"a": [1]})
    # Then it is a session of that role, not the emulator's root
    assert seen["caller"].endswith(f":assumed-role/{role.rsplit('/', 1)[-1]}/{function}")
    assert seen["environment"]["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert seen["event"] == {"a": [1]}
    assert seen["invoked"].endswith(f":function:{function}")
    assert 0 < seen["remaining_ms"] <= 20_000


@pytest.mark.parametrize("kind", KINDS)
def test_iam_is_enforced_on_a_function(emulator: Emulator, kind: str) -> None:
    # Given two functions, one of which may list tables
    grant = {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}
    allowed = getattr(emulator, kind)(LISTING, Role=emulator.role(grant))
    denied = getattr(emulator, kind)(LISTING)
    # When both do, then only the one with the grant gets an answer
    assert isinstance(emulator.invoke(allowed), list)
    assert emulator.invoke(denied)["errorMessage"].startswith("An error occurred (AccessDeniedException)")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_developers_environment_gets_through(emulator: Emulator, kind: str) -> None:
    # Given an emulator started from a shell with variables of its own, and a function with one variable
    function = getattr(emulator, kind)(SEEN, Environment={"Variables": {"STUDIO_TABLE": "studio"}})
    # When it looks around
    seen = emulator.invoke(function)["environment"]
    # Then it sees its own variable and Lambda's
    assert seen["STUDIO_TABLE"] == "studio"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == function
    assert seen["AWS_ENDPOINT_URL"] == emulator.url
    foreign = {"AWS_PROFILE", "HOME", "PIP_INDEX_URL", "TONEARM_LEAK", "TONEARM_PYTHON", "USER", "VIRTUAL_ENV"}
    assert not foreign & seen.keys()
    assert Path(seen["PYTHONPATH"].split(":")[0]).name != "site-packages"


def test_a_zip_function_finds_its_layers_and_the_managed_runtime_only(emulator: Emulator) -> None:
    # Given a layer with one module, and a function that imports it and boto3
    layer = emulator.layer(shelf="RECORDS = 3")
    function = emulator.zip_function(
        "import boto3, shelf\ndef handler(event, context): return shelf.RECORDS", layers=[layer]
    )
    # Then it finds both
    assert emulator.invoke(function) == 3
    # But what only this workspace has is missing, as it would be on AWS
    missing = emulator.zip_function("import pydantic\ndef handler(event, context): return 1")
    assert emulator.invoke(missing)["errorType"] == "Runtime.ImportModuleError"


def test_a_process_stays_for_the_next_invocation(emulator: Emulator) -> None:
    function = emulator.zip_function(SEEN)
    assert emulator.invoke(function)["pid"] == emulator.invoke(function)["pid"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_scratch_folder_is_private_and_goes_with_the_process(emulator: Emulator, kind: str) -> None:
    # Given a function that leaves half a file behind when it is killed
    function = getattr(emulator, kind)(
        """
        import os, signal, tempfile
        def handler(event, context):
            found = os.listdir(tempfile.gettempdir())
            with open(os.path.join(tempfile.gettempdir(), "half"), "w") as file:
                file.write("x")
            if event == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            return {"found": found, "tmp": tempfile.gettempdir()}
        """
    )
    first = emulator.invoke(function)
    assert Path(first["tmp"]).is_dir()
    # When it is killed
    assert emulator.invoke(function, "die")["errorType"] == "Runtime.ExitError"
    # Then its folder is gone, and the next process starts with an empty one
    assert not Path(first["tmp"]).exists()
    second = emulator.invoke(function)
    assert second["found"] == []
    assert second["tmp"] != first["tmp"]


def test_a_deleted_function_leaves_no_process(emulator: Emulator) -> None:
    function = emulator.image_function(SEEN)
    pid = emulator.invoke(function)["pid"]
    emulator.client("lambda").delete_function(FunctionName=function)
    assert ends(pid)


def pids_of_two_versions(emulator: Emulator, function: str) -> tuple[int, int]:
    client = emulator.client("lambda")
    pids = []
    for description in ("first", "second"):
        version = client.publish_version(FunctionName=function, Description=description)["Version"]
        pids.append(emulator.invoke(f"{function}:{version}")["pid"])
        client.update_function_configuration(FunctionName=function, Description=description)
    return pids[0], pids[1]


def test_a_new_version_ends_the_processes_of_older_ones(emulator: Emulator) -> None:
    # Given a function whose first version has run; when the second one runs
    first, second = pids_of_two_versions(emulator, emulator.zip_function(SEEN))
    # Then the process of the first one ends
    assert first != second
    assert ends(first)
    assert lives(second)


def test_ministack_alone_keeps_a_process_of_every_version(bare: Emulator) -> None:
    function = bare.zip_function("import os\ndef handler(event, context): return {'pid': os.getpid()}")
    first, _ = pids_of_two_versions(bare, function)
    assert not ends(first, limit_s=1)


def test_an_image_that_is_not_on_this_machine_is_named_with_the_mend(emulator: Emulator) -> None:
    name = "fn-without-image"
    uri = f"000000000000.dkr.ecr.eu-west-1.amazonaws.com/tonearm/gone@sha256:{'0' * 64}"
    emulator.client("lambda").create_function(
        FunctionName=name,
        PackageType="Image",
        Role=emulator.role(),
        Code={"ImageUri": uri},
        ImageConfig={"Command": ["app.handler"]},
    )
    answer = emulator.invoke(name)
    assert answer["errorType"] == "Runtime.InvalidEntrypoint"
    assert uri in answer["errorMessage"]
    assert "tonearm stack up" in answer["errorMessage"]


def test_a_function_that_is_updated_runs_the_new_code(emulator: Emulator) -> None:
    from tests.unit.local.conftest import zip_of

    function = emulator.zip_function("def handler(event, context): return 1")
    assert emulator.invoke(function) == 1
    new = zip_of(app="def handler(event, context): return 2")
    emulator.client("lambda").update_function_code(FunctionName=function, ZipFile=new)
    assert emulator.invoke(function) == 2


def test_what_a_function_prints_is_in_its_log(emulator: Emulator) -> None:
    function = emulator.image_function("def handler(event, context): print('needle')")
    emulator.invoke(function)
    events = emulator.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    assert any("needle" in event["message"] for event in events), json.dumps(events)


def test_a_process_that_ends_while_it_starts_is_named(emulator: Emulator) -> None:
    function = emulator.zip_function("import os; os._exit(3)")
    assert emulator.invoke(function)["errorType"] == "Runtime.ExitError"


def test_who_has_no_key_is_refused(emulator: Emulator) -> None:
    # Given a private object (the setting AUTH: without it every test above that denies would be worth nothing)
    bucket = f"private-{uuid.uuid4().hex[:8]}"
    emulator.bucket(bucket)
    emulator.client("s3").put_object(Bucket=bucket, Key="song", Body=b"la")
    # When somebody without a key asks for it
    anonymous = boto3.client(
        "s3", endpoint_url=emulator.url, region_name="eu-west-1", config=Config(signature_version=UNSIGNED)
    )
    # Then it is refused
    with pytest.raises(ClientError, match="AccessDenied"):
        anonymous.get_object(Bucket=bucket, Key="song")
