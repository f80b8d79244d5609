"""The queue before the workflow."""

from typing import TYPE_CHECKING

from tonearm.adapters.messages import JobRequested, UploadArrived
from tonearm.domain.job import Job
from tonearm.domain.track import Track
from tonearm.ports import StoredUpload

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsJobQueue:
    """Sends what `start_job` reads."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_job(self, job: Job) -> None:
        """Ask for this job to be started."""
        self._send(JobRequested(owner_id=job.owner_id, job_id=job.job_id))

    def send_upload(self, track: Track, upload: StoredUpload) -> None:
        """Say again that this Track's upload is in the bucket."""
        self._send(UploadArrived(owner_id=track.owner_id, track_id=track.track_id, upload_version=upload.version))

    def _send(self, message: JobRequested | UploadArrived) -> None:
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=message.model_dump_json())
