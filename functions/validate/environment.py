"""What `validate` reads from its environment."""

from pydantic import Json

from tonearm.domain.tier import TierTable
from tonearm.entrypoint import Environment, Name


class ValidateEnvironment(Environment):
    """Table, bucket and the limits of this deployment."""

    studio_table: Name
    uploads_bucket: Name
    tier_limits: Json[TierTable]
