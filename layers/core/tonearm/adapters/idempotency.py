"""Powertools Idempotency on the `studio` table: what may be asked twice is done once."""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

EXPIRES_AFTER_S = 24 * 3600


class Idempotency:
    """Where a function keeps what it has already done, for a day."""

    def __init__(self, client: "DynamoDBClient", table: str, function: str) -> None:
        self.store = DynamoDBPersistenceLayer(
            table_name=table,
            key_attr="pk",
            sort_key_attr="sk",
            static_pk_value=f"IDEMPOTENCY#{function}",
            expiry_attr="expires_at",
            boto3_client=client,
        )
        self._configs: list[IdempotencyConfig] = []

    def config(self, key: str, *, compared: str = "") -> IdempotencyConfig:
        """Records by the JMESPath `key`; what is `compared` must be equal the next time."""
        config = IdempotencyConfig(
            event_key_jmespath=key,
            payload_validation_jmespath=compared,
            raise_on_no_idempotency_key=True,
            expires_after_seconds=EXPIRES_AFTER_S,
        )
        self._configs.append(config)
        return config

    def entering(self, context: "LambdaContext") -> None:
        """Tell when this invocation must have ended: a claim older than that is free again."""
        for config in self._configs:
            config.register_lambda_context(context)
