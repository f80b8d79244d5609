"""The API's OpenAPI document, and the page on which it can be browsed and tried.

Powertools reads the document from the routes; here it is made true where Powertools cannot know better.
"""

import json
import re
from importlib.resources import files
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

from functions.api.schemas import ProblemView

OPEN_TO_ALL = "service"
_NOT_OURS = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
_PROBLEM = {
    "description": "What went wrong: the status says of which kind, the `code` which it is",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
}
_SWAGGER_UI = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")


def openapi_document(app: APIGatewayHttpResolver) -> str:
    """The OpenAPI 3.1 document of all routes of the app, as JSON."""
    document = json.loads(app.get_openapi_json_schema())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _make_true(operation, path, method)
    schemas = document["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    schemas["ProblemView"] = ProblemView.model_json_schema()
    return json.dumps(document, indent=2, ensure_ascii=False)


def docs_page(document: str, title: str) -> str:
    """Swagger UI with this document in it: one page that loads nothing from elsewhere."""
    page = generate_swagger_html(
        document.replace("</", r"<\/"),  # so that nothing in the document ends the script that it stands in
        _SWAGGER_UI.joinpath("swagger-ui-bundle.min.js").read_text("utf-8"),
        _SWAGGER_UI.joinpath("swagger-ui.min.css").read_text("utf-8"),
        swagger_base_url="",
        oauth2_config=None,
    )
    return page.replace("<title>Swagger UI</title>", f"<title>{title}</title>", 1)


def _make_true(operation: dict[str, Any], path: str, method: str) -> None:
    # Powertools names an operation after its function and its path; the function's name says enough.
    operation["operationId"] = operation["operationId"].removesuffix(re.sub(r"\W", "_", f"{path}_{method}"))
    # What it says of invalid requests holds where nobody handles them; here they are problems like any other.
    responses = operation["responses"]
    del responses["422"]
    responses["default"] = _PROBLEM
    responses.get("204", {}).pop("content", None)
    if OPEN_TO_ALL in operation["tags"]:
        operation["security"] = []
