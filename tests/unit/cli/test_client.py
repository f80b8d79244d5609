"""The API client: what it sends, what it does when the network or the API does not go along."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.cli import answers
from tests.unit.cli.conftest import Asked, Told
from tonearm.domain.recipe import Recipe
from tonearm_cli.client import Link, StudioClient, UploadForm
from tonearm_cli.errors import CliError, Refused
from tonearm_cli.files import Place

LATER = "2030-01-01T00:00:00Z"
Serve = Callable[[Callable[[Asked], tuple[int, dict[str, str], bytes]]], Told]


class Sleeps(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client_that_hears(
    *replies: httpx.Response | httpx.HTTPError, sleep: Callable[[float], None] = lambda _: None
) -> tuple[StudioClient, list[httpx.Request]]:
    asked: list[httpx.Request] = []
    left: Iterator[httpx.Response | httpx.HTTPError] = iter(replies)

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        said = next(left)
        if isinstance(said, httpx.HTTPError):
            raise said
        return said

    return StudioClient("http://studio", "token-1", transport=httpx.MockTransport(reply), sleep=sleep), asked


def created(url: str = "http://bucket") -> dict[str, Any]:
    upload = {"url": url, "fields": {"key": "uploads/x"}, "expires_at": LATER}
    return {"track": answers.track("awaiting_upload"), "upload": upload}


def test_a_track_is_created_with_what_the_api_asks_for() -> None:
    client, asked = client_that_hears(httpx.Response(201, json=created()))
    made = client.create_track(filename="a.wav", size_bytes=3, sha256="f" * 64, recipe=Recipe.parse_text("tempo=1.1"))
    assert made.track.track_id == answers.TRACK_ID
    assert made.upload.fields == {"key": "uploads/x"}
    body = json.loads(asked[0].content)
    assert (asked[0].method, asked[0].url.path) == ("POST", "/v1/tracks")
    assert asked[0].headers["Authorization"] == "Bearer token-1"
    assert (body["filename"], body["size_bytes"], body["sha256"]) == ("a.wav", 3, "f" * 64)
    assert body["recipe"]["operations"] == [{"type": "tempo", "factor": 1.1}]
    assert "title" not in body


def test_a_problem_becomes_a_readable_error() -> None:
    client, _ = client_that_hears(httpx.Response(409, json=answers.problem()))
    with pytest.raises(Refused) as refused:
        client.job(answers.JOB_ID)
    assert refused.value.problem.code == "track.not_audio"
    assert refused.value.problem.limit == answers.problem()["limit"]
    assert "This file is a PNG picture" in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (httpx.Response(401, json={"message": "Unauthorized"}), "auth.refused", "Unauthorized"),
        (httpx.Response(500, json={"message": "Internal Server Error"}), "http.500", "Internal Server Error"),
        (httpx.Response(403, text="<html>no</html>"), "http.403", "<html>no</html>"),
        (httpx.Response(418, json=["odd"]), "http.418", "418"),
        (httpx.Response(400, json={"code": 7, "detail": None}), "http.400", "400"),
    ],
)
def test_an_answer_that_is_no_problem_document_is_told_as_it_is(answer: httpx.Response, code: str, words: str) -> None:
    client, _ = client_that_hears(answer)
    with pytest.raises(Refused) as refused:
        client.track(answers.TRACK_ID)
    assert refused.value.problem.code == code
    assert words in refused.value.problem.detail


def test_what_passes_is_tried_again_with_the_same_idempotency_key_and_waits_longer_each_time() -> None:
    sleeps = Sleeps()
    client, asked = client_that_hears(
        httpx.ConnectError("refused"),
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "5"}),
        httpx.Response(201, json=created()),
        sleep=sleeps,
    )
    client.create_track(filename="a", size_bytes=1, sha256="0" * 64)
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
    assert len(asked[0].headers["Idempotency-Key"]) >= 8
    assert sleeps == [0.2, 0.4, 5.0]


def test_two_creations_have_two_idempotency_keys() -> None:
    client, asked = client_that_hears(httpx.Response(201, json=created()), httpx.Response(201, json=created()))
    for _ in range(2):
        client.create_track(filename="a", size_bytes=1, sha256="0" * 64)
    assert asked[0].headers["Idempotency-Key"] != asked[1].headers["Idempotency-Key"]


def test_what_does_not_pass_is_not_tried_again() -> None:
    client, asked = client_that_hears(httpx.Response(404, json=answers.problem("job.not_found")))
    with pytest.raises(Refused):
        client.job(answers.JOB_ID)
    assert len(asked) == 1


def test_after_five_tries_it_gives_up_in_one_line() -> None:
    client, asked = client_that_hears(*[httpx.ConnectError("Connection refused")] * 5)
    with pytest.raises(CliError, match="does not answer: Connection refused"):
        client.job(answers.JOB_ID)
    assert len(asked) == 5
    client, asked = client_that_hears(*[httpx.Response(503, text="busy")] * 5)
    with pytest.raises(Refused, match="busy"):
        client.job(answers.JOB_ID)
    assert len(asked) == 5


def test_an_answer_of_another_version_is_told_by_the_field_that_is_wrong() -> None:
    client, _ = client_that_hears(httpx.Response(200, json=answers.job(percent="many")))
    with pytest.raises(CliError, match="percent"):
        client.job(answers.JOB_ID)


def test_an_upload_sends_the_fields_before_the_whole_file_and_tells_how_far_it_is(
    served: Serve, tmp_path: Path
) -> None:
    # Given a bucket and a file of several blocks
    bucket = served(lambda _: (204, {}, b""))
    song = tmp_path / "my song.wav"
    song.write_bytes(bytes(range(256)) * 1000)
    moved: list[int] = []
    # When it is uploaded
    form = UploadForm.model_validate({"url": bucket.url, "fields": {"key": "k", "policy": "p"}, "expires_at": LATER})
    with StudioClient("http://unused", "token-1") as client:
        client.upload(form, song, moved.append)
    # Then the bucket got it whole, after the fields, and no token
    body = bucket.asked[0].body
    assert song.read_bytes() in body
    assert body.index(b'name="policy"') < body.index(b'name="file"')
    assert "Authorization" not in bucket.asked[0].headers
    assert moved == sorted(moved)
    assert moved[-1] == song.stat().st_size
    assert len(set(moved)) > 2


def test_what_the_bucket_refuses_is_told_in_its_own_words(served: Serve, tmp_path: Path) -> None:
    xml = b"<Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum</Message></Error>"
    bucket = served(lambda _: (400, {}, xml))
    song = tmp_path / "song.wav"
    song.write_bytes(b"1234")
    form = UploadForm.model_validate({"url": bucket.url, "fields": {}, "expires_at": LATER})
    with StudioClient("http://unused", "t") as client, pytest.raises(Refused) as refused:
        client.upload(form, song, lambda _: None)
    assert refused.value.problem.code == "s3.EntityTooLarge"
    assert "exceeds the maximum" in refused.value.problem.detail


def link(url: str) -> Link:
    return Link.model_validate({"url": url, "filename": "Song.mp3", "expires_at": LATER})


def test_a_download_is_saved_whole_with_its_hash(served: Serve, tmp_path: Path) -> None:
    content = b"music" * 50_000
    bucket = served(lambda _: (200, {}, content))
    moved: list[int] = []
    with StudioClient("http://unused", "token-1") as client:
        digest = client.download(link(bucket.url), Place(tmp_path / "render.mp3", replace=True), moved.append)
    assert (tmp_path / "render.mp3").read_bytes() == content
    assert digest == hashlib.sha256(content).hexdigest()
    assert moved[-1] == len(content)
    assert "Authorization" not in bucket.asked[0].headers
    assert [file.name for file in tmp_path.iterdir()] == ["render.mp3"]


def test_a_download_that_breaks_off_leaves_what_was_there(served: Serve, tmp_path: Path) -> None:
    bucket = served(lambda _: (200, {"Content-Length": "1000"}, b"half"))
    (tmp_path / "render.mp3").write_bytes(b"earlier")
    with StudioClient("http://unused", "t") as client, pytest.raises(CliError, match="broke off"):
        client.download(link(bucket.url), Place(tmp_path / "render.mp3", replace=True))
    assert (tmp_path / "render.mp3").read_bytes() == b"earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["render.mp3"]


def test_a_link_that_no_longer_works_is_told(served: Serve, tmp_path: Path) -> None:
    bucket = served(
        lambda _: (403, {}, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
    )
    with StudioClient("http://unused", "t") as client, pytest.raises(Refused, match="Request has expired"):
        client.download(link(bucket.url), Place(tmp_path / "render.mp3", replace=True))
    assert not list(tmp_path.iterdir())
