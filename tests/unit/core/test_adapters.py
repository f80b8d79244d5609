"""The adapters, each against its AWS service as moto has it."""

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import ValidationError

from tests.unit.core.aws import create_studio_table, lost_answers, moto_aws
from tests.unit.core.make import ADA, NOON, a_job, a_track
from tonearm.adapters import invocation
from tonearm.adapters.aws import client, passing_errors_named
from tonearm.adapters.idempotency import Once
from tonearm.adapters.messages import JobRequested, UploadArrived, read_message
from tonearm.adapters.s3 import S3Media, S3Uploads
from tonearm.adapters.sns import SnsAnnouncer
from tonearm.adapters.sqs import SqsJobQueue
from tonearm.adapters.stepfunctions import StepFunctionsWorkflow
from tonearm.domain.errors import InvalidRequest, Problem, TransientError
from tonearm.domain.ids import new_track_id
from tonearm.domain.job import JobEvent
from tonearm.ports import StoredUpload


@pytest.fixture(scope="module", autouse=True)
def _aws() -> Iterator[None]:
    with moto_aws():
        yield


class Lambda:
    """An invocation that has a minute left."""

    function_name = "notify"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:notify"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


@pytest.fixture(autouse=True)
def _invocation() -> Iterator[None]:
    token = invocation.current.set(Lambda())  # type: ignore[arg-type]
    yield
    invocation.current.reset(token)


@pytest.fixture
def bucket() -> str:
    """Given an empty versioned bucket."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def studio() -> str:
    """Given an empty `studio` table."""
    name = f"studio-{uuid.uuid4().hex}"
    create_studio_table(name)
    return name


class TestUploads:
    @pytest.fixture
    def uploads(self, bucket: str) -> S3Uploads:
        return S3Uploads(client("s3"), bucket)

    def test_a_form_takes_exactly_this_many_bytes_at_exactly_this_key(self, uploads: S3Uploads, bucket: str) -> None:
        key = a_track().upload_key
        form = uploads.form(key, size_bytes=123, note="bm90ZQ==", now=NOON)
        policy = json.loads(base64.b64decode(form.fields["policy"]))
        assert ["content-length-range", 123, 123] in policy["conditions"]
        assert {"key": key} in policy["conditions"]
        assert {"bucket": bucket} in policy["conditions"]
        assert {"x-amz-meta-track": "bm90ZQ=="} in policy["conditions"]
        assert form.fields["x-amz-meta-track"] == "bm90ZQ=="
        assert form.fields["key"] == key
        assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
        assert form.expires_at == NOON + timedelta(minutes=5)
        life = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
        assert timedelta(minutes=4, seconds=50) < life <= timedelta(minutes=5)

    def test_an_upload_is_found_in_its_newest_version(self, uploads: S3Uploads, bucket: str) -> None:
        assert uploads.find("uploads/a/b/source") is None
        client("s3").put_object(Bucket=bucket, Key="uploads/a/b/source", Body=b"first")
        second = client("s3").put_object(Bucket=bucket, Key="uploads/a/b/source", Body=b"the second")
        assert uploads.find("uploads/a/b/source") == StoredUpload(10, second["VersionId"])

    def test_an_upload_is_found_with_the_note_that_came_with_it(self, uploads: S3Uploads, bucket: str) -> None:
        client("s3").put_object(Bucket=bucket, Key="k", Body=b"song", Metadata={"track": "bm90ZQ=="})
        found = uploads.find("k")
        assert found is not None
        assert found.note == "bm90ZQ=="

    def test_uploads_are_listed_by_key_from_wherever_one_left_off(self, uploads: S3Uploads, bucket: str) -> None:
        keys = [f"uploads/a/{n:04}/source" for n in range(1_005)]
        for key in (*keys, "else/where"):
            client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
        assert [upload.key for upload in uploads.listed(after=None)] == keys
        assert [upload.key for upload in uploads.listed(after=keys[-3])] == keys[-2:]
        arrived_at = next(uploads.listed(after=None)).arrived_at
        assert abs(arrived_at - datetime.now(UTC)) < timedelta(minutes=1)

    def test_the_version_that_counts_is_fetched(self, uploads: S3Uploads, bucket: str, tmp_path: Path) -> None:
        first = client("s3").put_object(Bucket=bucket, Key="k", Body=b"first")
        client("s3").put_object(Bucket=bucket, Key="k", Body=b"second")
        uploads.fetch("k", tmp_path / "pinned", upload_version=first["VersionId"])
        uploads.fetch("k", tmp_path / "newest", upload_version=None)
        assert (tmp_path / "pinned").read_bytes() == b"first"
        assert (tmp_path / "newest").read_bytes() == b"second"

    def test_every_version_under_a_prefix_is_deleted_and_nothing_else(self, uploads: S3Uploads, bucket: str) -> None:
        s3 = client("s3")
        for key in ("uploads/a/t1/source", "uploads/a/t1/source", "uploads/a/t1/x", "uploads/a/t10/source"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        s3.delete_object(Bucket=bucket, Key="uploads/a/t1/x")  # leaves a delete marker
        uploads.delete_all("uploads/a/t1/")
        uploads.delete_all("uploads/a/t1/")
        left = s3.list_object_versions(Bucket=bucket)
        assert [version["Key"] for version in left["Versions"]] == ["uploads/a/t10/source"]
        assert "DeleteMarkers" not in left

    def test_a_link_leads_to_the_version_that_counts_as_the_type_that_was_found(self, uploads: S3Uploads) -> None:
        for version in ("v1", None):
            link = uploads.link(
                "uploads/a/b/source",
                upload_version=version,
                filename="a.m4a",
                content_type="audio/mp4",
                now=NOON,
                not_after=NOON + timedelta(seconds=20),
            )
            asked = parse_qs(urlsplit(link.url).query)
            assert asked["response-content-type"] == ["audio/mp4"]
            assert asked["response-content-disposition"] == ["attachment; filename*=UTF-8''a.m4a"]
            assert asked.get("versionId") == ([version] if version else None)
            assert asked["X-Amz-Expires"] == ["20"]

    def test_what_is_refused_is_not_taken_for_absent(self, uploads: S3Uploads) -> None:
        with pytest.raises(ClientError):
            S3Uploads(client("s3"), "no-such-bucket").fetch("k", Path("/dev/null"), upload_version=None)
        with pytest.raises(ClientError):
            uploads.fetch("k", Path("/dev/null"), upload_version=None)


class TestMedia:
    @pytest.fixture
    def media(self, bucket: str) -> S3Media:
        return S3Media(client("s3"), bucket)

    def test_a_document_reads_back_and_an_absent_one_is_none(self, media: S3Media) -> None:
        assert media.read_json("media/a.json") is None
        media.put_json("media/a.json", {"tempo_bpm": 120.5, "note": "é"})
        assert media.read_json("media/a.json") == {"tempo_bpm": 120.5, "note": "é"}

    def test_figures_that_are_no_json_are_refused(self, media: S3Media) -> None:
        with pytest.raises(ValueError, match="JSON compliant"):
            media.put_json("media/a.json", {"tempo_bpm": float("nan")})
        assert media.read_json("media/a.json") is None

    def test_a_file_is_put_with_its_type_and_fetched(self, media: S3Media, bucket: str, tmp_path: Path) -> None:
        (tmp_path / "render").write_bytes(b"sound")
        media.put_file("media/r.mp3", tmp_path / "render", content_type="audio/mpeg")
        media.fetch("media/r.mp3", tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == b"sound"
        assert client("s3").head_object(Bucket=bucket, Key="media/r.mp3")["ContentType"] == "audio/mpeg"

    @pytest.mark.parametrize("filename", ["Für Elise.mp3", 'a"b.mp3', "a\r\nX: y.mp3", "a;b='c'.mp3", "夜.mp3"])
    def test_a_link_saves_under_the_name_and_the_header_holds_nothing_but_it(
        self, media: S3Media, filename: str
    ) -> None:
        link = media.link("media/r.mp3", filename=filename, now=NOON, not_after=NOON + timedelta(days=1))
        (header,) = parse_qs(urlsplit(link.url).query)["response-content-disposition"]
        kind, _, encoded = header.partition("; filename*=UTF-8''")
        assert kind == "attachment"
        assert unquote(encoded) == filename
        assert set(encoded) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%-._~")
        assert link.filename == filename

    def test_a_link_lives_five_minutes_and_never_beyond_the_end(self, media: S3Media) -> None:
        for not_after, seconds in ((NOON + timedelta(days=1), 300), (NOON + timedelta(seconds=20), 20), (NOON, 1)):
            link = media.link("media/r.mp3", filename="r", now=NOON, not_after=not_after)
            assert parse_qs(urlsplit(link.url).query)["X-Amz-Expires"] == [str(seconds)]
            assert link.expires_at == NOON + timedelta(seconds=seconds)


class TestQueue:
    def test_what_is_sent_is_what_start_job_reads(self) -> None:
        sqs = client("sqs")
        url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        job, track = a_job(), a_track()
        queue = SqsJobQueue(sqs, url)
        queue.send_job(job)
        queue.send_upload(track, StoredUpload(1, "v7"))
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert [read_message(json.loads(message["Body"])) for message in received] == [
            JobRequested(owner_id=job.owner_id, job_id=job.job_id),
            UploadArrived(owner_id=track.owner_id, track_id=track.track_id, upload_version="v7"),
        ]


class TestMessages:
    @staticmethod
    def event(key: str, **more: str) -> dict[str, Any]:
        """What EventBridge says of a new object."""
        return {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": "123456789012",
            "time": "2026-05-01T12:00:00Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:s3:::uploads"],
            "detail": {
                "version": "0",
                "bucket": {"name": "uploads"},
                "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", **more},
                "request-id": "N4N7GDK58NMKJ12R",
                "requester": "123456789012",
                "source-ip-address": "1.2.3.4",
                "reason": "PostObject",
            },
        }

    def test_a_new_upload_names_owner_track_and_version(self) -> None:
        track = a_track()
        assert read_message(self.event(track.upload_key, **{"version-id": "v1"})) == UploadArrived(
            owner_id=ADA, track_id=track.track_id, upload_version="v1"
        )
        assert read_message(self.event(track.upload_key)) == UploadArrived(owner_id=ADA, track_id=track.track_id)

    @pytest.mark.parametrize("key", ["", "other/owner/track/source", "uploads/owner/track/source.part", "uploads/x"])
    def test_an_object_that_is_no_upload_is_none_of_ours(self, key: str) -> None:
        assert read_message(self.event(key)) is None

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"type": "job.requested"},
            {"type": "job.requested", "owner_id": ADA, "job_id": "job_1"},
            {"type": "job.requested", "owner_id": "a/../b/../c", "job_id": a_job().job_id},
            {"type": "job.requested", "owner_id": ADA, "job_id": a_job().job_id, "more": 1},
            {"type": "upload.arrived", "owner_id": ADA, "track_id": a_job().job_id},
            {"type": "other"},
            {"source": "aws.s3"},
            {"source": "aws.s3", "detail": {"object": {}}},
            {"source": "aws.s3", "detail": {"object": {"key": f"uploads/{ADA}/not-a-track/source"}}},
        ],
    )
    def test_rubbish_is_an_error(self, body: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            read_message(body)


class TestAnnouncer:
    @pytest.fixture
    def heard(self) -> Any:
        """Given a topic and a queue that hears it."""
        sns, sqs = client("sns"), client("sqs")
        topic = sns.create_topic(Name=uuid.uuid4().hex)["TopicArn"]
        url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        def messages() -> list[dict[str, Any]]:
            received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
            return [json.loads(message["Body"]) for message in received]

        return SimpleNamespace(topic=topic, messages=messages)

    @pytest.fixture
    def event(self) -> JobEvent:
        problem = Problem(code="track.too_long", detail="3 h", value=10800.5, limit=1200)
        return JobEvent.of(a_job().failed(NOON, problem=problem))

    @staticmethod
    def first_invocation_is_over(studio: str) -> None:
        """A minute passes, as far as the claim can tell."""
        (claim,) = client("dynamodb").scan(TableName=studio)["Items"]
        assert claim["status"] == {"S": "INPROGRESS"}
        client("dynamodb").put_item(TableName=studio, Item={**claim, "in_progress_expiration": {"N": "1"}})

    def test_an_event_is_published_once_however_often_it_is_announced(
        self, heard: Any, studio: str, event: JobEvent
    ) -> None:
        for _ in range(2):
            SnsAnnouncer(client("sns"), heard.topic, client("dynamodb"), studio).announce(event)
        (message,) = heard.messages()
        assert JobEvent.model_validate_json(message["Message"]) == event
        assert {name: attribute["Value"] for name, attribute in message["MessageAttributes"].items()} == {
            "event_id": event.event_id,
            "type": "job.failed",
            "owner_id": ADA,
            "kind": "render",
        }

    def test_two_events_are_two_messages(self, heard: Any, studio: str) -> None:
        announcer = SnsAnnouncer(client("sns"), heard.topic, client("dynamodb"), studio)
        for _ in range(2):
            announcer.announce(JobEvent.of(a_job().succeeded(NOON)))
        assert len(heard.messages()) == 2

    def test_a_publish_that_fails_is_tried_again(self, heard: Any, studio: str, event: JobEvent) -> None:
        broken = SnsAnnouncer(client("sns"), f"{heard.topic}-gone", client("dynamodb"), studio)
        with pytest.raises(ClientError):
            broken.announce(event)
        SnsAnnouncer(client("sns"), heard.topic, client("dynamodb"), studio).announce(event)
        assert len(heard.messages()) == 1

    def test_a_claim_survives_a_crash_until_its_invocation_must_be_over(
        self, heard: Any, studio: str, event: JobEvent
    ) -> None:
        # Given an invocation that died between its claim and the message
        class Died(BaseException):
            pass

        class DyingClient:
            def publish(self, **_: Any) -> None:
                raise Died

        dynamodb = client("dynamodb")
        with pytest.raises(Died):
            SnsAnnouncer(DyingClient(), heard.topic, dynamodb, studio).announce(event)  # type: ignore[arg-type]
        # When another comes while the first may still be at it, Then it must wait
        announcer = SnsAnnouncer(client("sns"), heard.topic, dynamodb, studio)
        with pytest.raises(TransientError):
            announcer.announce(event)
        assert heard.messages() == []
        # And when the first must be over, Then the event is published
        self.first_invocation_is_over(studio)
        announcer.announce(event)
        assert len(heard.messages()) == 1

    def test_a_lost_answer_on_the_claim_is_a_wait_and_not_a_second_message(
        self, heard: Any, studio: str, event: JobEvent
    ) -> None:
        dynamodb = client("dynamodb")
        announcer = SnsAnnouncer(client("sns"), heard.topic, dynamodb, studio)
        with lost_answers(dynamodb, "PutItem") as answers, pytest.raises(TransientError):
            announcer.announce(event)
        assert answers == [0, 400]
        self.first_invocation_is_over(studio)
        announcer.announce(event)
        assert len(heard.messages()) == 1

    def test_a_lost_answer_on_the_end_of_the_claim_is_one_message(
        self, heard: Any, studio: str, event: JobEvent
    ) -> None:
        dynamodb = client("dynamodb")
        announcer = SnsAnnouncer(client("sns"), heard.topic, dynamodb, studio)
        with lost_answers(dynamodb, "UpdateItem") as answers:
            announcer.announce(event)
        assert answers == [0, 200]
        announcer.announce(event)
        assert len(heard.messages()) == 1


class TestOnce:
    def test_the_same_key_with_another_request_is_refused(self, studio: str) -> None:
        def made(*, request: dict[str, Any]) -> str:
            return str(request["body"]).upper()

        once = Once(client("dynamodb"), studio, purpose="test", function=made, key="key", compared="body")
        assert once({"key": "k", "body": "a"}) == once({"key": "k", "body": "a"}) == "A"
        with pytest.raises(InvalidRequest) as refusal:
            once({"key": "k", "body": "b"})
        assert refusal.value.problem.code == "idempotency.key_reused"

    def test_two_purposes_never_meet(self, studio: str) -> None:
        def made(*, request: dict[str, Any]) -> str:
            return new_track_id()

        one, two = (
            Once(client("dynamodb"), studio, purpose=purpose, function=made, key="key") for purpose in ("a", "b")
        )
        assert one({"key": "k"}) == one({"key": "k"}) != two({"key": "k"})

    def test_what_the_table_answers_is_for_the_caller_to_judge(self) -> None:
        once = Once(client("dynamodb"), "no-such-table", purpose="t", function=int, key="key")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            once({"key": "k"})


class TestWorkflow:
    @pytest.fixture
    def workflow(self) -> StepFunctionsWorkflow:
        definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}
        machine = client("stepfunctions").create_state_machine(
            name=uuid.uuid4().hex, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/machine"
        )
        return StepFunctionsWorkflow(client("stepfunctions"), machine["stateMachineArn"])

    def test_an_execution_that_was_never_started_is_none(self, workflow: StepFunctionsWorkflow) -> None:
        job = a_job()
        assert workflow.state(job) is None
        workflow.stop(job, reason="deleted")
        assert workflow.state(job) is None

    def test_starting_twice_starts_once(self, workflow: StepFunctionsWorkflow) -> None:
        job = a_job()
        workflow.start(job)
        workflow.start(job)
        workflow.start(job.model_copy(update={"recipe": None}))  # another input under the same name
        assert workflow.state(job) == "running"

    def test_what_is_stopped_stays_stopped_also_when_it_is_started_again(self, workflow: StepFunctionsWorkflow) -> None:
        job = a_job()
        workflow.start(job)
        workflow.stop(job, reason="deleted")
        workflow.start(job)
        workflow.stop(job, reason="deleted")
        assert workflow.state(job) == "aborted"

    def test_a_machine_that_is_gone_is_an_error(self) -> None:
        arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:gone"
        with pytest.raises(ClientError):
            StepFunctionsWorkflow(client("stepfunctions"), arn).start(a_job())


class TestPassingErrors:
    @pytest.mark.parametrize(
        ("code", "status", "passing"),
        [
            ("ThrottlingException", 400, True),
            ("ProvisionedThroughputExceededException", 400, True),
            ("SlowDown", 503, True),
            ("Whatever", 500, True),
            ("AccessDeniedException", 400, False),
            ("ValidationException", 400, False),
            ("NoSuchKey", 404, False),
        ],
    )
    def test_only_what_may_go_through_later_is_transient(self, code: str, status: int, passing: bool) -> None:
        response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        with pytest.raises(TransientError if passing else ClientError), passing_errors_named():
            raise ClientError(response, "GetItem")

    def test_a_service_that_cannot_be_reached_is_transient(self) -> None:
        with pytest.raises(TransientError), passing_errors_named():
            raise EndpointConnectionError(endpoint_url="https://example.invalid")
