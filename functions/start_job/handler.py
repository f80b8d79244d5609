"""Start a job for each message; a message that fails is the only one that comes again."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.start_job.environment import StartJobEnvironment
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.adapters.messages import JobRequested, read_message
from tonearm.adapters.stepfunctions import StepFunctionsWorkflow
from tonearm.domain.clock import utc_now
from tonearm.domain.job import Job
from tonearm.entrypoint import count_outcome, logger, tracer
from tonearm.services.start_job import StartJob

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def start_job() -> StartJob:
    """The use case with its adapters."""
    environment = StartJobEnvironment.of_process()
    dynamodb = client("dynamodb")
    return StartJob(
        tracks=DynamoTracks(dynamodb, environment.studio_table),
        jobs=DynamoJobs(dynamodb, environment.studio_table),
        workflow=StepFunctionsWorkflow(client("stepfunctions"), environment.state_machine_arn),
        clock=utc_now,
    )


def start(record: SQSRecord) -> None:
    """Start what this message asks for, and say what came of it: the processor that calls this keeps silent."""
    logger.set_correlation_id(None)
    try:
        job = started(record)
    except Exception:
        count_outcome("failed")
        logger.exception("message failed", extra={"message_id": record.message_id})
        raise
    logger.set_correlation_id(job.correlation_id if job else None)
    logger.info("job started" if job else "nothing to start", extra={"job_id": job.job_id if job else None})
    count_outcome("started" if job else "nothing_to_start")


def started(record: SQSRecord) -> Job | None:
    """The Job that this message starts, or None when there is nothing to start."""
    message = read_message(record.json_body)
    if message is None:
        return None
    if isinstance(message, JobRequested):
        return start_job().job_requested(message.owner_id, message.job_id)
    return start_job().upload_arrived(message.owner_id, message.track_id, upload_version=message.upload_version)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The messages that must come again."""
    return dict(process_partial_response(event=event, record_handler=start, processor=processor, context=context))
