"""What `analyze` reads from its environment."""

from tonearm.entrypoint import Environment, Name


class AnalyzeEnvironment(Environment):
    """Table and buckets."""

    studio_table: Name
    uploads_bucket: Name
    media_bucket: Name
