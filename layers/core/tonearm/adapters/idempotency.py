"""Powertools Idempotency on the `studio` table: what may be asked twice is done once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from tonearm.adapters import invocation
from tonearm.domain.errors import InvalidRequest, TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXPIRES_AFTER_S = 24 * 3600


class Once:
    """A function that is run once per key, for a day, however often it is called.

    A claim is written before the function runs and is free again when the invocation that wrote it must have
    ended, so a crash between the two delays the work and does not lose it.

    Args:
        client: DynamoDB.
        table: the `studio` table.
        purpose: what the keys are keys of; two purposes never meet.
        function: takes the keyword `request`, a JSON object; answers something that is JSON.
        key: JMESPath of the key in the request.
        compared: JMESPath of what must be equal when the key comes again.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        purpose: str,
        function: Callable[..., Any],
        key: str,
        compared: str = "",
    ) -> None:
        self._config = IdempotencyConfig(
            event_key_jmespath=key,
            payload_validation_jmespath=compared,
            raise_on_no_idempotency_key=True,
            expires_after_seconds=EXPIRES_AFTER_S,
        )
        self._function = idempotent_function(
            function,
            data_keyword_argument="request",
            config=self._config,
            key_prefix=purpose,
            persistence_store=DynamoDBPersistenceLayer(
                table_name=table,
                key_attr="pk",
                sort_key_attr="sk",
                static_pk_value=f"IDEMPOTENCY#{purpose}",
                expiry_attr="expires_at",
                boto3_client=client,
            ),
        )

    def __call__(self, request: dict[str, Any]) -> Any:
        """What the function answered the first time.

        Raises:
            InvalidRequest: ``idempotency.key_reused``: the key came before with something else to do.
            TransientError: the first call is still under way.
            ClientError, BotoCoreError: what the table answered, for the caller to judge like any other answer.
        """
        context = invocation.current.get()
        if context is not None:
            self._config.register_lambda_context(context)
        try:
            return self._function(request=request)
        except IdempotencyValidationError as error:
            raise InvalidRequest(
                "idempotency.key_reused",
                "This Idempotency-Key came before with a different request.",
                mend="Use a new key for a new request.",
            ) from error
        except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError) as error:
            raise TransientError("The same request is still being worked on.") from error
        except IdempotencyPersistenceLayerError as error:
            raise (error.__cause__ or error) from None
