"""start_job as SQS calls it: each message on its own."""

import json
from typing import Any

from tests.unit.core.make import ADA, a_job
from tests.unit.functions.studio import Context, Studio, listening
from tonearm.domain.track import TrackStatus


def batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:tonearm-jobs",
                "awsRegion": "eu-west-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def uploaded(key: str, version: str = "v1") -> str:
    """EventBridge's word of a new object."""
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"object": {"key": key, "version-id": version}},
    }
    return json.dumps(event)


def start(*bodies: str) -> list[str]:
    """The messages that must come again."""
    from functions.start_job.handler import handler

    answer = handler(batch(*bodies), Context())  # type: ignore[arg-type]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_an_upload_starts_its_tracks_ingest_once_however_often_it_is_told(studio: Studio) -> None:
    track = studio.a_track(correlation_id="request-7")
    with listening() as heard:
        assert start(uploaded(track.upload_key), uploaded(track.upload_key)) == []
    assert studio.executions()[track.ingest_job_id] == "RUNNING"
    validating = studio.the_track(track)
    assert validating is not None
    assert (validating.status, validating.upload_version) == (TrackStatus.VALIDATING, "v1")
    # Then the log carries the correlation id of the request that created the Track
    assert [record["correlation_id"] for record in heard[0].records] == ["request-7"] * 2
    assert [outcome for _, outcome in heard[0].counts] == ["started", "started"]


def test_a_message_that_fails_is_the_only_one_that_comes_again(studio: Studio) -> None:
    first, last = studio.a_track(), studio.jobs.add(a_job(owner_id=ADA))
    with listening() as heard:
        again = start(
            uploaded(first.upload_key),
            "no json",
            json.dumps({"type": "job.requested", "owner_id": ADA, "job_id": last.job_id}),
            json.dumps({"type": "job.requested"}),
            "[]",
        )
    assert again == ["message-1", "message-3", "message-4"]
    assert {first.ingest_job_id, last.job_id} <= set(studio.executions())
    # Then the log says which failed, and why, and not under the name of another request
    failed = [record for record in heard[0].records if record["message"] == "message failed"]
    assert [record["message_id"] for record in failed] == again
    assert all("exception" in record and record.get("correlation_id") is None for record in failed)
    assert sorted(outcome for _, outcome in heard[0].counts) == ["failed"] * 3 + ["started"] * 2


def test_a_batch_that_fails_as_a_whole_comes_again_as_a_whole(studio: Studio) -> None:
    assert start("no json", "no json") == ["message-0", "message-1"]


def test_an_object_that_is_no_upload_and_a_track_that_is_gone_start_nothing(studio: Studio) -> None:
    before = studio.executions()
    with listening() as heard:
        assert start(uploaded("other/object"), uploaded(f"uploads/{ADA}/{a_job().track_id}/source")) == []
    assert studio.executions() == before
    assert [outcome for _, outcome in heard[0].counts] == ["nothing_to_start"] * 2


def test_a_service_that_fails_makes_the_message_come_again(studio: Studio) -> None:
    job = studio.jobs.add(a_job(owner_id=ADA))
    message = json.dumps({"type": "job.requested", "owner_id": ADA, "job_id": job.job_id})
    from functions.start_job.handler import start_job

    workflow = start_job().workflow
    machine = workflow._state_machine_arn  # type: ignore[attr-defined]
    try:
        workflow._state_machine_arn = f"{machine}-gone"  # type: ignore[attr-defined]
        assert start(message) == ["message-0"]
    finally:
        workflow._state_machine_arn = machine  # type: ignore[attr-defined]
    assert start(message) == []
    assert studio.executions()[job.job_id] == "RUNNING"
