"""Transform."""

from functools import cache

from functions.transform.environment import TransformEnvironment
from tonearm.adapters.audio import TonearmAudio
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.adapters.s3 import S3Media, S3Uploads
from tonearm.domain.certificate import Render
from tonearm.domain.clock import utc_now
from tonearm.domain.job import StepInput
from tonearm.entrypoint import workflow_step
from tonearm.services.fetch_sources import FetchSources
from tonearm.services.ownership import Ownership
from tonearm.services.render_track import RenderTrack
from tonearm.services.step import BeginStage


@cache
def render_track() -> RenderTrack:
    """The use case with its adapters."""
    environment = TransformEnvironment.of_process()
    dynamodb, s3 = client("dynamodb"), client("s3")
    tracks = DynamoTracks(dynamodb, environment.studio_table)
    jobs = DynamoJobs(dynamodb, environment.studio_table)
    return RenderTrack(
        begin_stage=BeginStage(tracks, jobs, utc_now),
        fetch_sources=FetchSources(Ownership(tracks, jobs, utc_now), S3Uploads(s3, environment.uploads_bucket)),
        media=S3Media(s3, environment.media_bucket),
        engine=TonearmAudio(),
    )


@workflow_step(StepInput)
def handler(step: StepInput) -> Render:
    """The render, not yet visible to its owner."""
    return render_track()(step)
