"""Reconcile: on the end of an execution, and on a schedule."""

import json
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from functions.reconcile.environment import ReconcileEnvironment
from tonearm.adapters import invocation
from tonearm.adapters.aws import client, passing_errors_named
from tonearm.adapters.dynamodb import DynamoBookmark, DynamoJobs, DynamoOpenWork, DynamoTracks
from tonearm.adapters.s3 import S3Media, S3Uploads
from tonearm.adapters.sns import SnsAnnouncer
from tonearm.adapters.sqs import SqsJobQueue
from tonearm.adapters.stepfunctions import StepFunctionsWorkflow, execution_state
from tonearm.domain.clock import utc_now
from tonearm.domain.job import StepInput
from tonearm.entrypoint import count_outcome, logger, tracer
from tonearm.services.delete_track import DeleteTrack
from tonearm.services.finish_job import FinishJob
from tonearm.services.reconcile import GRACE, Reconcile

# Of the invocation's time, for the last row that is begun: the longest delete of a track and its objects.
TO_FINISH = timedelta(seconds=15)


@cache
def reconcile() -> Reconcile:
    """The use case with its adapters."""
    environment = ReconcileEnvironment.of_process()
    dynamodb, s3 = client("dynamodb"), client("s3")
    tracks = DynamoTracks(dynamodb, environment.studio_table)
    jobs = DynamoJobs(dynamodb, environment.studio_table)
    uploads = S3Uploads(s3, environment.uploads_bucket)
    open_work = DynamoOpenWork(dynamodb, environment.studio_table)
    bookmark = DynamoBookmark(dynamodb, environment.studio_table, walk="uploads")
    workflow = StepFunctionsWorkflow(client("stepfunctions"), environment.state_machine_arn)
    announcer = SnsAnnouncer(client("sns"), environment.job_events_topic_arn, dynamodb, environment.studio_table)
    return Reconcile(
        tracks=tracks,
        jobs=jobs,
        open_work=open_work,
        uploads=uploads,
        bookmark=bookmark,
        queue=SqsJobQueue(client("sqs"), environment.jobs_queue_url),
        workflow=workflow,
        finish_job=FinishJob(tracks, jobs, announcer, utc_now),
        delete_track=DeleteTrack(tracks, jobs, uploads, S3Media(s3, environment.media_bucket), workflow, utc_now),
        clock=utc_now,
    )


class SweepRequest(BaseModel):
    """The schedule's event, or what an operator asks: `{"grace_seconds": 0}` looks at all that waits, however young."""

    grace_seconds: float = Field(default=GRACE.total_seconds(), ge=0, le=3600)


def swept(request: SweepRequest, context: LambdaContext) -> dict[str, int]:
    """What the sweep did; what it could not do is logged, since Lambda names only the first of several errors."""
    within = timedelta(milliseconds=context.get_remaining_time_in_millis()) - TO_FINISH
    try:
        return dict(reconcile().sweep(within=within, grace=timedelta(seconds=request.grace_seconds)))
    except ExceptionGroup:
        count_outcome("rows_failed")
        logger.exception("some rows could not be reconciled")
        raise


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """What was done, counted by name."""
    invocation.current.set(context)
    with passing_errors_named():
        if event.get("detail-type") == "Step Functions Execution Status Change":
            detail = event["detail"]
            step = StepInput.model_validate(json.loads(detail["input"]))
            logger.set_correlation_id(step.correlation_id)
            reconcile().execution_ended(step.owner_id, step.job_id, execution_state(detail["status"]))
            done = {"execution_ended": 1}
        else:
            done = swept(SweepRequest.model_validate(event), context)
    for outcome in done:
        count_outcome(outcome)
    logger.info("reconciled", extra={"done": done})
    return done
