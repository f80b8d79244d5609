"""What `start_job` reads from its environment."""

from tonearm.entrypoint import Environment, Name


class StartJobEnvironment(Environment):
    """Table and state machine."""

    studio_table: Name
    state_machine_arn: Name
