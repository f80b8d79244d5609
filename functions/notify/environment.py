"""What `notify` reads from its environment."""

from tonearm.entrypoint import Environment, Name


class NotifyEnvironment(Environment):
    """Table and topic."""

    studio_table: Name
    job_events_topic_arn: Name
