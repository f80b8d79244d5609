"""AWS by moto for the tests of adapters and functions: the table as Terraform makes it, and answers that get lost."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from tonearm.adapters.aws import client

REGION = "eu-west-1"


@contextmanager
def moto_aws() -> Iterator[None]:
    """AWS in this process, with keys that open nothing else."""
    ours = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }
    with patch.dict(os.environ, ours), mock_aws():
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        yield


def create_studio_table(name: str) -> None:
    """The table of terraform/modules/tables, as far as the functions can tell."""

    def key(partition: str, sort: str) -> list[Any]:
        return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]

    names = ("pk", "sk", "track_jobs_pk", "open_pk", "open_since", "unfinished_since")
    client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=key("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in names],
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": schema, "Projection": {"ProjectionType": projection}}
            for index, schema, projection in (
                ("jobs_by_track", key("track_jobs_pk", "sk"), "ALL"),
                ("open_work", key("open_pk", "open_since"), "ALL"),
                ("unfinished", key("pk", "unfinished_since"), "KEYS_ONLY"),
            )
        ],
    )


@contextmanager
def lost_answers(aws_client: Any, operation: str, *, at: int = 1) -> Iterator[list[int]]:
    """The `at`-th answer to `operation` (``PutItem``) is lost after the work was done: the client asks again.

    Yields the statuses of the answers that came, the lost one as 0.
    """
    service = aws_client.meta.service_model.service_name
    event = f"needs-retry.{service}.{operation}"
    answers: list[int] = []

    def lose(response: Any, **_: Any) -> float | None:
        lost = len(answers) + 1 == at
        answers.append(0 if lost else response[0].status_code)
        return 0.0 if lost else None

    aws_client.meta.events.register_first(event, lose)
    try:
        yield answers
    finally:
        aws_client.meta.events.unregister(event, lose)
