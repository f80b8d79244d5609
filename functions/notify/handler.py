"""Notify owner, and Record failure: one function, since every end is written and announced in the same way."""

from functools import cache

from functions.notify.environment import NotifyEnvironment
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.adapters.sns import SnsAnnouncer
from tonearm.domain.clock import utc_now
from tonearm.domain.job import Job, StepInput
from tonearm.entrypoint import workflow_step
from tonearm.services.finish_job import Failure, FinishJob


class FinishInput(StepInput):
    """A step's input, and what the workflow caught when it caught something."""

    failure: Failure | None = None


@cache
def finish_job() -> FinishJob:
    """The use case with its adapters."""
    environment = NotifyEnvironment.of_process()
    dynamodb = client("dynamodb")
    return FinishJob(
        tracks=DynamoTracks(dynamodb, environment.studio_table),
        jobs=DynamoJobs(dynamodb, environment.studio_table),
        announcer=SnsAnnouncer(client("sns"), environment.job_events_topic_arn, dynamodb, environment.studio_table),
        clock=utc_now,
    )


@workflow_step(FinishInput)
def handler(step: FinishInput) -> Job | None:
    """The ended Job."""
    return finish_job()(step, step.failure)
