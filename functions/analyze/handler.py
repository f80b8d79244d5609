"""Analyze tempo and duration."""

from functools import cache

from functions.analyze.environment import AnalyzeEnvironment
from tonearm.adapters.audio import TonearmAudio
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.adapters.s3 import S3Media, S3Uploads
from tonearm.domain.analysis import AnalysisSummary
from tonearm.domain.clock import utc_now
from tonearm.domain.job import StepInput
from tonearm.entrypoint import workflow_step
from tonearm.services.analyze_track import AnalyzeTrack
from tonearm.services.step import BeginStage


@cache
def analyze_track() -> AnalyzeTrack:
    """The use case with its adapters."""
    environment = AnalyzeEnvironment.of_process()
    dynamodb, s3 = client("dynamodb"), client("s3")
    tracks = DynamoTracks(dynamodb, environment.studio_table)
    jobs = DynamoJobs(dynamodb, environment.studio_table)
    return AnalyzeTrack(
        begin_stage=BeginStage(tracks, jobs, utc_now),
        tracks=tracks,
        uploads=S3Uploads(s3, environment.uploads_bucket),
        media=S3Media(s3, environment.media_bucket),
        engine=TonearmAudio(),
        clock=utc_now,
    )


@workflow_step(StepInput)
def handler(step: StepInput) -> AnalysisSummary:
    """The figures of the Analysis."""
    return analyze_track()(step)
