"""Bad weather: answers that are lost, events that come twice, functions that die. The end is the same."""

import itertools
import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.cloud import Cloud, Tap
from tests.support.person import JSON, Person, wait_until
from tonearm_cli.demo_song import compose_demo_song
from tonearm_local.emulator.faults import Fault, Faults
from tonearm_local.stack import Outputs, Stack

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif("AWS_ENDPOINT_URL" in os.environ, reason="faults are injected into our own emulator"),
]

WRITES = (
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "s3:PutObject",
    "s3:DeleteObject*",
    "sqs:SendMessage",
    "sns:Publish",
    "states:St*Execution",
)
RECIPE: JSON = {"operations": [{"type": "tempo", "factor": 1.1}], "output": {"codec": "flac"}}
# The claims of Powertools Idempotency cannot tell their own lost answer from another caller's claim, so the work
# behind them waits until the claim is free again: later, and still once.
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def short_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given a song so short that no step says how far it is in between."""
    path = tmp_path_factory.mktemp("short") / "short.flac"
    compose_demo_song(path, duration_s=2.0, tempo_bpm=120.0, seed=3)
    return path


@pytest.fixture
def faults(laptop: Stack) -> Iterator[Faults]:
    """A way to break things, mended afterwards."""
    faults = Faults(laptop.faults_file)
    yield faults
    faults.disarm()


def patiently(send: Callable[[], httpx.Response]) -> httpx.Response:
    """As a well-behaved client does: try again when the answer says so."""

    def answered() -> httpx.Response | None:
        answer = send()
        return None if answer.status_code in {500, 502, 503} else answer

    return wait_until("an answer", answered, timeout_s=PATIENCE_S, every_s=1.0)  # type: ignore[no-any-return]  # of JSON


class Scenario:
    """What Ada does, and everything that is left of it, in a form that can be compared."""

    def __init__(self, ada: Person, cloud: Cloud, stack: Outputs, tap: Tap, song: Path) -> None:
        self.ada, self.cloud, self.stack, self.tap, self.song = ada, cloud, stack, tap, song

    def upload(self) -> JSON:
        """A song goes up with a recipe."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        body = {"filename": "s.flac", "title": "S", "size_bytes": self.song.stat().st_size, "recipe": RECIPE}
        answer = patiently(lambda: self.ada.http.post("/v1/tracks", json=body, headers=key))
        assert answer.status_code == 201, answer.text
        created: JSON = answer.json()
        assert self.ada.sends(self.song, created["upload"]).status_code in {200, 201, 204}
        return self._end(created["track"]["track_id"], created["track"]["ingest_job_id"])

    def render(self, track_id: str) -> JSON:
        """A ready track is rendered."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        body = {"track_id": track_id, "recipe": RECIPE}
        answer = patiently(lambda: self.ada.http.post("/v1/jobs", json=body, headers=key))
        assert answer.status_code == 202, answer.text
        return self._end(track_id, answer.json()["job_id"])

    def _end(self, track_id: str, job_id: str) -> JSON:
        self.ada.waits_for_job(job_id, timeout_s=PATIENCE_S)

        def announced() -> JSON | None:
            row = self.cloud.row(self.ada.owner_id, f"JOB#{job_id}")
            return row if row and row.get("announced", {}).get("BOOL") else None

        job = wait_until(f"job {job_id} announced", announced, timeout_s=PATIENCE_S)
        events = wait_until("an event", lambda: self.tap.events(job_id), timeout_s=PATIENCE_S)

        def ended() -> list[str]:
            statuses = [execution["status"] for execution in self.cloud.executions(job_id)]
            return [] if "RUNNING" in statuses else statuses

        executions = wait_until("the execution ended", ended, timeout_s=PATIENCE_S)
        track = self.cloud.row(self.ada.owner_id, f"TRACK#{track_id}")
        assert track is not None
        prefix = f"media/{self.ada.owner_id}/{track_id}/"
        jobs = [
            row["sk"]["S"] for row in self.cloud.rows(self.ada.owner_id) if row.get("track_id", {}).get("S") == track_id
        ]
        state = {
            "track": _comparable(track),
            "job": _comparable(job),
            "media": sorted(key.removeprefix(prefix) for key in self.cloud.keys(self.stack.media_bucket, prefix)),
            "jobs": len([sort_key for sort_key in jobs if sort_key.startswith("JOB#")]),
            "executions": executions,
            "event_ids": len({event["event_id"] for event in events}),
        }
        return json.loads(  # type: ignore[no-any-return]  # of JSON
            json.dumps(state, sort_keys=True).replace(track_id, "TRACK").replace(job_id, "JOB")
        ) | {"track_id": track_id, "job_id": job_id, "events": len(events)}


def _comparable(row: JSON) -> JSON:
    differs = {"write_token", "correlation_id", "upload_version", "open_since", "open_pk"}
    times = {"created_at", "updated_at", "ended_at", "ends_at", "expires_at"}
    return {name: value for name, value in row.items() if name not in differs | times}


def _left(state: JSON) -> JSON:
    return {name: value for name, value in state.items() if name not in {"track_id", "job_id", "events"}}


@pytest.fixture(scope="module")
def scenario(new_person: Callable[[], Person], cloud: Cloud, stack: Outputs, short_song: Path) -> Iterator[Scenario]:
    """Given somebody with a short song, and a consumer of the job events."""
    tap = Tap.opened(cloud, "tap-faults")
    yield Scenario(new_person(), cloud, stack, tap, short_song)
    tap.closed()


def _observed(laptop: Stack, act: Callable[[], Any]) -> tuple[Any, list[tuple[str, str, int]]]:
    """What `act` answers on a fine day, and every write of it: function, action, the how manyeth."""
    faults = Faults(laptop.faults_file)
    faults.arm(*(Fault("observe", action=action, times=10_000) for action in WRITES))
    try:
        answer = act()
    finally:
        faults.disarm()
    counts: dict[tuple[str, str], int] = {}
    writes = []
    for hit in faults.fired():
        counts[hit.function, hit.action] = counts.get((hit.function, hit.action), 0) + 1
        writes.append((hit.function, hit.action, counts[hit.function, hit.action]))
    return answer, sorted(writes)


@pytest.fixture(scope="module")
def fine_upload(laptop: Stack, scenario: Scenario) -> tuple[JSON, list[tuple[str, str, int]]]:
    """Given what an upload leaves behind on a fine day, and which writes it takes."""
    return _observed(laptop, scenario.upload)


@pytest.fixture(scope="module")
def fine_render(
    laptop: Stack, scenario: Scenario, fine_upload: tuple[JSON, list[tuple[str, str, int]]]
) -> tuple[JSON, list[tuple[str, str, int]]]:
    """Given what a render leaves behind on a fine day, and which writes it takes."""
    return _observed(laptop, lambda: scenario.render(fine_upload[0]["track_id"]))


UPLOAD_WRITES = [
    *(
        ("tonearm-api", action, n)
        for action, n in [("dynamodb:PutItem", 1), ("dynamodb:PutItem", 2), ("dynamodb:UpdateItem", 1)]
    ),
    *(
        ("tonearm-start-job", action, n)
        for action, n in [("dynamodb:PutItem", 1), ("dynamodb:PutItem", 2), ("states:StartExecution", 1)]
    ),
    *(("tonearm-validate", "dynamodb:PutItem", n) for n in (1, 2)),
    *(
        ("tonearm-analyze", action, n)
        for action, n in [("dynamodb:PutItem", 1), ("dynamodb:PutItem", 2), *(("s3:PutObject", n) for n in range(1, 5))]
    ),
    *(
        ("tonearm-transform", action, n)
        for action, n in [("dynamodb:PutItem", 1), ("s3:PutObject", 1), ("s3:PutObject", 2)]
    ),
    *(
        ("tonearm-certify", action, n)
        for action, n in [("dynamodb:PutItem", 1), ("dynamodb:PutItem", 2), ("s3:PutObject", 1), ("s3:PutObject", 2)]
    ),
    *(
        ("tonearm-notify", action, n)
        for action, n in [
            ("dynamodb:PutItem", 1),
            ("dynamodb:PutItem", 2),
            ("dynamodb:PutItem", 3),
            ("dynamodb:UpdateItem", 1),
            ("sns:Publish", 1),
        ]
    ),
]
RENDER_WRITES = [
    *(
        ("tonearm-api", action, n)
        for action, n in [("dynamodb:PutItem", 1), ("dynamodb:PutItem", 2), ("dynamodb:UpdateItem", 1)]
    ),
    ("tonearm-api", "sqs:SendMessage", 1),
]


class TestLostReplies:
    """Given that a service does a write and its answer is lost, on each write in turn."""

    def test_every_write_of_an_upload_is_in_the_list(
        self, fine_upload: tuple[JSON, list[tuple[str, str, int]]]
    ) -> None:
        assert fine_upload[1] == sorted(UPLOAD_WRITES)

    @pytest.mark.parametrize("write", UPLOAD_WRITES, ids=lambda write: "-".join(map(str, write)))
    def test_an_upload_ends_as_on_a_fine_day(
        self,
        write: tuple[str, str, int],
        faults: Faults,
        scenario: Scenario,
        fine_upload: tuple[JSON, list[tuple[str, str, int]]],
    ) -> None:
        function, action, nth = write
        faults.arm(Fault("lost_reply", action=action, function=function, nth=nth))
        state = scenario.upload()
        assert [(hit.function, hit.action) for hit in faults.fired()] == [(function, action)]
        assert _left(state) == _left(fine_upload[0])
        # SNS has no token for a message: its lost answer sends the same event id again, and says so openly.
        assert state["events"] == (2 if action == "sns:Publish" else 1)

    @pytest.mark.parametrize("write", RENDER_WRITES, ids=lambda write: "-".join(map(str, write)))
    def test_a_render_ends_as_on_a_fine_day(
        self,
        write: tuple[str, str, int],
        faults: Faults,
        scenario: Scenario,
        fine_upload: tuple[JSON, list[tuple[str, str, int]]],
        fine_render: tuple[JSON, list[tuple[str, str, int]]],
    ) -> None:
        function, action, nth = write
        assert write in fine_render[1]
        faults.arm(Fault("lost_reply", action=action, function=function, nth=nth))
        state = scenario.render(fine_upload[0]["track_id"])
        assert [(hit.function, hit.action) for hit in faults.fired()] == [(function, action)]
        grown = {"jobs": state["jobs"]}
        assert _left(state) == _left(fine_render[0]) | grown
        assert state["events"] == 1

    def test_a_delete_leaves_nothing(self, laptop: Stack, faults: Faults, scenario: Scenario) -> None:
        def delete() -> str:
            track_id = str(scenario.upload()["track_id"])
            answer = patiently(lambda: scenario.ada.http.delete(f"/v1/tracks/{track_id}"))
            assert answer.status_code in {204, 404}, answer.text
            return track_id

        # Given the writes of a delete on a fine day
        _, writes = _observed(laptop, delete)
        deletes = [
            write
            for write in writes
            if write[0] == "tonearm-api" and (write[1].startswith("s3:") or "Delete" in write[1])
        ]
        assert deletes
        for function, action, nth in itertools.islice(deletes, 0, None, 2):
            # When one of them is lost
            faults.arm(Fault("lost_reply", action=action, function=function, nth=nth))
            track_id = delete()
            # Then nothing of the track is left
            prefix = f"{scenario.ada.owner_id}/{track_id}/"
            assert scenario.cloud.keys(scenario.stack.media_bucket, f"media/{prefix}") == []
            assert scenario.cloud.keys(scenario.stack.uploads_bucket, f"uploads/{prefix}") == []
            row = scenario.cloud.row(scenario.ada.owner_id, f"TRACK#{track_id}")
            assert row is not None
            assert (row["status"]["S"], row["title"]["S"]) == ("expired", "Deleted")


class TestRepeats:
    """Given that every event may come twice."""

    def test_a_batch_that_is_delivered_twice_makes_one_job(
        self, faults: Faults, scenario: Scenario, fine_upload: tuple[JSON, list[tuple[str, str, int]]]
    ) -> None:
        faults.arm(Fault("repeated_batch", function="tonearm-start-job"))
        state = scenario.upload()
        assert len(faults.fired()) == 1
        assert _left(state) == _left(fine_upload[0])
        assert state["events"] == 1

    def test_the_same_s3_event_three_times_and_late_makes_one_job_one_render_one_notification(
        self, scenario: Scenario, cloud: Cloud, stack: Outputs, fine_upload: tuple[JSON, list[tuple[str, str, int]]]
    ) -> None:
        state = scenario.upload()
        key = f"uploads/{scenario.ada.owner_id}/{state['track_id']}/source"
        event = {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": stack.uploads_bucket}, "object": {"key": key, "size": 1}},
        }
        for _ in range(3):
            cloud.sqs.send_message(QueueUrl=stack.jobs_queue_url, MessageBody=json.dumps(event))
        wait_until("the queue is empty", lambda: _is_empty(cloud, stack.jobs_queue_url))
        again = scenario._end(state["track_id"], state["job_id"])
        assert _left(again) == _left(state) == _left(fine_upload[0])
        assert again["events"] == 1

    def test_the_status_event_of_an_ended_job_changes_nothing(
        self, cloud: Cloud, stack: Outputs, scenario: Scenario
    ) -> None:
        state = scenario.upload()
        execution = cloud.executions(state["job_id"])[0]
        described = cloud.states.describe_execution(executionArn=execution["executionArn"])
        event = {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"status": "FAILED", "name": state["job_id"], "input": described["input"]},
        }
        answer = cloud.client("lambda").invoke(
            FunctionName=stack.function_names["reconcile"], Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer
        assert _left(scenario._end(state["track_id"], state["job_id"])) == _left(state)

    def test_rubbish_in_the_queue_ends_in_the_dead_letter_queue_and_stops_nothing(
        self, cloud: Cloud, stack: Outputs, scenario: Scenario
    ) -> None:
        attributes = ["ApproximateNumberOfMessages"]

        def waiting() -> int:
            answer = cloud.sqs.get_queue_attributes(QueueUrl=stack.jobs_dlq_url, AttributeNames=attributes)
            return int(answer["Attributes"]["ApproximateNumberOfMessages"])

        before = waiting()
        cloud.sqs.send_message(QueueUrl=stack.jobs_queue_url, MessageBody="rubbish")
        assert scenario.upload()["executions"] == ["SUCCEEDED"]
        # The queue tries again after its visibility timeout; what matters is that nothing else waits for it.
        cloud.sqs.purge_queue(QueueUrl=stack.jobs_queue_url)
        assert waiting() >= before


def _is_empty(cloud: Cloud, queue_url: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = cloud.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return all(int(attributes[name]) == 0 for name in names)


STEPS = ["validate", "analyze", "transform", "certify", "notify"]


class TestKilledWorkers:
    """Given a Lambda that is killed mid-step."""

    @pytest.mark.parametrize("step", STEPS)
    def test_killed_once_the_song_is_rendered_all_the_same(
        self, step: str, faults: Faults, scenario: Scenario, fine_upload: tuple[JSON, list[tuple[str, str, int]]]
    ) -> None:
        faults.arm(Fault("killed", function=f"tonearm-{step}", seconds=0.02))
        state = scenario.upload()
        assert len(faults.fired()) == 1
        assert state["job"]["status"] == {"S": "succeeded"}
        assert state["media"] == fine_upload[0]["media"]
        assert state["executions"] == ["SUCCEEDED"]
        # Who dies between sending and noting that it was sent sends again: the same event id, at least once.
        assert state["event_ids"] == 1
        assert state["events"] == 1 or step == "notify"

    @pytest.mark.parametrize(
        ("step", "track_status"),
        [("validate", "rejected"), ("transform", "ready"), ("certify", "ready")],
    )
    def test_killed_always_the_job_ends_and_shows_no_half_file(
        self, step: str, track_status: str, faults: Faults, scenario: Scenario
    ) -> None:
        # Given a step that never survives
        faults.arm(Fault("killed", function=f"tonearm-{step}", times=1000, seconds=0.02))
        track = scenario.ada.uploads(scenario.song, recipe=RECIPE)
        # When its retries are used up
        job = scenario.ada.waits_for_job(track["ingest_job_id"], timeout_s=240)
        # Then the job has ended, its owner can read why, and there is nothing to download
        assert job["status"] == "failed"
        assert job["problem"]["code"] in {"job.step_failed", "job.execution_failed"}
        assert job["problem"]["mend"]
        assert scenario.ada.reads(f"/v1/tracks/{track['track_id']}")["status"] == track_status
        assert scenario.ada.http.get(f"/v1/jobs/{job['job_id']}/downloads").status_code == 409

    def test_an_announcer_that_never_survives_is_made_good_by_the_reconciler(
        self, faults: Faults, scenario: Scenario
    ) -> None:
        # Given that notify dies at every try, between its claim and the announcement or before
        faults.arm(Fault("killed", function="tonearm-notify", times=1000, seconds=0.0))
        # When its retries are used up, and the execution fails
        state = scenario.upload()
        # Then the reconciler hears of that, ends the job and announces it, once
        assert state["executions"] == ["FAILED"]
        assert state["job"]["status"]["S"] in {"failed", "succeeded"}
        assert state["events"] == 1
