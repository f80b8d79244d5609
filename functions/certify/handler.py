"""Certify render."""

from functools import cache

from functions.certify.environment import CertifyEnvironment
from tonearm.adapters.audio import TonearmAudio
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.adapters.s3 import S3Media, S3Uploads
from tonearm.domain.certificate import Certificate
from tonearm.domain.clock import utc_now
from tonearm.domain.job import StepInput
from tonearm.entrypoint import workflow_step
from tonearm.services.certify_render import CertifyRender
from tonearm.services.fetch_sources import FetchSources
from tonearm.services.ownership import Ownership
from tonearm.services.step import BeginStage


@cache
def certify_render() -> CertifyRender:
    """The use case with its adapters."""
    environment = CertifyEnvironment.of_process()
    dynamodb, s3 = client("dynamodb"), client("s3")
    tracks = DynamoTracks(dynamodb, environment.studio_table)
    jobs = DynamoJobs(dynamodb, environment.studio_table)
    return CertifyRender(
        begin_stage=BeginStage(tracks, jobs, utc_now),
        jobs=jobs,
        fetch_sources=FetchSources(Ownership(tracks, jobs, utc_now), S3Uploads(s3, environment.uploads_bucket)),
        media=S3Media(s3, environment.media_bucket),
        engine=TonearmAudio(),
        clock=utc_now,
    )


@workflow_step(StepInput)
def handler(step: StepInput) -> Certificate:
    """The certificate, when every promise is kept."""
    return certify_render()(step)
