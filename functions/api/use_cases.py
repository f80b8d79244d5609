"""The use cases behind the routes, with their adapters, made on first use."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from functions.api.environment import ApiEnvironment
from functions.api.new_ids import NewIds
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoJobs, DynamoOwnersWork, DynamoTracks
from tonearm.adapters.s3 import S3Media, S3Uploads
from tonearm.adapters.sqs import SqsJobQueue
from tonearm.adapters.stepfunctions import StepFunctionsWorkflow
from tonearm.domain.clock import utc_now
from tonearm.domain.tier import TierTable
from tonearm.ports import Jobs, Media, Tracks
from tonearm.services.allowance import Allowance
from tonearm.services.create_downloads import CreateDownloads
from tonearm.services.create_job import CreateJob
from tonearm.services.create_track import CreateTrack
from tonearm.services.delete_track import DeleteTrack
from tonearm.services.ownership import Ownership
from tonearm.services.relabel_track import RelabelTrack


@dataclass(frozen=True)
class UseCases:
    """What the routes call."""

    tracks: Tracks
    jobs: Jobs
    media: Media
    tiers: TierTable
    ownership: Ownership
    new_ids: NewIds
    create_track: CreateTrack
    relabel_track: RelabelTrack
    delete_track: DeleteTrack
    create_job: CreateJob
    create_downloads: CreateDownloads


@cache
def use_cases() -> UseCases:
    """The use cases of this process."""
    environment = ApiEnvironment.of_process()
    dynamodb, s3 = client("dynamodb"), client("s3")
    tracks = DynamoTracks(dynamodb, environment.studio_table)
    jobs = DynamoJobs(dynamodb, environment.studio_table)
    uploads = S3Uploads(s3, environment.uploads_bucket)
    media = S3Media(s3, environment.media_bucket)
    workflow = StepFunctionsWorkflow(client("stepfunctions"), environment.state_machine_arn)
    ownership = Ownership(tracks, jobs, utc_now)
    allowance = Allowance(DynamoOwnersWork(dynamodb, environment.studio_table))
    return UseCases(
        tracks=tracks,
        jobs=jobs,
        media=media,
        tiers=environment.tier_limits,
        ownership=ownership,
        new_ids=NewIds(dynamodb, environment.studio_table),
        create_track=CreateTrack(
            tracks,
            uploads,
            ownership,
            allowance,
            utc_now,
            tiers=environment.tier_limits,
            retention=timedelta(days=environment.track_retention_days),
        ),
        relabel_track=RelabelTrack(tracks, ownership, utc_now),
        delete_track=DeleteTrack(tracks, jobs, uploads, media, workflow, utc_now),
        create_job=CreateJob(
            jobs, SqsJobQueue(client("sqs"), environment.jobs_queue_url), ownership, allowance, utc_now
        ),
        create_downloads=CreateDownloads(ownership, uploads, media, utc_now),
    )
