"""Announces the end of a Job over SNS: once per event id, by an idempotency record claimed before sending."""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.idempotency import idempotent_function

from tonearm.adapters.idempotency import Idempotency
from tonearm.domain.job import JobEvent

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsAnnouncer:
    """At least once, and once as far as we can tell: a lost answer from SNS may send an event id again."""

    def __init__(self, client: "SNSClient", topic_arn: str, idempotency: Idempotency) -> None:
        def publish(*, event: dict[str, object]) -> None:
            client.publish(
                TopicArn=topic_arn,
                Message=JobEvent.model_validate(event).model_dump_json(exclude_none=True),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": str(event[name])}
                    for name in ("event_id", "type", "owner_id", "kind")
                },
            )

        self._publish = idempotent_function(
            publish,
            data_keyword_argument="event",
            persistence_store=idempotency.store,
            config=idempotency.config("event_id"),
        )

    def announce(self, event: JobEvent) -> None:
        """Publish the event unless it was published before."""
        self._publish(event=event.model_dump(mode="json"))
