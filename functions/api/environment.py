"""What `api` reads from its environment."""

from pydantic import Json, PositiveInt

from tonearm.domain.tier import TierTable
from tonearm.entrypoint import Environment, Name


class ApiEnvironment(Environment):
    """Table, buckets, queue, state machine and the limits of this deployment."""

    studio_table: Name
    uploads_bucket: Name
    media_bucket: Name
    jobs_queue_url: Name
    state_machine_arn: Name
    tier_limits: Json[TierTable]
    track_retention_days: PositiveInt
