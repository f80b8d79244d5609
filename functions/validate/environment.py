"""What `validate` reads from its environment."""

from pydantic import PositiveFloat, PositiveInt

from tonearm.entrypoint import Environment, Name


class ValidateEnvironment(Environment):
    """Table, bucket and the limits of this deployment."""

    studio_table: Name
    uploads_bucket: Name
    max_upload_bytes: PositiveInt
    max_duration_s: PositiveFloat
