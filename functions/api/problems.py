"""The one place where errors become answers: application/problem+json, as RFC 9457 has it."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError
from botocore.exceptions import BotoCoreError, ClientError

from functions.api.schemas import ProblemView
from tonearm.adapters.aws import is_passing
from tonearm.domain.errors import (
    Conflict,
    InvalidRequest,
    LimitReached,
    NotFound,
    Problem,
    StaleWrite,
    TonearmError,
    TransientError,
)
from tonearm.entrypoint import count_outcome, logger

_STATUS: dict[type[TonearmError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
    StaleWrite: HTTPStatus.CONFLICT,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_OF_CODE = {
    "auth.not_an_access_token": HTTPStatus.UNAUTHORIZED,
    "track.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "track.changed": HTTPStatus.PRECONDITION_FAILED,
}
_PASSES_IN_S = 5
_MOST_TOLD = 20
_LONGEST_TOLD = 300
"""Wrong fields, and characters of each, that an answer tells: both repeat what the request says, however long."""
_RETRY_AFTER_S = {HTTPStatus.SERVICE_UNAVAILABLE: _PASSES_IN_S, HTTPStatus.TOO_MANY_REQUESTS: 30}


def register(app: APIGatewayHttpResolver) -> None:
    """Give every error of the app its answer."""

    def answer(status: HTTPStatus, problem: Problem, errors: list[dict[str, str]] | None = None) -> Response[str]:
        view = ProblemView(
            title=status.phrase,
            status=status,
            correlation_id=app.current_event.request_context.request_id,
            errors=errors,
            **problem.model_dump(),
        )
        count_outcome(problem.code)
        headers: dict[str, Any] = {"Cache-Control": "no-store"}
        if status in _RETRY_AFTER_S:
            headers["Retry-After"] = str(_RETRY_AFTER_S[status])
        return Response(status, "application/problem+json", view.model_dump_json(exclude_none=True), headers)

    def _known(error: TonearmError) -> Response[str]:
        status = _OF_CODE.get(error.problem.code) or _STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        return answer(status, error.problem)

    def _invalid(error: RequestValidationError) -> Response[str]:
        wrong = error.errors()
        errors = [
            {"field": _short(".".join(str(part) for part in found["loc"])), "message": _short(_message(found["msg"]))}
            for found in wrong[:_MOST_TOLD]
        ]
        said = "; ".join(f"{found['field']}: {found['message']}" for found in errors)
        if len(wrong) > len(errors):
            said += f"; and {len(wrong) - len(errors)} more"
        problem = Problem(
            code="request.invalid",
            detail=f"The request cannot be used: {said}.",
            mend="Compare it with /v1/docs.",
        )
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, problem, errors)

    def _no_text(_error: UnicodeDecodeError) -> Response[str]:
        problem = Problem(
            code="request.invalid",
            detail="The request cannot be used: its body is no UTF-8 text.",
            mend="Send JSON in UTF-8; a file goes to the upload form's url.",
        )
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, problem)

    def _unsupported(_error: RequestUnsupportedContentType) -> Response[str]:
        problem = Problem(
            code="request.unsupported_media_type",
            detail="The request's body is not JSON.",
            value=app.current_event.headers.get("content-type"),
            limit="application/json",
            mend="Send JSON with Content-Type: application/json.",
        )
        return answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, problem)

    @app.not_found
    def _no_route(_error: NotFoundError) -> Response[str]:
        asked = f"{app.current_event.http_method} {app.current_event.path}"
        problem = Problem(
            code="route.not_found", detail=f"There is no {asked}.", value=asked, mend="The routes are at /v1/docs."
        )
        return answer(HTTPStatus.NOT_FOUND, problem)

    def _service(error: ClientError | BotoCoreError) -> Response[str]:
        logger.exception("a service failed")
        if isinstance(error, ClientError) and not is_passing(error):
            return answer(HTTPStatus.INTERNAL_SERVER_ERROR, _internal())
        problem = Problem(
            code="service.transient",
            detail="A service behind the API did not answer as it should.",
            mend=f"Try again in {_PASSES_IN_S} seconds; with an Idempotency-Key nothing is done twice.",
        )
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, problem)

    def _crash(_error: Exception) -> Response[str]:
        logger.exception("the API crashed")
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, _internal())

    # Called and not used as decorators, which Powertools leaves untyped.
    app.exception_handler(TonearmError)(_known)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(UnicodeDecodeError)(_no_text)
    app.exception_handler(RequestUnsupportedContentType)(_unsupported)
    app.exception_handler([ClientError, BotoCoreError])(_service)
    app.exception_handler(Exception)(_crash)


def _message(said: object) -> str:
    """What pydantic says, without what it puts before the words of our own rules."""
    return str(said).removeprefix("Value error, ").removesuffix(".")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…"


def _internal() -> Problem:
    return Problem(
        code="internal",
        detail="Tonearm failed to answer; this is not your request's fault.",
        mend="Try again; if it happens again, tell your admin the correlation id.",
    )
