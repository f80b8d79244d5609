"""docs/openapi.json: valid, and what the code says."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from functions.api import schemas as schemas_of_the_api

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Given the document as it is committed."""
    return json.loads(COMMITTED.read_text("utf-8"))  # type: ignore[no-any-return]  # of JSON


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By operation id."""
    found = [operation for item in document["paths"].values() for operation in item.values()]
    by_id = {operation["operationId"]: operation for operation in found}
    assert len(by_id) == len(found), "operation ids are unique"
    return by_id


def test_the_committed_document_is_what_the_code_says() -> None:
    written = subprocess.run(
        [sys.executable, "-m", "functions.api.openapi_document"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert written.stdout == COMMITTED.read_text("utf-8"), (
        "docs/openapi.json is not what the API's code says: run `make openapi` and commit what it writes"
    )


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "Tonearm API"
    assert document["servers"] == [{"url": "/"}]


def test_operations_are_named_like_their_functions_and_answer_these_codes(document: dict[str, Any]) -> None:
    answers = {
        name: [code for code in operation["responses"] if code != "default"]
        for name, operation in operations(document).items()
    }
    assert answers == {
        "create_track": ["201"],
        "list_tracks": ["200"],
        "read_track": ["200"],
        "relabel_track": ["200"],
        "delete_track": ["204"],
        "read_analysis": ["200"],
        "read_track_downloads": ["200"],
        "create_job": ["202"],
        "list_jobs": ["200"],
        "read_job": ["200"],
        "read_downloads": ["200"],
        "read_account": ["200"],
        "read_health": ["200"],
    }


def test_every_other_answer_is_a_problem(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        (content_type,) = operation["responses"]["default"]["content"]
        assert content_type == "application/problem+json"
        schema = operation["responses"]["default"]["content"][content_type]["schema"]
        assert schema == {"$ref": "#/components/schemas/ProblemView"}
    assert {"type", "title", "status", "detail", "code"} <= set(
        document["components"]["schemas"]["ProblemView"]["properties"]
    )


def test_only_health_is_open_to_all(document: dict[str, Any]) -> None:
    assert document["security"] == [{"access_token": []}]
    opened = [name for name, operation in operations(document).items() if "security" in operation]
    assert opened == ["read_health"]
    assert operations(document)["read_health"]["security"] == []


def test_everything_says_what_it_is(document: dict[str, Any]) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    for operation in operations(document).values():
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= described
        for code, answer in operation["responses"].items():
            assert answer["description"] != "Successful Response", (operation["operationId"], code)


def test_examples_are_what_their_schemas_take(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    exemplary = {name: schema["examples"] for name, schema in schemas.items() if "examples" in schema}
    assert set(exemplary) == {"NewTrackBody", "LabelsBody", "NewJobBody", "ProblemView"}
    for name, examples in exemplary.items():
        validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})
        for example in examples:
            validator.validate(example)
            # And by the rules that a schema has no words for
            getattr(schemas_of_the_api, name).model_validate(example)


def test_no_schema_is_left_over(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name


def test_the_analysis_is_told_field_by_field(document: dict[str, Any]) -> None:
    """Then each object of the engine's own JSON Schema has the same fields here."""
    schemas = document["components"]["schemas"]
    text = resources.files("tonearm_audio").joinpath("schemas", "analysis-2.schema.json").read_text("utf-8")

    def fields(schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return fields(schemas[schema["$ref"].rpartition("/")[2]])
        for one in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *filter(None, [schema.get("items")])]:
            if fields(one) is not None:
                return fields(one)
        return {name: fields(inner) for name, inner in schema["properties"].items()} if "properties" in schema else None

    assert fields(schemas["AnalysisView"]) == fields(json.loads(text))
