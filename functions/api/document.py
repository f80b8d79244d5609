"""The API's OpenAPI document, and the page on which it can be browsed and tried.

Powertools reads the document from the routes; here it is made true where Powertools cannot know better. What this
needs is a fifth of the function's cold start, so the routes that need it load it.
"""

import base64
import hashlib
import inspect
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Tag
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

import tonearm
from functions.api import account, app, jobs, tracks
from functions.api.responses import OPEN_TO_ALL
from functions.api.schemas import ProblemView

_TITLE = "Tonearm API"
_DESCRIPTION = (
    "Upload songs; have them validated, analysed, transformed and certified. "
    "Every error is application/problem+json (RFC 9457) with a stable `code`, the value, the limit and the mend."
)
_TAGS = {
    "tracks": "Audio that you own, private to you",
    "jobs": "Runs of the workflow: the ingest of a track, and renders of it",
    "account": "You, and what you may upload",
    OPEN_TO_ALL: "Open to all, without a token",
}
_NOT_OURS = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
_PROBLEM = {
    "description": "What went wrong: the status says of which kind, the `code` which it is",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
}
_ROUTES = {**vars(tracks), **vars(jobs), **vars(account), **vars(app)}
_SWAGGER_UI = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")


@cache
def openapi_document() -> str:
    """The OpenAPI 3.1 document of all routes, as JSON."""
    written = app.app.get_openapi_json_schema(
        title=_TITLE,
        version=tonearm.__version__,
        description=_DESCRIPTION,
        tags=[Tag(name=name, description=description) for name, description in _TAGS.items()],
        security_schemes={"access_token": HTTPBearer(bearerFormat="JWT", description="A Cognito access token.")},
        security=[{"access_token": []}],
    )
    document = json.loads(written)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _make_true(operation, path, method)
    schemas = document["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    schemas["ProblemView"] = ProblemView.model_json_schema()
    return json.dumps(document, indent=2, ensure_ascii=False)


def docs_page(document: str) -> str:
    """Swagger UI with this document in it: one page that loads nothing from elsewhere."""
    page = generate_swagger_html(
        document.replace("</", r"<\/"),  # so that nothing in the document ends the script that it stands in
        _SWAGGER_UI.joinpath("swagger-ui-bundle.min.js").read_text("utf-8"),
        _SWAGGER_UI.joinpath("swagger-ui.min.css").read_text("utf-8"),
        swagger_base_url="",
        oauth2_config=None,
    )
    # Powertools serves the document on the page's own path; here it has one of its own.
    page = page.replace('currentUrl.pathname + "?format=json"', '"/v1/openapi.json"', 1)
    return page.replace("<title>Swagger UI</title>", f"<title>{_TITLE}</title>", 1)


def docs_policy(page: str) -> str:
    """The Content-Security-Policy of the page: of scripts, just those that stand in it."""
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _make_true(operation: dict[str, Any], path: str, method: str) -> None:
    # Powertools names an operation after its function and its path; the function's name says enough.
    name = operation["operationId"].removesuffix(re.sub(r"\W", "_", f"{path}_{method}"))
    operation["operationId"] = name
    operation["description"] = inspect.getdoc(_ROUTES[name])
    # What it says of invalid requests holds where nobody handles them; here they are problems like any other.
    responses = operation["responses"]
    del responses["422"]
    responses["default"] = _PROBLEM
    responses.get("204", {}).pop("content", None)
    if OPEN_TO_ALL in operation["tags"]:
        operation["security"] = []
