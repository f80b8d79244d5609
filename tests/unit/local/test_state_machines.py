"""Step Functions behave as on AWS where Tonearm depends on it; each test on `bare` fails once ministack does itself."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.person import wait_until
from tonearm_local.emulator import states_retry_delay

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.local.conftest import Emulator

FAILS_WHEN_TOLD = """
    import time
    from pathlib import Path
    def handler(event, context):
        Path("{folder}/began").touch()
        for _ in range(900):
            if Path("{folder}/fail").exists():
                break
            time.sleep(0.02)
        Path("{folder}/fails").touch()
        raise ValueError("too late")
"""


def waiting(seconds: float, **machine: Any) -> dict[str, Any]:
    return {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": seconds, "End": True}}, **machine}


def calling(function: str, **task: Any) -> dict[str, Any]:
    resource = f"arn:aws:lambda:eu-west-1:000000000000:function:{function}"
    return {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": resource, "End": True, **task}}}


def ended(execution: dict[str, Any]) -> bool:
    return bool(execution["status"] != "RUNNING")


def start(emulator: Emulator, definition: dict[str, Any]) -> str:
    machine = emulator.machine(definition)
    arn: str = emulator.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
    return arn


def error_of_a_throttled_task(emulator: Emulator) -> str:
    function = emulator.zip_function("def handler(event, context): return 1")
    emulator.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    error: str = emulator.execution(start(emulator, calling(function)), until=ended)["error"]
    return error


def test_a_throttled_task_has_the_error_name_of_aws(emulator: Emulator) -> None:
    assert error_of_a_throttled_task(emulator) == "Lambda.TooManyRequestsException"


def test_ministack_alone_calls_a_throttle_unknown(bare: Emulator) -> None:
    assert error_of_a_throttled_task(bare) == "Lambda.Unknown"


def test_a_machine_times_out_and_says_so_on_the_bus(emulator: Emulator) -> None:
    # Given a queue that hears of executions that timed out
    sqs, events = emulator.client("sqs"), emulator.client("events")
    queue = sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.states"], "detail": {"status": ["TIMED_OUT"]}}
    events.put_rule(Name=queue_arn.rsplit(":", 1)[-1], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=queue_arn.rsplit(":", 1)[-1], Targets=[{"Id": "queue", "Arn": queue_arn}])
    # When a machine with a second of time waits for a minute
    arn = start(emulator, waiting(60, TimeoutSeconds=1))
    execution = emulator.execution(arn, until=ended, limit_s=30)
    # Then it has timed out, long before the wait is over, and the queue heard of it
    assert execution["status"] == "TIMED_OUT"
    assert execution["error"] == "States.Timeout"
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", [])
    assert [json.loads(message["Body"])["detail"]["executionArn"] for message in messages] == [arn]


def test_a_machine_that_is_in_time_succeeds(emulator: Emulator) -> None:
    execution = emulator.execution(start(emulator, waiting(0, TimeoutSeconds=4)), until=ended)
    assert execution["status"] == "SUCCEEDED"
    time.sleep(4.2)
    again = emulator.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert again["status"] == "SUCCEEDED"


def test_ministack_alone_ignores_the_time_of_a_machine(bare: Emulator) -> None:
    execution = emulator_execution(bare, waiting(2, TimeoutSeconds=1))
    assert execution["status"] == "SUCCEEDED"


def emulator_execution(emulator: Emulator, definition: dict[str, Any]) -> dict[str, Any]:
    return emulator.execution(start(emulator, definition), until=ended)


def status_after_stopping_during_a_task(emulator: Emulator, folder: Path) -> str:
    """Stop an execution while its task runs; the task fails afterwards. Returns the status that it ends with."""
    arn = start(emulator, calling(emulator.zip_function(FAILS_WHEN_TOLD.format(folder=folder))))
    wait_until("the task runs", (folder / "began").exists)
    emulator.client("stepfunctions").stop_execution(executionArn=arn, cause="no longer wanted")
    (folder / "fail").touch()
    wait_until("the task fails", (folder / "fails").exists)
    emulator.execution(arn, until=lambda seen: seen["status"] == "FAILED", limit_s=3)
    status: str = emulator.client("stepfunctions").describe_execution(executionArn=arn)["status"]
    return status


def test_an_execution_that_was_stopped_stays_stopped(emulator: Emulator, tmp_path: Path) -> None:
    assert status_after_stopping_during_a_task(emulator, tmp_path) == "ABORTED"


def test_ministack_alone_turns_a_stopped_execution_into_a_failed_one(bare: Emulator, tmp_path: Path) -> None:
    assert status_after_stopping_during_a_task(bare, tmp_path) == "FAILED"


def test_no_retry_follows_a_stop(emulator: Emulator) -> None:
    # Given an execution that waits to retry its task
    states = emulator.client("stepfunctions")
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 3, "MaxAttempts": 5}]
    function = emulator.zip_function("def handler(event, context): raise ValueError(1)")
    arn = start(emulator, calling(function, Retry=retry))

    def history() -> list[str]:
        return [event["type"] for event in states.get_execution_history(executionArn=arn)["events"]]

    wait_until("the task failed", lambda: "TaskFailed" in history())
    # When it is stopped
    states.stop_execution(executionArn=arn)
    time.sleep(3.5)
    # Then no second attempt was made
    assert history().count("TaskScheduled") == 1
    assert history()[-1] == "ExecutionAborted"


def test_a_repeated_start_answers_the_running_execution(emulator: Emulator) -> None:
    # Given a running execution
    states, machine = emulator.client("stepfunctions"), emulator.machine(waiting(60))
    first = states.start_execution(stateMachineArn=machine, name="job-1", input='{"a":1}')
    # When it is started again with the same name and input, then it is the same one
    second = states.start_execution(stateMachineArn=machine, name="job-1", input='{"a":1}')
    assert second["executionArn"] == first["executionArn"]
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 1
    # But another input under the same name is refused
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(stateMachineArn=machine, name="job-1", input='{"a":2}')
    states.stop_execution(executionArn=first["executionArn"])


def test_a_name_is_used_up_when_its_execution_has_ended(emulator: Emulator) -> None:
    states, machine = emulator.client("stepfunctions"), emulator.machine(waiting(0))
    arn = states.start_execution(stateMachineArn=machine, name="job-1")["executionArn"]
    emulator.execution(arn, until=ended)
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(stateMachineArn=machine, name="job-1")


def test_concurrent_repeated_starts_make_one_execution(emulator: Emulator) -> None:
    states, machine = emulator.client("stepfunctions"), emulator.machine(waiting(60))
    answers: list[str] = []

    def begin() -> None:
        answers.append(states.start_execution(stateMachineArn=machine, name="job-1")["executionArn"])

    threads = [threading.Thread(target=begin) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 5
    assert len(set(answers)) == 1
    states.stop_execution(executionArn=answers[0])


def test_ministack_alone_refuses_a_repeated_start(bare: Emulator) -> None:
    states, machine = bare.client("stepfunctions"), bare.machine(waiting(60))
    first = states.start_execution(stateMachineArn=machine, name="job-1")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(stateMachineArn=machine, name="job-1")
    states.stop_execution(executionArn=first["executionArn"])


@pytest.mark.parametrize(("attempt", "expected_s"), [(0, 2.0), (1, 6.0), (2, 7.0), (9, 7.0)])
def test_a_retry_waits_no_longer_than_its_largest_delay(attempt: int, expected_s: float) -> None:
    retrier = {"IntervalSeconds": 2, "BackoffRate": 3.0, "MaxDelaySeconds": 7}
    assert states_retry_delay.delay_s(retrier, attempt=attempt) == expected_s


def test_full_jitter_spreads_retries_over_the_whole_delay() -> None:
    retrier = {"IntervalSeconds": 4, "BackoffRate": 1.0, "JitterStrategy": "FULL"}
    delays = [states_retry_delay.delay_s(retrier, attempt=0) for _ in range(400)]
    assert min(delays) < 0.5
    assert max(delays) > 3.5
    assert all(0 <= delay <= 4 for delay in delays)


def seconds_until_a_retry_gives_up(emulator: Emulator, *, interval_s: int) -> float:
    """Run a task that always fails, with one retry after a while that MaxDelaySeconds cuts to nearly nothing."""
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": interval_s, "MaxDelaySeconds": 0.01, "MaxAttempts": 1}]
    function = emulator.zip_function("def handler(event, context): raise ValueError(1)")
    emulator.invoke(function)
    began = time.monotonic()
    emulator.execution(start(emulator, calling(function, Retry=retry)), until=ended, limit_s=interval_s + 30)
    return time.monotonic() - began


def test_the_delay_of_a_retry_reaches_the_execution(emulator: Emulator) -> None:
    assert seconds_until_a_retry_gives_up(emulator, interval_s=30) < 30


def test_ministack_alone_ignores_the_largest_delay(bare: Emulator) -> None:
    assert seconds_until_a_retry_gives_up(bare, interval_s=2) >= 2


def tracing_of_a_traced_machine(emulator: Emulator) -> dict[str, Any]:
    states = emulator.client("stepfunctions")
    machine = emulator.machine(waiting(0))
    states.update_state_machine(stateMachineArn=machine, tracingConfiguration={"enabled": True})
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(waiting(1)))
    tracing: dict[str, Any] = states.describe_state_machine(stateMachineArn=machine).get("tracingConfiguration", {})
    return tracing


def test_a_traced_machine_stays_traced(emulator: Emulator) -> None:
    assert tracing_of_a_traced_machine(emulator) == {"enabled": True}


def test_ministack_alone_forgets_that_a_machine_is_traced(bare: Emulator) -> None:
    assert tracing_of_a_traced_machine(bare) == {}
