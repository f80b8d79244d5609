"""AWS clients, made one way, and which of their errors may go through later."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tonearm.domain.errors import TransientError

# Presigned links must name the signature and the host that a browser can use; v4 is the only one in new regions.
_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=3,
    read_timeout=20,
    signature_version="v4",
    s3={"addressing_style": "path"},
)
_PASSING_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
    }
)


def client(service: str) -> Any:
    """A client for the service, in the function's own region and with its own role."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]  # its stubs want a literal


def error_code(error: ClientError) -> str:
    """The AWS error's code, e.g. ``ConditionalCheckFailedException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_passing(error: ClientError) -> bool:
    """Whether the same call may well go through later."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status >= 500 or error_code(error) in _PASSING_CODES


@contextmanager
def passing_errors_named() -> Iterator[None]:
    """Give AWS's passing errors the one name that the workflow retries on; others go on as they are."""
    try:
        yield
    except ClientError as error:
        if is_passing(error):
            raise TransientError(f"{error.operation_name}: {error}") from error
        raise
    except BotoCoreError as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
