"""The API: its routes, its document, and the page on which the document can be browsed and tried."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Tag

import tonearm
from functions.api import jobs, problems, tracks
from functions.api.document import OPEN_TO_ALL, docs_page, openapi_document
from functions.api.requests import read_json
from functions.api.responses import json_answer
from functions.api.schemas import HealthView

TITLE = "Tonearm API"
_CACHED = {"Cache-Control": "max-age=60"}

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=read_json)
app.include_router(tracks.router)
app.include_router(jobs.router)
problems.register(app)
app.configure_openapi(
    title=TITLE,
    version=tonearm.__version__,
    description=(
        "Upload songs; have them validated, analysed, transformed and certified. "
        "Every error is application/problem+json (RFC 9457) with a stable `code`, the value, the limit and the mend."
    ),
    security_schemes={"access_token": HTTPBearer(bearerFormat="JWT", description="A Cognito access token.")},
    security=[{"access_token": []}],
    tags=[
        Tag(name="tracks", description="Audio that you own, private to you"),
        Tag(name="jobs", description="Runs of the workflow: the ingest of a track, and renders of it"),
        Tag(name=OPEN_TO_ALL, description="Open to all, without a token"),
    ],
)


@app.get("/v1/health", summary="Does the API answer?", tags=[OPEN_TO_ALL])
def read_health() -> Response[HealthView]:
    """Open to all."""
    return json_answer(HTTPStatus.OK, HealthView(status="ok", version=tonearm.__version__))


@app.get("/v1/openapi.json", include_in_schema=False)
def read_openapi() -> Response[str]:
    """The document itself, open to all."""
    return Response(HTTPStatus.OK, "application/json", openapi_document(app), _CACHED)


@app.get("/v1/docs", include_in_schema=False, compress=True)
def read_docs() -> Response[str]:
    """The document as a page, open to all."""
    return Response(HTTPStatus.OK, "text/html; charset=utf-8", docs_page(openapi_document(app), TITLE), _CACHED)
