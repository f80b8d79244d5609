"""The state machine's definition: every Task waits, retries what is transient, and says why it failed."""

import json
import re
from typing import Any

import jsonata
import pytest

from tests.infrastructure.configuration import ROOT

TRANSIENT = [
    # AWS
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
    # AWS and the emulator: a function that ran out of time, or whose process died
    "Sandbox.Timedout",
    "Runtime.ExitError",
    # our own
    "TransientError",
]
EXECUTION_INPUT = "{% $states.context.Execution.Input %}"


@pytest.fixture(scope="module")
def machine() -> dict[str, Any]:
    definition: dict[str, Any] = json.loads((ROOT / "statemachines" / "process_track.asl.json").read_text())
    return definition


@pytest.fixture(scope="module")
def states(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    states: dict[str, dict[str, Any]] = machine["States"]
    return states


@pytest.fixture(scope="module")
def tasks(states: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def following(state: dict[str, Any]) -> set[str]:
    """Where a state can go."""
    own = [state.get("Next"), state.get("Default")]
    branches = [branch["Next"] for branch in [*state.get("Choices", []), *state.get("Catch", [])]]
    return {name for name in [*own, *branches] if name}


def test_it_is_jsonata_with_an_end_in_time(machine: dict[str, Any]) -> None:
    assert machine["QueryLanguage"] == "JSONata"
    assert machine["TimeoutSeconds"] == 3600
    text = json.dumps(machine)
    # JSONPath's fields mean nothing here, and Step Functions would refuse them.
    assert re.findall(r'"(?:Parameters|ResultPath|InputPath|OutputPath|ResultSelector|\w+\.\$)":', text) == []


def test_every_task_calls_a_function_by_placeholder(tasks: dict[str, dict[str, Any]]) -> None:
    called = {name: task["Arguments"]["FunctionName"] for name, task in tasks.items()}
    assert called == {
        "Validate upload": "${validate_function_arn}",
        "Analyze tempo and duration": "${analyze_function_arn}",
        "Transform": "${transform_function_arn}",
        "Certify render": "${certify_function_arn}",
        "Notify owner": "${notify_function_arn}",
        "Record failure": "${notify_function_arn}",
    }
    assert {task["Resource"] for task in tasks.values()} == {"arn:${partition}:states:::lambda:invoke"}
    for placeholder in called.values():
        folder = placeholder.removeprefix("${").removesuffix("_function_arn}")
        assert (ROOT / "functions" / folder / "handler.py").is_file()


def test_every_step_gets_exactly_the_input_of_the_execution(tasks: dict[str, dict[str, Any]]) -> None:
    payloads = {name: task["Arguments"]["Payload"] for name, task in tasks.items()}
    told_why = payloads.pop("Record failure")
    assert set(payloads.values()) == {EXECUTION_INPUT}
    assert told_why == "{% $merge([$states.context.Execution.Input, {'failure': $failure}]) %}"


def test_every_task_times_out(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        assert 1 <= task["TimeoutSeconds"] <= 900, name


def test_every_task_retries_what_is_transient_and_nothing_else(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        assert sorted(error for retry in task["Retry"] for error in retry["ErrorEquals"]) == sorted(TRANSIENT), name
        for retry in task["Retry"]:
            assert retry["JitterStrategy"] == "FULL", name
            assert 1 <= retry["IntervalSeconds"] <= retry["MaxDelaySeconds"] <= 60, name
            # What took too long once most likely does so again, at ten minutes a try.
            assert retry["MaxAttempts"] == 1 if retry["ErrorEquals"] == ["Sandbox.Timedout"] else True, name
            assert 1 <= retry["MaxAttempts"] <= 6, name
            assert retry["BackoffRate"] > 1, name


@pytest.mark.parametrize("name", ["Notify owner", "Record failure"])
def test_an_announcement_is_retried_for_longer_than_a_dead_workers_claim_to_it(
    tasks: dict[str, dict[str, Any]], name: str
) -> None:
    retry = tasks[name]["Retry"][-1]
    assert retry["ErrorEquals"] == ["TransientError"]
    waits = [
        min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
        for attempt in range(retry["MaxAttempts"])
    ]
    # Full jitter halves a wait on average; the claim is free again when its function must have timed out.
    timeout = re.search(r"timeout_seconds\s*=\s*(\d+) # a claim", (ROOT / "terraform" / "functions.tf").read_text())
    assert timeout is not None
    assert sum(waits) / 2 > 3 * int(timeout[1])


def test_every_task_catches_all_and_keeps_state_error_and_cause(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        assert [catch["ErrorEquals"] for catch in task["Catch"]] == [["States.ALL"]], name
        [kept] = task["Catch"][0]["Assign"].values()
        assert set(kept) == {"state", "error", "cause"}, name
        assert kept["state"] == "{% $states.context.State.Name %}", name
        assert "$states.errorOutput.Error" in kept["error"], name
        # A timeout brings no cause, and a stack trace may bring more than a variable can hold.
        assert "$exists($states.errorOutput.Cause)" in kept["cause"], name
        assert "$substring" in kept["cause"], name
        to = "Job failed" if name == "Record failure" else "Record failure"
        assert task["Catch"][0]["Next"] == to, name


def test_a_failed_recording_does_not_hide_what_failed_first(tasks: dict[str, dict[str, Any]]) -> None:
    assert list(tasks["Record failure"]["Catch"][0]["Assign"]) == ["recording"]
    assert all(list(t["Catch"][0]["Assign"]) == ["failure"] for name, t in tasks.items() if name != "Record failure")


def test_an_ingest_goes_through_every_step_in_order(states: dict[str, dict[str, Any]]) -> None:
    def walk(start: str, *, kind: str, has_recipe: bool) -> list[str]:
        seen, name = [], start
        while name:
            seen.append(name)
            state = states[name]
            if state["Type"] == "Choice":
                asked = {"kind": f"'{kind}'" in str(state), "recipe": has_recipe}
                conditions = [choice["Condition"] for choice in state["Choices"]]
                taken = [
                    choice["Next"]
                    for choice, condition in zip(state["Choices"], conditions, strict=True)
                    if (f"= '{kind}'" in condition and asked["kind"]) or ("has_recipe" in condition and asked["recipe"])
                ]
                name = (taken or [state["Default"]])[0]
            else:
                name = state.get("Next", "")
        return seen

    start = "Is this a new upload"
    rendering = ["Transform", "Certify render", "Notify owner", "Done"]
    ingest = [start, "Validate upload", "Analyze tempo and duration", "Is a render asked for"]
    assert walk(start, kind="ingest", has_recipe=True) == [*ingest, *rendering]
    assert walk(start, kind="ingest", has_recipe=False) == [*ingest, "Notify owner", "Done"]
    assert walk(start, kind="render", has_recipe=True) == [start, *rendering]
    assert walk(start, kind="nonsense", has_recipe=True) == [
        start,
        "Record failure",
        "Was the input at fault",
        "Job failed",
    ]


def test_a_fault_of_the_input_is_no_failure_of_the_machine(states: dict[str, dict[str, Any]]) -> None:
    choice = states["Was the input at fault"]
    [fault] = choice["Choices"]
    assert fault["Next"] == "Ended with a reason"
    assert choice["Default"] == "Job failed"
    named = set(re.findall(r"'(\w+)'", fault["Condition"]))
    assert named == {"TrackRejected", "RecipeRefused", "PromiseBroken", "JobAlreadyEnded"}
    # Then these are the names that the functions raise.
    code = "\n".join(file.read_text() for folder in ("functions", "layers") for file in (ROOT / folder).glob("**/*.py"))
    assert [name for name in sorted(named | {"TransientError"}) if f"class {name}(" not in code] == []


def test_every_state_can_be_reached_and_leads_to_an_end(machine: dict[str, Any], states: dict[str, Any]) -> None:
    reached, waiting = set(), {machine["StartAt"]}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= following(states[name]) - reached
    assert reached == set(states)
    ends = {name for name, state in states.items() if state["Type"] in {"Succeed", "Fail"}}
    assert ends == {name for name, state in states.items() if not following(state)}
    assert ends == {"Done", "Ended with a reason", "Job failed"}


def test_every_expression_can_be_parsed(machine: dict[str, Any]) -> None:
    expressions = re.findall(r'"\{% (.*?) %\}"', json.dumps(machine))
    assert len(expressions) > 20
    for expression in expressions:
        jsonata.Jsonata(json.loads(f'"{expression}"'))
