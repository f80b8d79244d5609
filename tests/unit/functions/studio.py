"""Tonearm's functions on AWS as moto has it: table, buckets, queue, topic and state machine, and invocations."""

import contextlib
import io
import json
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from tests.unit.core.aws import create_studio_table, moto_aws
from tests.unit.core.make import ADA, a_track
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.domain.analysis import AnalysisSummary
from tonearm.domain.clock import utc_now
from tonearm.domain.job import Job
from tonearm.domain.track import Track

# Read by Powertools when the first function is imported.
os.environ.setdefault("POWERTOOLS_TRACE_DISABLED", "true")
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "under-test")

JSON = dict[str, Any]
MAX_UPLOAD_BYTES = 1_000_000
TIER_LIMITS = {
    "free": {"max_upload_bytes": MAX_UPLOAD_BYTES, "max_duration_s": 1200},
    "pro": {"max_upload_bytes": 2 * MAX_UPLOAD_BYTES, "max_duration_s": 7200},
}
ANALYSIS = AnalysisSummary(engine_version="1", duration_s=2.0, tempo_confidence=0.0)


class Context:
    """An invocation."""

    function_name = "tonearm-function"
    function_version = "1"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:tonearm-function"

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 15_000


@dataclass
class Answer:
    """What the API answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Studio:
    """Given the resources that Terraform makes, and the functions' environment that names them."""

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        unique = uuid.uuid4().hex[:12]
        self.table, self.uploads_bucket, self.media_bucket = (f"{kind}-{unique}" for kind in ("studio", "up", "media"))
        self.dynamodb, self.s3, self.sqs = client("dynamodb"), client("s3"), client("sqs")
        self.sns, self.stepfunctions = client("sns"), client("stepfunctions")
        create_studio_table(self.table)
        for bucket in (self.uploads_bucket, self.media_bucket):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.s3.meta.region_name}
            )
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.queue_url = self.sqs.create_queue(QueueName=f"jobs-{unique}")["QueueUrl"]
        self.heard_url = self.sqs.create_queue(QueueName=f"heard-{unique}")["QueueUrl"]
        self.topic_arn = self.sns.create_topic(Name=f"job-events-{unique}")["TopicArn"]
        heard = self.sqs.get_queue_attributes(QueueUrl=self.heard_url, AttributeNames=["QueueArn"])
        self.sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=heard["Attributes"]["QueueArn"])
        waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
        self.machine_arn = self.stepfunctions.create_state_machine(
            name=f"process-track-{unique}",
            definition=json.dumps(waiting),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )["stateMachineArn"]
        for name, value in {
            "STUDIO_TABLE": self.table,
            "UPLOADS_BUCKET": self.uploads_bucket,
            "MEDIA_BUCKET": self.media_bucket,
            "JOBS_QUEUE_URL": self.queue_url,
            "STATE_MACHINE_ARN": self.machine_arn,
            "JOB_EVENTS_TOPIC_ARN": self.topic_arn,
            "TIER_LIMITS": json.dumps(TIER_LIMITS),
            "TRACK_RETENTION_DAYS": "30",
        }.items():
            environment.setenv(name, value)
        self.tracks, self.jobs = DynamoTracks(self.dynamodb, self.table), DynamoJobs(self.dynamodb, self.table)

    # ---------------------------------------------------------------- what is there

    def a_track(self, content: bytes | None = None, **changes: Any) -> Track:
        """A Track of Ada's, made now; with an upload when there is content."""
        now = utc_now()
        made = {"created_at": now, "updated_at": now, "expires_at": now.replace(microsecond=0) + timedelta(days=30)}
        track = self.tracks.add(a_track(**{**made, "owner_id": ADA, **changes}))
        if content is not None:
            self.s3.put_object(Bucket=self.uploads_bucket, Key=track.upload_key, Body=content)
        return track

    def a_ready_track(self, content: bytes = b"song", **changes: Any) -> Track:
        """A Track of Ada's that has been through its ingest."""
        now = utc_now()
        track = self.a_track(content, **changes)
        return self.tracks.save(track.upload_arrived(now, upload_version=None).analysed(now, analysis=ANALYSIS))

    def the_track(self, track: Track) -> Track | None:
        return self.tracks.get(track.owner_id, track.track_id)

    def the_job(self, job: Job) -> Job:
        found = self.jobs.get(job.owner_id, job.job_id)
        assert found is not None
        return found

    def queued(self) -> list[JSON]:
        """The messages in the jobs queue, taken out."""
        return self._bodies(self.queue_url)

    def announced(self) -> list[JSON]:
        """The events that were published, taken out."""
        return [json.loads(body["Message"]) for body in self._bodies(self.heard_url)]

    def _bodies(self, url: str) -> list[JSON]:
        received = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in received]

    def executions(self) -> dict[str, str]:
        """Status by name."""
        listed = self.stepfunctions.list_executions(stateMachineArn=self.machine_arn)["executions"]
        return {execution["name"]: execution["status"] for execution in listed}

    # ---------------------------------------------------------------- the API

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        owner: str | None = ADA,
        headers: dict[str, str] | None = None,
        groups: str | None = None,
        **event: Any,
    ) -> Answer:
        """A request as API Gateway hands it on once it has checked the token."""
        from functions.api.handler import handler

        if groups is not None:
            event["claims"] = {**event.get("claims", {}), "cognito:groups": groups}
        answer = handler(api_event(method, path, body, owner=owner, headers=headers, **event), Context())  # type: ignore[arg-type]
        text = answer.get("body") or ""
        return Answer(answer["statusCode"], answer["headers"], text)


def api_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    owner: str | None = ADA,
    headers: dict[str, str] | None = None,
    claims: JSON | None = None,
    request_id: str = "request-1",
    query: dict[str, str] | None = None,
    raw_body: str | None = None,
    is_base64: bool = False,
) -> JSON:
    """API Gateway's event, payload 2.0."""
    authorizer = {"jwt": {"claims": {"sub": owner, "token_use": "access", **(claims or {})}, "scopes": None}}
    event: JSON = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **(headers or {})},
        "queryStringParameters": query or {},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": request_id,
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "time": "01/May/2026:12:00:00 +0000",
            "timeEpoch": 1777636800000,
            **({"authorizer": authorizer} if owner is not None else {}),
        },
        "isBase64Encoded": is_base64,
    }
    if raw_body is not None or body is not None:
        event["body"] = raw_body if raw_body is not None else json.dumps(body)
    return event


@contextmanager
def fresh_studio() -> Iterator[Studio]:
    """A Studio of its own, and use cases that were made for it."""
    with moto_aws(), pytest.MonkeyPatch.context() as environment:
        forget_use_cases()
        try:
            yield Studio(environment)
        finally:
            forget_use_cases()


def forget_use_cases() -> None:
    """Functions make their use cases once a process: the next invocation makes them for the environment it finds."""
    for name, module in list(sys.modules.items()):
        if name.startswith("functions.") and isinstance(module, ModuleType):
            for thing in vars(module).values():
                clear = getattr(thing, "cache_clear", None)
                if clear is not None:
                    clear()


class Said:
    """What a function wrote to its log: records, and counts in CloudWatch's embedded metric format."""

    def __init__(self, text: str) -> None:
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        self.counts = [(line["function"], line["outcome"]) for line in lines if "_aws" in line]
        self.metrics = [line for line in lines if "_aws" in line]
        self.records = [line for line in lines if "_aws" not in line]
        self.text = text


@contextmanager
def listening() -> Iterator[list[Said]]:
    """Hears what a function says until the block ends."""
    heard: list[Said] = []
    from tonearm.entrypoint import logger

    stream = io.StringIO()
    handlers = [handler for handler in logger._logger.handlers if hasattr(handler, "setStream")]
    before = [handler.setStream(stream) for handler in handlers]
    try:
        with contextlib.redirect_stdout(stream):
            yield heard
    finally:
        for handler, stood in zip(handlers, before, strict=True):
            handler.setStream(stood or sys.stdout)
        heard.append(Said(stream.getvalue()))
