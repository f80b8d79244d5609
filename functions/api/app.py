"""The API: its routes, its document, and the page on which the document can be browsed and tried."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

import tonearm
from functions.api import account, jobs, problems, tracks
from functions.api.requests import read_json
from functions.api.responses import OPEN_TO_ALL, json_answer
from functions.api.schemas import HealthView

_CACHED = {"Cache-Control": "max-age=60"}

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=read_json)
app.include_router(tracks.router)
app.include_router(jobs.router)
app.include_router(account.router)
problems.register(app)


@app.get("/v1/health", summary="Does the API answer?", tags=[OPEN_TO_ALL], response_description="It does")
def read_health() -> Response[HealthView]:
    """Open to all."""
    return json_answer(HTTPStatus.OK, HealthView(status="ok", version=tonearm.__version__))


@app.get("/v1/openapi.json", include_in_schema=False)
def read_openapi() -> Response[str]:
    """The document itself, open to all."""
    from functions.api.document import openapi_document  # noqa: PLC0415  # see there

    return Response(HTTPStatus.OK, "application/json", openapi_document(), _CACHED)


@app.get("/v1/docs", include_in_schema=False, compress=True)
def read_docs() -> Response[str]:
    """The document as a page, open to all."""
    from functions.api.document import docs_page, docs_policy, openapi_document  # noqa: PLC0415  # see there

    page = docs_page(openapi_document())
    # The distribution's own policy forbids every script in a page, and yields to this one.
    headers = {**_CACHED, "Content-Security-Policy": docs_policy(page)}
    return Response(HTTPStatus.OK, "text/html; charset=utf-8", page, headers)
