"""Faults hit the calls that they are armed for, and nothing else, and are listed."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tonearm_local.emulator.faults import Fault, Faults, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.local.conftest import Emulator

# Writes once to each of the five services, and tells how often the SDK had to repeat it.
WRITER = """
    import json, boto3
    def handler(event, context):
        calls = {
            "dynamodb": ("put_item", {"TableName": event["table"], "Item": {"pk": {"S": "a"}}}),
            "s3": ("put_object", {"Bucket": event["bucket"], "Key": "song", "Body": b"la"}),
            "sqs": ("send_message", {"QueueUrl": event["queue"], "MessageBody": "hello"}),
            "sns": ("publish", {"TopicArn": event["topic"], "Message": "hello"}),
            "stepfunctions": ("start_execution", {"stateMachineArn": event["machine"]}),
        }
        repeated = {}
        for service in event["services"]:
            operation, arguments = calls[service]
            answer = getattr(boto3.client(service), operation)(**arguments)
            repeated[service] = answer["ResponseMetadata"]["RetryAttempts"]
        return repeated
"""
ACTIONS = {
    "dynamodb": "dynamodb:PutItem",
    "s3": "s3:PutObject",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "stepfunctions": "states:StartExecution",
}


@pytest.fixture
def faults(emulator: Emulator) -> Iterator[Faults]:
    armed = Faults(emulator.faults_file)
    yield armed
    armed.disarm()


@pytest.fixture(scope="module")
def resources(emulator: Emulator) -> dict[str, str]:
    """One of each thing that can be written to."""
    name = f"shelf-{uuid.uuid4().hex[:8]}"
    emulator.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    emulator.bucket(name)
    done = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    return {
        "table": name,
        "bucket": name,
        "queue": emulator.client("sqs").create_queue(QueueName=name)["QueueUrl"],
        "topic": emulator.client("sns").create_topic(Name=name)["TopicArn"],
        "machine": emulator.machine(done),
    }


@pytest.fixture(scope="module")
def writer(emulator: Emulator) -> str:
    return emulator.zip_function(WRITER, Role=emulator.role({"Effect": "Allow", "Action": "*", "Resource": "*"}))


def write(emulator: Emulator, writer: str, resources: dict[str, str], *services: str) -> Any:
    return emulator.invoke(writer, {**resources, "services": services or list(ACTIONS)})


def test_every_write_can_be_seen_first(
    emulator: Emulator, faults: Faults, writer: str, resources: dict[str, str]
) -> None:
    # Given that all calls of one function are observed
    faults.arm(Fault("observe", function=writer, times=1000))
    # When it writes to five services
    assert write(emulator, writer, resources) == dict.fromkeys(ACTIONS, 0)
    # Then the five writes are listed in order, and nothing else of the function's
    assert [hit.action for hit in faults.fired()] == list(ACTIONS.values())
    assert {hit.function for hit in faults.fired()} == {writer}


@pytest.mark.parametrize("service", ACTIONS)
def test_a_lost_reply_means_work_done_and_a_repeated_call(
    emulator: Emulator, faults: Faults, writer: str, resources: dict[str, str], service: str
) -> None:
    # Given that the reply of the function's write to a service is lost
    before = written(emulator, resources, service)
    faults.arm(Fault("lost_reply", action=ACTIONS[service], function=writer))
    # When it writes
    repeated = write(emulator, writer, resources, service)
    # Then the SDK called twice, and the service did the work twice
    assert repeated == {service: 1}
    assert [(hit.kind, hit.action, hit.ordinal) for hit in faults.fired()] == [("lost_reply", ACTIONS[service], 1)]
    if service in ("sqs", "stepfunctions"):
        assert written(emulator, resources, service) == before + 2


def written(emulator: Emulator, resources: dict[str, str], service: str) -> int:
    if service == "sqs":
        name = "ApproximateNumberOfMessages"
        answer = emulator.client("sqs").get_queue_attributes(QueueUrl=resources["queue"], AttributeNames=[name])
        return int(answer["Attributes"][name])
    if service == "stepfunctions":
        machine = resources["machine"]
        return len(emulator.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"])
    return 0


def test_the_nth_write_is_hit_and_no_other(
    emulator: Emulator, faults: Faults, writer: str, resources: dict[str, str]
) -> None:
    faults.arm(Fault("lost_reply", action="dynamodb:PutItem", function=writer, nth=2))
    assert [write(emulator, writer, resources, "dynamodb")["dynamodb"] for _ in range(4)] == [0, 1, 0, 0]
    assert [hit.ordinal for hit in faults.fired()] == [2]


def test_a_refused_call_does_nothing_and_is_repeated(
    emulator: Emulator, faults: Faults, writer: str, resources: dict[str, str]
) -> None:
    before = written(emulator, resources, "sqs")
    faults.arm(Fault("refused", action="sqs:SendMessage", function=writer, times=2, status=503))
    assert write(emulator, writer, resources, "sqs") == {"sqs": 2}
    assert written(emulator, resources, "sqs") == before + 1


def test_a_late_answer_is_late(emulator: Emulator, faults: Faults, writer: str, resources: dict[str, str]) -> None:
    write(emulator, writer, resources, "dynamodb")
    faults.arm(Fault("late", action="dynamodb:*", function=writer, seconds=0.7))
    began = time.monotonic()
    assert write(emulator, writer, resources, "dynamodb") == {"dynamodb": 0}
    assert time.monotonic() - began > 0.7


def test_others_are_left_alone(emulator: Emulator, faults: Faults, writer: str, resources: dict[str, str]) -> None:
    # Given faults for another function, and calls of the emulator's root
    faults.arm(Fault("lost_reply", action="*", function="another", times=100))
    assert write(emulator, writer, resources, "dynamodb") == {"dynamodb": 0}
    faults.arm(Fault("lost_reply", action="*", times=100))
    emulator.client("dynamodb").put_item(TableName=resources["table"], Item={"pk": {"S": "root"}})
    assert faults.fired() == []


def test_a_process_is_killed_in_the_middle_of_its_work(emulator: Emulator, faults: Faults) -> None:
    # Given a function that works for two seconds, cold or warm
    function = emulator.image_function("import time\ndef handler(event, context): time.sleep(event); return event")
    for _ in range(2):
        faults.arm(Fault("killed", function=function, seconds=0.2))
        # When it is killed 0.2 s into its work, then the caller learns so, and the next invocation works
        assert emulator.invoke(function, 2)["errorType"] == "Runtime.ExitError"
        assert [hit.kind for hit in faults.fired()] == ["killed"]
        assert emulator.invoke(function, 0) == 0


def test_a_batch_is_delivered_twice(emulator: Emulator, faults: Faults, resources: dict[str, str]) -> None:
    # Given a function behind a queue, which notes what it gets
    sqs = emulator.client("sqs")
    notes = sqs.create_queue(QueueName=f"notes-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    source = sqs.create_queue(QueueName=f"source-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function = emulator.zip_function(
        f"""
        import boto3
        def handler(event, context):
            for record in event["Records"]:
                boto3.client("sqs").send_message(QueueUrl="{notes}", MessageBody=record["messageId"])
        """,
        Role=emulator.role({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}),
    )
    faults.arm(Fault("repeated_batch", function=function))
    emulator.client("lambda").create_event_source_mapping(FunctionName=function, EventSourceArn=arn)
    # When one message is sent
    sent = sqs.send_message(QueueUrl=source, MessageBody="upload")["MessageId"]
    # Then the function got it twice
    got: list[str] = []
    deadline = time.monotonic() + 15
    while len(got) < 2 and time.monotonic() < deadline:
        messages = sqs.receive_message(QueueUrl=notes, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
        got += [message["Body"] for message in messages]
    assert got == [sent, sent]


def test_a_plan_that_is_armed_again_counts_anew(tmp_path: Path) -> None:
    # Given a plan that has fired
    faults, plan = Faults(tmp_path / "faults.json"), Plan(tmp_path / "faults.json")
    fault = Fault("observe", action="s3:*", nth=2)
    faults.arm(fault)
    calls = {"action": "s3:PutObject", "function": "fn"}
    assert [plan.take(("observe",), **calls) for _ in range(3)] == [None, fault, None]
    # When the same is armed again, then it fires again, at the second call
    faults.arm(fault)
    assert faults.fired() == []
    assert [plan.take(("observe",), **calls) for _ in range(3)] == [None, fault, None]
    # And when it is disarmed, then nothing fires, and what fired can still be read
    faults.disarm()
    assert not plan.armed()
    assert plan.take(("observe",), **calls) is None
    assert [hit.ordinal for hit in faults.fired()] == [2]
    assert json.loads((tmp_path / "faults.fired").read_text())["action"] == "s3:PutObject"
