"""The steps of the workflow as Lambda calls them: typed input, one log, one count, errors by name."""

import importlib
import json
import math
import struct
import time
import wave
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from pydantic import ValidationError

from tests.unit.core.make import ADA, a_job, a_recipe
from tests.unit.core.memory import MemoryEngine
from tests.unit.functions.studio import Context, Studio, forget_use_cases, listening
from tonearm.domain.errors import JobAlreadyEnded, PromiseBroken, RecipeRefused, TrackRejected, TransientError
from tonearm.domain.job import Job, JobKind, JobStatus, StepInput
from tonearm.domain.operations import Mix, MixTrack
from tonearm.domain.output_format import OutputFormat
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track, TrackStatus

Handler = Callable[[dict[str, Any], Context], dict[str, Any]]
STEPS = ("validate", "analyze", "transform", "certify")


def handler_of(function: str) -> Handler:
    handler: Handler = importlib.import_module(f"functions.{function}.handler").handler
    return handler


def payload(job: Job) -> dict[str, Any]:
    """What the state machine gives to each step."""
    return job.step_input.model_dump(mode="json")


@pytest.fixture
def memory_engine(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Given an engine whose songs are words."""
    for step in STEPS:
        monkeypatch.setattr(importlib.import_module(f"functions.{step}.handler"), "TonearmAudio", MemoryEngine)
    forget_use_cases()
    yield
    forget_use_cases()


def an_ingest(studio: Studio, content: bytes, **changes: Any) -> tuple[Track, Job]:
    """Given a Track whose upload has arrived, and its queued Job."""
    track = studio.a_track(content, recipe=a_recipe(), **changes)
    found = studio.s3.head_object(Bucket=studio.uploads_bucket, Key=track.upload_key)
    track = studio.tracks.save(track.upload_arrived(track.created_at, upload_version=found["VersionId"]))
    return track, studio.jobs.add(
        a_job(
            job_id=track.ingest_job_id,
            track_id=track.track_id,
            kind=JobKind.INGEST,
            recipe=track.recipe,
            correlation_id="request-42",
        )
    )


@pytest.mark.usefixtures("memory_engine")
class TestEachStep:
    def test_a_song_goes_through_them_all(self, studio: Studio) -> None:
        track, job = an_ingest(studio, b"song of the sea")
        with listening() as heard:
            answers = {step: handler_of(step)(payload(job), Context()) for step in (*STEPS, "notify")}
        # Then each answers small JSON, and the rows tell the story
        assert answers["validate"]["duration_s"] == 15.0
        assert answers["analyze"]["tempo_bpm"] == 120.0
        assert answers["transform"]["recipe_hash"] == a_recipe().content_hash
        assert answers["certify"]["kept"] is True
        assert answers["notify"]["status"] == "succeeded"
        assert len(json.dumps(answers)) < 4096
        ready = studio.the_track(track)
        assert ready is not None
        assert ready.status is TrackStatus.READY
        assert studio.the_job(job).status is JobStatus.SUCCEEDED
        (event,) = studio.announced()
        assert (event["event_id"], event["correlation_id"]) == (f"{job.job_id}.succeeded", "request-42")
        # And every record of the log carries the correlation id of the request that began it all
        assert {record["correlation_id"] for record in heard[0].records} == {"request-42"}
        assert {record["job_id"] for record in heard[0].records} == {job.job_id}
        assert [outcome for _, outcome in heard[0].counts] == ["succeeded"] * 5

    def test_a_refusal_is_named_by_its_class_and_its_text_is_the_problem(self, studio: Studio) -> None:
        _, job = an_ingest(studio, b"noise of the street")
        with listening() as heard, pytest.raises(TrackRejected) as refusal:
            handler_of("validate")(payload(job), Context())
        problem = json.loads(str(refusal.value))
        assert problem["code"] == "track.not_audio"
        assert problem["mend"]
        assert [outcome for _, outcome in heard[0].counts] == ["track.not_audio"]

    def test_what_was_caught_ends_the_job_with_that_problem(self, studio: Studio) -> None:
        track, job = an_ingest(studio, b"song drifts away")
        for step in STEPS[:3]:
            handler_of(step)(payload(job), Context())
        with pytest.raises(PromiseBroken) as broken:
            handler_of("certify")(payload(job), Context())
        cause = json.dumps({"errorMessage": str(broken.value), "errorType": "PromiseBroken", "stackTrace": []})
        failure = {"state": "Certify render", "error": "PromiseBroken", "cause": cause}
        answer = handler_of("notify")({**payload(job), "failure": failure}, Context())
        assert (answer["status"], answer["problem"]["code"]) == ("failed", "certificate.length")
        assert [event["event_id"] for event in studio.announced()] == [f"{job.job_id}.failed"]
        left = studio.the_track(track)
        assert left is not None
        assert left.status is TrackStatus.READY

    @pytest.mark.usefixtures("memory_engine")
    def test_the_claim_to_announce_is_free_again_when_its_invocation_must_have_ended(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given a look at the claim while the announcement is on its way
        _, job = an_ingest(studio, b"song")
        call, claims = BaseClient._make_api_call, []

        def looking(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            if operation == "Publish":
                key = {":pk": {"S": "IDEMPOTENCY#announce"}}
                found = studio.dynamodb.query(
                    TableName=studio.table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=key
                )
                claims.extend(item for item in found["Items"] if item["status"]["S"] == "INPROGRESS")
            return call(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", looking)
        # When the job ends
        before_ms = time.time() * 1000
        handler_of("notify")(payload(job), Context())
        # Then the claim lives as long as the invocation may, and not for the day of a finished one
        (claim,) = claims
        left_ms = float(claim["in_progress_expiration"]["N"]) - before_ms
        assert 0 < left_ms <= Context.get_remaining_time_in_millis() + 5_000

    @pytest.mark.parametrize("step", STEPS)
    def test_a_job_that_has_ended_stops_it_by_name(self, studio: Studio, step: str) -> None:
        track, job = an_ingest(studio, b"song")
        studio.jobs.save(job.succeeded(track.created_at))
        with listening() as heard, pytest.raises(JobAlreadyEnded):
            handler_of(step)(payload(job), Context())
        assert [outcome for _, outcome in heard[0].counts] == ["job.already_ended"]

    @pytest.mark.parametrize("step", [*STEPS, "notify"])
    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"job_id": None},
            {"owner_id": "../other"},
            {"track_id": "trk_1"},
            {"kind": "compose"},
            {"more": 1},
        ],
        ids=str,
    )
    def test_an_input_that_is_none_is_refused(self, studio: Studio, step: str, wrong: dict[str, Any]) -> None:
        given = {**payload(a_job()), **wrong} if wrong else {}
        with pytest.raises(ValidationError):
            handler_of(step)(given, Context())

    @pytest.mark.parametrize("step", [*STEPS, "notify"])
    def test_a_passing_error_of_aws_gets_the_name_that_is_retried_on(
        self, studio: Studio, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, job = an_ingest(studio, b"song")

        def throttled(*_: Any, **__: Any) -> None:
            response: Any = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(response, "GetItem")

        monkeypatch.setattr("tonearm.adapters.dynamodb.DynamoRows.get", throttled)
        with listening() as heard, pytest.raises(TransientError):
            handler_of(step)(payload(job), Context())
        assert [outcome for _, outcome in heard[0].counts] == ["service.transient"]

    @pytest.mark.parametrize("step", [*STEPS, "notify"])
    def test_a_crash_is_counted_logged_and_goes_on_as_it_is(
        self, studio: Studio, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, job = an_ingest(studio, b"song")

        def denied(*_: Any, **__: Any) -> None:
            response: Any = {"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(response, "GetItem")

        monkeypatch.setattr("tonearm.adapters.dynamodb.DynamoRows.get", denied)
        with listening() as heard, pytest.raises(ClientError):
            handler_of(step)(payload(job), Context())
        assert [outcome for _, outcome in heard[0].counts] == ["crashed"]
        assert any("AccessDenied" in record.get("exception", "") for record in heard[0].records)

    def test_the_count_is_in_cloudwatchs_embedded_format(self, studio: Studio) -> None:
        _, job = an_ingest(studio, b"song")
        with listening() as heard:
            handler_of("validate")(payload(job), Context())
        (metric,) = heard[0].metrics
        (described,) = metric["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == "Tonearm"
        assert {"function", "outcome"} <= set(described["Dimensions"][0])
        assert metric["Outcome"] == [1.0]

    def test_a_job_that_is_gone_is_no_error_of_notify(self, studio: Studio) -> None:
        assert handler_of("notify")(payload(a_job()), Context()) == {}


def a_tone(frequency_hz: float, *, rate: int, seconds: int) -> bytes:
    """A WAV file."""
    sound = BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "none"))
        samples = (int(9000 * math.sin(2 * math.pi * frequency_hz * n / rate)) for n in range(rate * seconds))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return sound.getvalue()


def test_the_real_engine_mixes_the_tracks_of_an_owner(studio: Studio) -> None:
    # Given two tracks of Ada's in the bucket, and a job that mixes them
    track, other = (
        studio.a_ready_track(a_tone(frequency_hz, rate=rate, seconds=1))
        for frequency_hz, rate in ((440, 22_050), (660, 32_000))
    )
    mix = Mix(tracks=(MixTrack(track_id=other.track_id, gain_db=-6, start_s=0.75),))
    recipe = Recipe(operations=(mix,), output=OutputFormat(codec="flac"))
    job = studio.jobs.add(a_job(track_id=track.track_id, recipe=recipe))
    # When its steps run
    answers = {step: handler_of(step)(payload(job), Context()) for step in ("transform", "certify")}
    # Then the render holds both, and is certified
    assert answers["certify"]["kept"] is True
    assert answers["transform"]["duration_s"] == pytest.approx(1.75, abs=1 / 22_050)
    # And when the other one is gone, the same job is refused in words
    studio.tracks.save(other.expired(other.created_at))
    with listening() as heard, pytest.raises(RecipeRefused) as refusal:
        handler_of("certify")(payload(job), Context())
    assert json.loads(str(refusal.value))["value"] == other.track_id
    assert [outcome for _, outcome in heard[0].counts] == ["recipe.track_not_found"]


def test_the_real_engine_takes_a_song_through_all_steps(studio: Studio) -> None:
    """Given two seconds of a real WAV, and `tonearm_audio` itself."""
    rate, seconds = 22050, 2
    track, job = an_ingest(studio, a_tone(440, rate=rate, seconds=seconds))
    answers = {step: handler_of(step)(payload(job), Context()) for step in STEPS}
    assert answers["validate"]["frames"] == rate * seconds
    assert answers["certify"]["kept"] is True
    render = studio.the_job(job).render
    assert render is not None
    assert render.duration_s == pytest.approx(seconds / 1.1, abs=0.001)
    assert render.size_bytes == studio.s3.head_object(Bucket=studio.media_bucket, Key=render.key)["ContentLength"]
    ready = studio.the_track(track)
    assert ready is not None
    assert ready.analysis is not None
    assert ready.owner_id == ADA
    assert StepInput.model_validate(payload(job)) == job.step_input
