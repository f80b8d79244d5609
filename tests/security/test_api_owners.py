"""Who may do what through the API: one's own, and nothing that shows whether there is more."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.core.make import ADA, BOB, a_job, a_recipe
from tests.unit.functions.studio import Answer, Studio, listening
from tonearm.domain.clock import utc_now
from tonearm.domain.ids import new_job_id, new_track_id

RECIPE = a_recipe().model_dump(mode="json")
NEW_TRACK = {"filename": "song.mp3", "size_bytes": 1000}
# Every route that is about one thing of somebody's: {track} and {job} stand for the ids.
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/v1/tracks/{track}", None),
    ("PATCH", "/v1/tracks/{track}", {"title": "Mine"}),
    ("DELETE", "/v1/tracks/{track}", None),
    ("GET", "/v1/tracks/{track}/analysis", None),
    ("GET", "/v1/tracks/{track}/downloads", None),
    ("POST", "/v1/jobs", {"track_id": "{track}", "recipe": RECIPE}),
    ("GET", "/v1/jobs?track_id={track}", None),
    ("GET", "/v1/jobs/{job}", None),
    ("GET", "/v1/jobs/{job}/downloads", None),
]
GUARDED: list[tuple[str, str, Any]] = [
    *ROUTES,
    ("GET", "/v1/tracks", None),
    ("POST", "/v1/tracks", NEW_TRACK),
    ("GET", "/v1/account", None),
]


def ask(studio: Studio, route: tuple[str, str, Any], track_id: str, job_id: str, **who: Any) -> Answer:
    method, path, body = route
    path, _, query = path.replace("{track}", track_id).replace("{job}", job_id).partition("?")
    if body and "track_id" in body:
        body = {**body, "track_id": track_id}
    asked = dict([query.split("=")]) if query else {}
    return studio.ask(method, path, body, query=asked, **who)


def test_every_route_of_the_document_is_tried_here() -> None:
    from functions.api.document import openapi_document

    documented = {
        (method.upper(), path)
        for path, operations in json.loads(openapi_document())["paths"].items()
        for method, operation in operations.items()
        if operation.get("security") != []
    }
    tried = {
        (method, path.partition("?")[0].replace("{track}", "{track_id}").replace("{job}", "{job_id}"))
        for method, path, _ in GUARDED
    }
    assert tried == documented


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_anothers_thing_answers_404_just_as_one_that_never_was(studio: Studio, route: tuple[str, str, Any]) -> None:
    # Given a track of Ada's with a job
    track = studio.a_ready_track()
    job = studio.jobs.add(a_job(track_id=track.track_id, expires_at=track.expires_at))
    before = studio.the_track(track), studio.the_job(job)
    # When Bob asks for it, and for one that never was
    hers = ask(studio, route, track.track_id, job.job_id, owner=BOB)
    nobodys_track, nobodys_job = new_track_id(), new_job_id()
    nobodys = ask(studio, route, nobodys_track, nobodys_job, owner=BOB)
    # Then both answer alike to the byte, but for the id that he sent
    assert (hers.status, hers.headers) == (nobodys.status, nobodys.headers)
    assert hers.status == 404
    assert hers.text.replace(track.track_id, "ID").replace(job.job_id, "ID") == nobodys.text.replace(
        nobodys_track, "ID"
    ).replace(nobodys_job, "ID")
    # And nothing has changed, and nothing was begun
    assert (studio.the_track(track), studio.the_job(job)) == before
    assert [job.track_id for job in studio.jobs.page(BOB, after=None, limit=100).rows] == []


def test_lists_hold_ones_own_also_with_anothers_cursor(studio: Studio) -> None:
    for _ in range(3):
        studio.a_track(owner_id="owner-carol-01")
    mine = studio.a_track(owner_id="owner-dave-001")
    cursor = studio.ask("GET", "/v1/tracks", owner="owner-carol-01", query={"limit": "1"}).json["next_cursor"]
    for query in ({}, {"cursor": cursor}):
        answer = studio.ask("GET", "/v1/tracks", owner="owner-dave-001", query=query).json
        assert {track["track_id"] for track in answer["tracks"]} <= {mine.track_id}


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[0]} {route[1]}")
@pytest.mark.parametrize(
    "claims", [{"token_use": "id"}, {"token_use": ""}, {"token_use": None}, {"sub": ""}, {"sub": None}], ids=str
)
def test_a_token_of_the_wrong_use_is_401(studio: Studio, route: tuple[str, str, Any], claims: dict[str, Any]) -> None:
    answer = ask(studio, route, new_track_id(), new_job_id(), claims=claims)
    assert (answer.status, answer.json["code"]) == (401, "auth.not_an_access_token")


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[0]} {route[1]}")
def test_a_request_that_no_authorizer_has_seen_is_401(studio: Studio, route: tuple[str, str, Any]) -> None:
    answer = ask(studio, route, new_track_id(), new_job_id(), owner=None)
    assert (answer.status, answer.json["code"]) == (401, "auth.not_an_access_token")


def test_an_owner_in_headers_query_or_body_is_nobody(studio: Studio) -> None:
    track = studio.a_track(owner_id=ADA)
    answer = studio.ask(
        "GET",
        f"/v1/tracks/{track.track_id}",
        owner=BOB,
        headers={"x-owner-id": ADA, "authorization": f"Bearer {ADA}", "x-amzn-oidc-identity": ADA},
        query={"owner_id": ADA},
    )
    assert answer.status == 404


def test_no_link_outlives_its_track(studio: Studio) -> None:
    ends = utc_now() + timedelta(seconds=30)
    track = studio.a_ready_track(expires_at=ends)
    job = studio.jobs.add(a_job(track_id=track.track_id, expires_at=ends))
    studio.jobs.save(job.succeeded(utc_now()))
    for path in (f"/v1/jobs/{job.job_id}", f"/v1/tracks/{track.track_id}"):
        links = [link for link in studio.ask("GET", f"{path}/downloads").json.values() if link]
        assert links
        for link in links:
            assert datetime.fromisoformat(link["expires_at"]) <= ends
            (seconds,) = parse_qs(urlsplit(link["url"]).query)["X-Amz-Expires"]
            assert 0 < int(seconds) <= 30


def test_the_log_holds_no_token(studio: Studio) -> None:
    with listening() as heard:
        for path in ("/v1/tracks", "/v1/tracks/bad", "/v1/nothing"):
            studio.ask("GET", path, headers={"authorization": "Bearer eyJsecret"})
    assert len(heard[0].records) == 3
    assert "eyJsecret" not in heard[0].text
