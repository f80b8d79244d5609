"""Whatever is sent to the API: the answer is a problem that tells nothing of the inside, and never a crash."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.functions.studio import Answer, Studio
from tonearm.domain.ids import new_job_id, new_track_id

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["trk_" + "0" * 26, "../", "<script>", "\x00", "${jndi:ldap://x}", "' OR 1=1 --", "\ud800"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)),
    max_leaves=10,
)
operations = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["tempo", "pitch", "reverb"])},
        optional={"factor": st.one_of(st.floats(), anything), "semitones": st.one_of(st.floats(), anything)},
    ),
    max_size=4,
)
recipes = st.one_of(anything, st.fixed_dictionaries({"operations": operations}, optional={"output": anything}))
tags = st.one_of(anything, st.lists(st.text(max_size=50), max_size=25))
tracks = st.fixed_dictionaries(
    {"filename": st.one_of(st.text(max_size=300), anything), "size_bytes": st.one_of(st.integers(), anything)},
    optional={
        "title": anything,
        "tags": tags,
        "sha256": anything,
        "recipe": recipes,
    },
)
calm = settings(max_examples=60)


def is_an_answer(answer: Answer, studio: Studio) -> None:
    """A success, or a problem of the sender's making; and nothing of the inside in it."""
    assert answer.status < 500, answer
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json
        assert {"type", "title", "status", "code", "detail", "mend", "correlation_id"} <= set(problem)
        inside = ("Traceback", "arn:aws", ".py", "/site-packages", studio.table, "pydantic", "botocore")
        assert not [word for word in inside if word in answer.text]


@calm
@given(body=st.one_of(anything, tracks))
def test_any_body_of_a_new_track(studio: Studio, body: Any) -> None:
    is_an_answer(studio.ask("POST", "/v1/tracks", body, owner="owner-rubbish-1"), studio)


@calm
@given(recipe=recipes)
def test_any_recipe_of_a_new_job(studio: Studio, recipe: Any) -> None:
    track = studio.tracks.page("owner-rubbish-2", after=None, limit=1).rows
    track_id = track[0].track_id if track else studio.a_ready_track(owner_id="owner-rubbish-2").track_id
    answer = studio.ask("POST", "/v1/jobs", {"track_id": track_id, "recipe": recipe}, owner="owner-rubbish-2")
    is_an_answer(answer, studio)


@calm
@given(labels=st.fixed_dictionaries({}, optional={"title": scalars, "tags": st.lists(scalars, max_size=3)}))
def test_any_labels(studio: Studio, labels: Any) -> None:
    standing = studio.tracks.page("owner-rubbish-3", after=None, limit=1).rows
    track = standing[0] if standing else studio.a_track(owner_id="owner-rubbish-3")
    is_an_answer(studio.ask("PATCH", f"/v1/tracks/{track.track_id}", labels, owner="owner-rubbish-3"), studio)


@calm
@given(
    text=st.text(max_size=60),
    header=st.sampled_from(["if-match", "idempotency-key", "content-type", "accept-encoding"]),
    query=st.sampled_from(["cursor", "limit", "track_id", "format"]),
    path=st.sampled_from(["/v1/tracks", "/v1/jobs", "/v1/health", "/v1/tracks/" + new_track_id()]),
)
def test_any_header_and_query(studio: Studio, text: str, header: str, query: str, path: str) -> None:
    is_an_answer(studio.ask("GET", path, headers={header: text}, query={query: text}), studio)


@calm
@given(text=st.text(max_size=60), method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "HEAD"]))
def test_any_path(studio: Studio, text: str, method: str) -> None:
    for path in (f"/{text}", f"/v1/tracks/{text}", f"/v1/jobs/{text}/downloads"):
        is_an_answer(studio.ask(method, path, {}), studio)


@calm
@given(raw=st.one_of(st.text(max_size=100), st.binary(max_size=100)))
def test_any_bytes(studio: Studio, raw: str | bytes) -> None:
    text, encoded = (raw, False) if isinstance(raw, str) else (base64.b64encode(raw).decode(), True)
    is_an_answer(studio.ask("POST", "/v1/jobs", raw_body=text, is_base64=encoded), studio)


@pytest.mark.parametrize("depth", [50, 500, 5000])
def test_lists_in_lists(studio: Studio, depth: int) -> None:
    is_an_answer(studio.ask("POST", "/v1/tracks", raw_body="[" * depth + "]" * depth), studio)
    nested = '{"filename":"a","size_bytes":1,"tags":' + "[" * depth + "]" * depth + "}"
    is_an_answer(studio.ask("POST", "/v1/tracks", raw_body=nested), studio)


@pytest.mark.parametrize("digits", [20, 400, 4000, 5000])
def test_figures_of_many_digits(studio: Studio, digits: int) -> None:
    figure = "9" * digits
    is_an_answer(studio.ask("POST", "/v1/tracks", raw_body=f'{{"filename":"a","size_bytes":{figure}}}'), studio)
    body = f'{{"track_id":"{new_job_id()}","recipe":{{"operations":[{{"type":"tempo","factor":{figure}}}]}}}}'
    is_an_answer(studio.ask("POST", "/v1/jobs", raw_body=body), studio)


def test_what_was_sent_is_shown_in_a_problem_as_text_and_no_more(studio: Studio) -> None:
    answer = studio.ask("GET", "/v1/<img src=x onerror=alert(1)>")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.text)["value"] == "GET /v1/<img src=x onerror=alert(1)>"
