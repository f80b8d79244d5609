"""Announces the end of a Job over SNS: once per event id, by a claim that is written before sending."""

from typing import TYPE_CHECKING, Any

from tonearm.adapters.idempotency import Once
from tonearm.domain.job import JobEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient


class SnsAnnouncer:
    """At least once, and once as far as can be told: a lost answer from SNS may send an event id again."""

    def __init__(self, client: "SNSClient", topic_arn: str, dynamodb: "DynamoDBClient", table: str) -> None:
        def publish(*, request: dict[str, Any]) -> None:
            client.publish(
                TopicArn=topic_arn,
                Message=JobEvent.model_validate(request).model_dump_json(exclude_none=True),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": str(request[name])}
                    for name in ("event_id", "type", "owner_id", "kind")
                },
            )

        self._publish = Once(dynamodb, table, purpose="announce", function=publish, key="event_id")

    def announce(self, event: JobEvent) -> None:
        """Publish the event unless it was published before. Raises `TransientError`."""
        self._publish(event.model_dump(mode="json"))
