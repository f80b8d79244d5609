"""What `reconcile` reads from its environment."""

from tonearm.entrypoint import Environment, Name


class ReconcileEnvironment(Environment):
    """Table, buckets, queue, state machine and topic."""

    studio_table: Name
    uploads_bucket: Name
    media_bucket: Name
    jobs_queue_url: Name
    state_machine_arn: Name
    job_events_topic_arn: Name
