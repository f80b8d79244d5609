"""Validate upload."""

from functools import cache

from functions.validate.environment import ValidateEnvironment
from tonearm.adapters.audio import TonearmAudio
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.adapters.s3 import S3Uploads
from tonearm.domain.analysis import Probe
from tonearm.domain.clock import utc_now
from tonearm.domain.job import StepInput
from tonearm.entrypoint import workflow_step
from tonearm.services.step import BeginStage
from tonearm.services.validate_upload import ValidateUpload


@cache
def validate_upload() -> ValidateUpload:
    """The use case with its adapters."""
    environment = ValidateEnvironment.of_process()
    dynamodb = client("dynamodb")
    tracks = DynamoTracks(dynamodb, environment.studio_table)
    jobs = DynamoJobs(dynamodb, environment.studio_table)
    return ValidateUpload(
        begin_stage=BeginStage(tracks, jobs, utc_now),
        tracks=tracks,
        uploads=S3Uploads(client("s3"), environment.uploads_bucket),
        engine=TonearmAudio(),
        clock=utc_now,
        tiers=environment.tier_limits,
    )


@workflow_step(StepInput)
def handler(step: StepInput) -> Probe:
    """What was found in the upload."""
    return validate_upload()(step)
