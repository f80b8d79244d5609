"""reconcile as EventBridge calls it: at the end of an execution, and on a schedule."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.core.make import ADA, a_job
from tests.unit.functions.studio import Context, Studio, fresh_studio, listening
from tonearm.domain.clock import utc_now
from tonearm.domain.job import Job, JobStatus


@pytest.fixture
def studio() -> Iterator[Studio]:
    """Given a Studio in which nothing else is owed."""
    with fresh_studio() as studio:
        yield studio


def reconcile(event: dict[str, Any], *, remaining_ms: int = 60_000) -> dict[str, int]:
    from functions.reconcile.handler import handler

    context = Context()
    context.get_remaining_time_in_millis = lambda: remaining_ms  # type: ignore[method-assign]
    return handler(event, context)  # type: ignore[arg-type]


def ended(job: Job, status: str) -> dict[str, Any]:
    """EventBridge's word of an execution's end."""
    return {
        "version": "0",
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "executionArn": f"arn:aws:states:eu-west-1:123456789012:execution:m:{job.job_id}",
            "name": job.job_id,
            "status": status,
            "input": job.step_input.model_dump_json(),
            "inputDetails": {"included": True},
        },
    }


SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("FAILED", "job.execution_failed"),
        ("ABORTED", "job.execution_aborted"),
        ("TIMED_OUT", "job.execution_timed_out"),
    ],
)
def test_an_execution_that_ended_unheard_ends_its_job(studio: Studio, status: str, code: str) -> None:
    job = studio.jobs.add(a_job(owner_id=ADA, correlation_id="request-9"))
    with listening() as heard:
        assert reconcile(ended(job, status)) == {"execution_ended": 1}
    failed = studio.the_job(job)
    assert failed.problem is not None
    assert (failed.status, failed.problem.code, failed.announced) == (JobStatus.FAILED, code, True)
    assert [event["event_id"] for event in studio.announced()] == [f"{job.job_id}.failed"]
    assert {record["correlation_id"] for record in heard[0].records} == {"request-9"}
    assert [outcome for _, outcome in heard[0].counts] == ["execution_ended"]


def test_a_job_that_succeeded_stays_so(studio: Studio) -> None:
    job = studio.jobs.add(a_job(owner_id=ADA))
    studio.jobs.save(job.succeeded(utc_now()).told(utc_now()))
    reconcile(ended(job, "SUCCEEDED"))
    assert studio.the_job(job).status is JobStatus.SUCCEEDED
    assert studio.announced() == []


def test_the_schedule_sweeps(studio: Studio) -> None:
    # Given an hour-old job that was never queued, and a track whose upload nobody told of
    long_ago = utc_now() - timedelta(hours=1)
    job = studio.jobs.add(a_job(owner_id=ADA, created_at=long_ago))
    track = studio.a_track(b"song", created_at=long_ago, updated_at=long_ago)
    # When the schedule comes
    assert reconcile(SCHEDULED) == {"job_queued_again": 1, "upload_queued_again": 1}
    # Then both are in the queue, the upload in the version that lies there
    messages = {message["type"]: message for message in studio.queued()}
    assert messages["job.requested"]["job_id"] == job.job_id
    assert messages["upload.arrived"]["track_id"] == track.track_id
    assert messages["upload.arrived"]["upload_version"]


def test_an_expired_track_is_swept_with_its_objects(studio: Studio) -> None:
    now = utc_now()
    track = studio.a_ready_track(expires_at=now - timedelta(minutes=5))
    studio.s3.put_object(Bucket=studio.media_bucket, Key=track.analysis_key, Body=b"{}")
    assert reconcile(SCHEDULED) == {"track_deletion_finished": 1}
    emptied = studio.the_track(track)
    assert emptied is not None
    assert (emptied.status, emptied.title) == ("expired", "Deleted")
    for bucket in (studio.uploads_bucket, studio.media_bucket):
        assert "Versions" not in studio.s3.list_object_versions(Bucket=bucket)


def test_what_could_not_be_reconciled_is_logged_counted_and_raised(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.jobs.add(a_job(owner_id=ADA, created_at=utc_now() - timedelta(hours=1)))
    long_ago = utc_now() - timedelta(hours=1)
    track = studio.a_track(b"song", created_at=long_ago, updated_at=long_ago)
    monkeypatch.setattr("tonearm.adapters.sqs.SqsJobQueue.send_job", lambda *_: 1 / 0)
    with listening() as heard, pytest.raises(ExceptionGroup):
        reconcile(SCHEDULED)
    assert [message["track_id"] for message in studio.queued()] == [track.track_id]
    assert [outcome for _, outcome in heard[0].counts] == ["rows_failed"]
    assert "ZeroDivisionError" in json.dumps(heard[0].records)


def test_nothing_owed_is_nothing_done(studio: Studio) -> None:
    assert reconcile(SCHEDULED) == {}


def test_a_sweep_stops_in_time_and_says_so(studio: Studio) -> None:
    job = studio.jobs.add(a_job(owner_id=ADA))
    assert reconcile(SCHEDULED, remaining_ms=15_000) == {"cut_short": 1}
    assert studio.the_job(job) == job
    assert reconcile(SCHEDULED) == {"job_queued_again": 1}


def test_an_operator_can_have_all_looked_at_at_once(studio: Studio) -> None:
    studio.jobs.add(a_job(owner_id=ADA, updated_at=utc_now()))
    assert reconcile(SCHEDULED) == {}
    assert reconcile({"grace_seconds": 0}) == {"job_queued_again": 1}


def test_an_upload_whose_row_was_lost_is_queued_for_the_track_that_its_form_was_made_for(studio: Studio) -> None:
    # Given an upload as the API's form makes it, and no row
    created = studio.ask("POST", "/v1/tracks", {"filename": "Lied.flac", "size_bytes": 4}).json
    track = studio.tracks.get(ADA, created["track"]["track_id"])
    assert track is not None
    note = created["upload"]["fields"]["x-amz-meta-track"]
    studio.s3.put_object(Bucket=studio.uploads_bucket, Key=track.upload_key, Body=b"song", Metadata={"track": note})
    studio.tracks.remove(track)
    # When a sweep comes
    assert reconcile({"grace_seconds": 0}) == {"track_written_anew": 1}
    # Then the Track stands as it was, and its upload is in the queue
    anew = studio.the_track(track)
    assert anew is not None
    assert anew.model_copy(update={"updated_at": track.updated_at}) == track
    assert [message["track_id"] for message in studio.queued()] == [track.track_id]
