"""How answers are made."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Header
from pydantic import BaseModel

MAX_PAGE = 100
# The tag of what needs no token.
OPEN_TO_ALL = "service"
Answer = TypeVar("Answer", bound=BaseModel)
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        min_length=8,
        max_length=128,
        description="the same key with the same body within a day makes one thing, however often it is sent",
    ),
]


def json_answer(status: HTTPStatus, view: Answer, headers: Mapping[str, str] | None = None) -> Response[Answer]:
    """An answer that no cache keeps: it is one person's."""
    return Response(status, "application/json", view, {"Cache-Control": "no-store", **(headers or {})})
