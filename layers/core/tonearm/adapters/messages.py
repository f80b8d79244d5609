"""What travels through the queue: our own messages, and S3's events as EventBridge words them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from tonearm.domain.ids import JobId, OwnerId, TrackId
from tonearm.domain.values import Value
from tonearm.services.start_job import upload_of


class JobRequested(Value):
    """A Job was asked for."""

    type: Literal["job.requested"] = "job.requested"
    owner_id: OwnerId
    job_id: JobId


class UploadArrived(Value):
    """A Track's upload is in the bucket."""

    type: Literal["upload.arrived"] = "upload.arrived"
    owner_id: OwnerId
    track_id: TrackId
    upload_version: str | None = None


class _Object(BaseModel):
    key: str
    version_id: str | None = Field(default=None, alias="version-id")


class _Detail(BaseModel):
    object: _Object


class _S3Event(BaseModel):
    source: Literal["aws.s3"]
    detail: _Detail


_OURS: TypeAdapter[JobRequested | UploadArrived] = TypeAdapter(
    Annotated[JobRequested | UploadArrived, Field(discriminator="type")]
)


def read_message(body: dict[str, Any]) -> JobRequested | UploadArrived | None:
    """What a queue message says, or None for an S3 event about an object that is no upload.

    Raises:
        pydantic.ValidationError: the message is none of ours; it goes to the dead-letter queue.
    """
    if body.get("source") != "aws.s3":
        return _OURS.validate_python(body)
    uploaded = _S3Event.model_validate(body).detail.object
    found = upload_of(uploaded.key)
    if found is None:
        return None
    owner_id, track_id = found
    return UploadArrived(owner_id=owner_id, track_id=track_id, upload_version=uploaded.version_id)
