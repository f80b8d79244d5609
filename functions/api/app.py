"""The API: its routes, its document, and the page on which the document can be browsed and tried."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

import tonearm
from functions.api import jobs, problems, tracks
from functions.api.responses import json_answer
from functions.api.schemas import HealthView

app = APIGatewayHttpResolver(enable_validation=True)
app.include_router(tracks.router)
app.include_router(jobs.router)
problems.register(app)
app.configure_openapi(
    title="Tonearm",
    version=tonearm.__version__,
    description=(
        "Upload songs; have them validated, analysed, transformed and certified. "
        "Every error is application/problem+json (RFC 9457) with a stable `code`, the value, the limit and the mend."
    ),
    security_schemes={"access_token": HTTPBearer(bearerFormat="JWT", description="A Cognito access token.")},
    security=[{"access_token": []}],
)
app.enable_swagger(path="/v1/docs", compress=True, persist_authorization=False)


@app.get("/v1/health", summary="Does the API answer?", tags=["service"], security=[])
def read_health() -> Response[HealthView]:
    """Open to all."""
    return json_answer(HTTPStatus.OK, HealthView(status="ok", version=tonearm.__version__))


@app.get("/v1/openapi.json", include_in_schema=False)
def read_openapi() -> Response[str]:
    """The document itself, open to all."""
    return Response(HTTPStatus.OK, "application/json", app.get_openapi_json_schema(), {"Cache-Control": "max-age=60"})
