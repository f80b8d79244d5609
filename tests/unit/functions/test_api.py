"""The API: each route, as API Gateway calls it once it has checked the token."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.unit.core.aws import lost_answers
from tests.unit.core.make import BOB, a_job, a_recipe
from tests.unit.functions.studio import ANALYSIS, MAX_UPLOAD_BYTES, TIER_LIMITS, Answer, Studio, listening
from tonearm.domain.analysis import Probe
from tonearm.domain.certificate import Render
from tonearm.domain.clock import utc_now
from tonearm.domain.errors import Problem
from tonearm.domain.job import Job, Stage
from tonearm.domain.track import Track
from tonearm_audio import analyze
from tonearm_cli.demo_song import compose_demo_song

NOBODYS_TRACK = "trk_01jd3v8w2q5r7s9t1v3x5y7z9a"
NOBODYS_JOB = "job_01jd3v8w2q5r7s9t1v3x5y7z9a"
NEW_TRACK = {"filename": "song.mp3", "size_bytes": 1000}
RECIPE = a_recipe().model_dump(mode="json")
MEASURED = {"analysis", "peaks", "peaks_detail", "spectrogram"}
PROBE = Probe(
    container="flac",
    codec="pcm_16",
    sample_rate_hz=44100,
    channels=2,
    frames=88200,
    duration_s=2.0,
    size_bytes=8,
    content_sha256="0" * 64,
)


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem, which is whole: RFC 9457's fields, and ours."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    problem: dict[str, Any] = answer.json
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code), problem
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert problem["mend"].endswith(".")
    assert problem["correlation_id"] == "request-1"
    assert answer.headers["Cache-Control"] == "no-store"
    return problem


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> str:
    """Given somebody who has nothing yet."""
    return "owner-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:32]


# What API Gateway makes of a token's groups, and the tier that they grant.
GROUPS = {
    None: "free",
    "[]": "free",
    "[admin]": "free",
    "[tier-pro]": "pro",
    "[admin tier-pro]": "pro",
    "[tier-pros x,tier-pro]": "free",
    "tier-pro": "free",
}


def succeeded(studio: Studio, track: Track) -> Job:
    """A Job of this Track that has made a render."""
    prefix = f"{track.media_prefix}renders/abc-1/"
    render = Render(
        key=f"{prefix}render.mp3",
        certificate_key=f"{prefix}certificate.json",
        peaks_key=f"{prefix}peaks.json",
        codec="mp3",
        content_type="audio/mpeg",
        size_bytes=5,
        duration_s=1.0,
        pcm_sha256="0" * 64,
        recipe_hash="0" * 16,
        engine_version="1",
    )
    studio.s3.put_object(Bucket=studio.media_bucket, Key=render.key, Body=b"sound")
    now = utc_now()
    job = studio.jobs.add(a_job(owner_id=track.owner_id, track_id=track.track_id, expires_at=track.expires_at))
    return studio.jobs.save(job.rendered(now, render=render).succeeded(now))


class TestCreateTrack:
    def test_a_track_and_the_form_to_upload_it_with(self, studio: Studio, owner: str) -> None:
        body = {**NEW_TRACK, "title": " Song ", "tags": [" live "], "recipe": RECIPE, "sha256": "a" * 64}
        answer = studio.ask("POST", "/v1/tracks", body, owner=owner)
        assert answer.status == 201
        track, upload = answer.json["track"], answer.json["upload"]
        assert answer.headers["Location"] == f"/v1/tracks/{track['track_id']}"
        assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == ('"1"', "no-store")
        assert (track["status"], track["title"], track["tags"]) == ("awaiting_upload", "Song", ["live"])
        assert track["recipe"] == RECIPE
        assert upload["fields"]["key"] == f"uploads/{owner}/{track['track_id']}/source"
        policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
        assert ["content-length-range", 1000, 1000] in policy["conditions"]
        standing = studio.tracks.get(owner, track["track_id"])
        assert standing is not None
        assert (standing.correlation_id, standing.declared_sha256) == ("request-1", "a" * 64)
        assert timedelta(days=29, hours=23) < standing.expires_at - utc_now() <= timedelta(days=30)

    def test_nothing_of_the_inside_is_shown(self, studio: Studio, owner: str) -> None:
        track = studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=owner).json["track"]
        assert not {"owner_id", "correlation_id", "upload_version", "declared_sha256"} & set(track)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"filename": ""},
            {"filename": "   "},
            {"filename": "x" * 256},
            {"filename": None},
            {"size_bytes": 0},
            {"size_bytes": -1},
            {"size_bytes": 1.5},
            {"size_bytes": "many"},
            {"sha256": "A" * 64},
            {"sha256": "a" * 63},
            {"title": ""},
            {"title": "x" * 201},
            {"tags": ["x"] * 21},
            {"tags": ["x" * 41]},
            {"tags": [""]},
            {"tags": "live"},
            {"recipe": {}},
            {"recipe": {"operations": []}},
            {"recipe": {"operations": [{"type": "tempo", "factor": 5}]}},
            {"recipe": {"operations": [{"type": "tempo", "factor": 0.25}] * 2}},
            {"recipe": {"operations": [{"type": "louder"}]}},
            {"recipe": {"operations": [{"type": "tempo", "factor": 1}], "output": {"codec": "aac"}}},
            {"owner_id": BOB},
            {"track_id": NOBODYS_TRACK},
            {"title": "\ud800"},
        ],
        ids=str,
    )
    def test_a_wrong_field_is_named(self, studio: Studio, wrong: dict[str, Any]) -> None:
        problem = refused(studio.ask("POST", "/v1/tracks", {**NEW_TRACK, **wrong}), 422, "request.invalid")
        (field,) = wrong
        assert any(error["field"].startswith(f"body.{field}") for error in problem["errors"]), problem
        assert field in problem["detail"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"recipe": {"operations": [{"type": "louder"}] * 10_000}},
            {"recipe": {"operations": [{"type": "x" * 100_000}]}},
            {"tags": [""] * 10_000},
            {f"unknown{number}": 1 for number in range(10_000)},
            {"u" * 100_000: 1},
        ],
        ids=["operations", "a type", "tags", "fields", "a field"],
    )
    def test_much_that_is_wrong_is_told_in_few_words(self, studio: Studio, wrong: dict[str, Any]) -> None:
        problem = refused(studio.ask("POST", "/v1/tracks", {**NEW_TRACK, **wrong}), 422, "request.invalid")
        assert len(json.dumps(problem)) < 6000
        assert problem["errors"]

    def test_a_file_over_the_limit_is_413_with_figure_and_limit(self, studio: Studio) -> None:
        body = {**NEW_TRACK, "size_bytes": MAX_UPLOAD_BYTES + 1}
        problem = refused(studio.ask("POST", "/v1/tracks", body), 413, "track.too_large")
        assert (problem["value"], problem["limit"]) == (MAX_UPLOAD_BYTES + 1, MAX_UPLOAD_BYTES)

    @pytest.mark.parametrize("groups", GROUPS)
    def test_the_callers_groups_say_how_large_a_file_may_be(
        self, studio: Studio, owner: str, groups: str | None
    ) -> None:
        tier = GROUPS[groups]
        limit = TIER_LIMITS[tier]["max_upload_bytes"]
        # Given a file of just the limit, then it is taken, in the caller's tier, and the form takes just it
        answer = studio.ask("POST", "/v1/tracks", {**NEW_TRACK, "size_bytes": limit}, owner=owner, groups=groups)
        assert answer.status == 201
        standing = studio.tracks.get(owner, answer.json["track"]["track_id"])
        assert standing is not None
        assert standing.tier == tier
        policy = json.loads(base64.b64decode(answer.json["upload"]["fields"]["policy"]))
        assert ["content-length-range", limit, limit] in policy["conditions"]
        # And one of a byte more is not
        body = {**NEW_TRACK, "size_bytes": limit + 1}
        problem = refused(studio.ask("POST", "/v1/tracks", body, owner=owner, groups=groups), 413, "track.too_large")
        assert (problem["value"], problem["limit"]) == (limit + 1, limit)
        assert f"for tier {tier} is" in problem["detail"]
        assert ("ask your admin for tier pro" in problem["mend"]) == (tier == "free")

    def test_a_figure_that_no_table_could_hold_is_kept_as_what_it_sounds_like(self, studio: Studio) -> None:
        recipe = {"operations": [{"type": "pitch", "semitones": 1e-200}, {"type": "tempo", "factor": 1}]}
        answer = studio.ask("POST", "/v1/tracks", {**NEW_TRACK, "recipe": recipe})
        assert answer.status == 201
        assert answer.json["track"]["recipe"]["operations"][0]["semitones"] == 0.0


class TestAccount:
    @pytest.mark.parametrize("groups", GROUPS)
    def test_the_tier_and_its_limits_are_told(self, studio: Studio, owner: str, groups: str | None) -> None:
        answer = studio.ask("GET", "/v1/account", owner=owner, groups=groups)
        tier = GROUPS[groups]
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.json == {"user_id": owner, "tier": tier, "limits": TIER_LIMITS[tier]}

    def test_an_id_token_is_told_nothing(self, studio: Studio) -> None:
        answer = studio.ask("GET", "/v1/account", claims={"token_use": "id"})
        refused(answer, 401, "auth.not_an_access_token")


class TestIdempotencyKey:
    KEY: ClassVar = {"idempotency-key": "0b5c9f1e-key"}

    def test_the_same_request_again_answers_the_same_track(self, studio: Studio, owner: str) -> None:
        first, again = (
            studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=owner, headers=self.KEY).json["track"] for _ in range(2)
        )
        assert again == first
        assert len(studio.tracks.page(owner, after=None, limit=10).rows) == 1

    def test_another_request_under_the_same_key_is_refused(self, studio: Studio, owner: str) -> None:
        studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=owner, headers=self.KEY)
        answer = studio.ask("POST", "/v1/tracks", {**NEW_TRACK, "size_bytes": 2}, owner=owner, headers=self.KEY)
        refused(answer, 422, "idempotency.key_reused")

    def test_the_same_key_of_another_owner_or_for_another_thing_is_another_key(
        self, studio: Studio, owner: str
    ) -> None:
        track = studio.a_ready_track(owner_id=owner)
        ids = {
            studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=owner, headers=self.KEY).json["track"]["track_id"],
            studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=f"{owner}-2", headers=self.KEY).json["track"]["track_id"],
        }
        assert len(ids) == 2
        body = {"track_id": track.track_id, "recipe": RECIPE}
        assert studio.ask("POST", "/v1/jobs", body, owner=owner, headers=self.KEY).status == 202

    def test_the_same_job_again_is_one_job(self, studio: Studio, owner: str) -> None:
        body = {"track_id": studio.a_ready_track(owner_id=owner).track_id, "recipe": RECIPE}
        first, again = (
            studio.ask("POST", "/v1/jobs", body, owner=owner, headers=self.KEY).json["job_id"] for _ in range(2)
        )
        assert first == again

    @pytest.mark.parametrize("key", ["short", "x" * 129])
    def test_a_key_that_is_none_is_refused(self, studio: Studio, key: str) -> None:
        answer = studio.ask("POST", "/v1/tracks", NEW_TRACK, headers={"idempotency-key": key})
        refused(answer, 422, "request.invalid")

    @pytest.mark.parametrize("lost", [1, 2, 3])
    def test_whichever_answer_of_the_table_is_lost_there_is_one_track_in_the_end(
        self, studio: Studio, owner: str, lost: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given the claim, its end and the row: three writes, and the answer to one of them is lost
        from functions.api.use_cases import use_cases

        aws = use_cases().tracks._client  # type: ignore[attr-defined]
        operation, at = {1: ("PutItem", 1), 2: ("UpdateItem", 1), 3: ("PutItem", 2)}[lost]
        # And an invocation whose claim is free again at once
        monkeypatch.setattr("tests.unit.functions.studio.Context.get_remaining_time_in_millis", lambda *_: 0)
        with lost_answers(aws, operation, at=at) as answers:
            first = studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=owner, headers=self.KEY)
        assert 0 in answers
        again = studio.ask("POST", "/v1/tracks", NEW_TRACK, owner=owner, headers=self.KEY)
        # Then whoever asks again gets the one Track
        assert first.status in {201, 503}
        assert again.status == 201
        (standing,) = studio.tracks.page(owner, after=None, limit=10).rows
        assert again.json["track"]["track_id"] == standing.track_id


class TestReadAndList:
    def test_a_track_reads_as_it_stands(self, studio: Studio) -> None:
        track = studio.a_track(title="Song")
        answer = studio.ask("GET", f"/v1/tracks/{track.track_id}")
        assert (answer.status, answer.headers["ETag"], answer.json["title"]) == (200, '"1"', "Song")

    def test_lists_are_newest_first_page_by_page(self, studio: Studio, owner: str) -> None:
        made = [studio.a_track(owner_id=owner).track_id for _ in range(5)]
        seen: list[str] = []
        query: dict[str, str] = {"limit": "2"}
        for _ in range(4):
            answer = studio.ask("GET", "/v1/tracks", owner=owner, query=query).json
            seen += [track["track_id"] for track in answer["tracks"]]
            if answer["next_cursor"] is None:
                break
            query = {"limit": "2", "cursor": answer["next_cursor"]}
        assert seen == sorted(made, reverse=True)

    def test_an_expired_track_and_its_jobs_are_not_listed(self, studio: Studio, owner: str) -> None:
        gone = studio.a_ready_track(owner_id=owner, expires_at=utc_now() - timedelta(seconds=1))
        studio.jobs.add(a_job(owner_id=owner, track_id=gone.track_id, expires_at=gone.expires_at))
        assert studio.ask("GET", "/v1/tracks", owner=owner).json == {"tracks": [], "next_cursor": None}
        assert studio.ask("GET", "/v1/jobs", owner=owner).json == {"jobs": [], "next_cursor": None}
        refused(studio.ask("GET", f"/v1/tracks/{gone.track_id}", owner=owner), 404, "track.not_found")

    @pytest.mark.parametrize("path", ["/v1/tracks", "/v1/jobs"])
    @pytest.mark.parametrize("cursor", ["zzz", "", "é", "a" * 100, "====", "dHJrXzE"])
    def test_a_cursor_that_this_list_has_not_given_out_is_refused(self, studio: Studio, path: str, cursor: str) -> None:
        refused(studio.ask("GET", path, query={"cursor": cursor}), 422, "cursor.invalid")

    def test_a_cursor_of_the_other_list_is_refused(self, studio: Studio, owner: str) -> None:
        for _ in range(2):
            studio.a_track(owner_id=owner)
        cursor = studio.ask("GET", "/v1/tracks", owner=owner, query={"limit": "1"}).json["next_cursor"]
        refused(studio.ask("GET", "/v1/jobs", owner=owner, query={"cursor": cursor}), 422, "cursor.invalid")

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "x" * 101}])
    def test_a_page_that_cannot_be_is_refused(self, studio: Studio, query: dict[str, str]) -> None:
        refused(studio.ask("GET", "/v1/tracks", query=query), 422, "request.invalid")

    def test_jobs_of_one_track(self, studio: Studio, owner: str) -> None:
        track = studio.a_ready_track(owner_id=owner)
        of_it = studio.jobs.add(a_job(owner_id=owner, track_id=track.track_id, expires_at=track.expires_at))
        studio.jobs.add(a_job(owner_id=owner, expires_at=track.expires_at))
        answer = studio.ask("GET", "/v1/jobs", owner=owner, query={"track_id": track.track_id})
        assert [job["job_id"] for job in answer.json["jobs"]] == [of_it.job_id]


class TestRelabel:
    def test_labels_change_and_the_etag_with_them(self, studio: Studio) -> None:
        path = f"/v1/tracks/{studio.a_track(title='Old', tags=('a',)).track_id}"
        answer = studio.ask("PATCH", path, {"title": "New"}, headers={"if-match": '"1"'})
        assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
        assert (answer.json["title"], answer.json["tags"], answer.json["version"]) == ("New", ["a"], 2)

    def test_what_was_changed_meanwhile_is_412(self, studio: Studio) -> None:
        path = f"/v1/tracks/{studio.a_track().track_id}"
        studio.ask("PATCH", path, {"title": "First"})
        answer = studio.ask("PATCH", path, {"title": "Second"}, headers={"if-match": '"1"'})
        refused(answer, 412, "track.changed")
        assert studio.ask("GET", path).json["title"] == "First"

    @pytest.mark.parametrize("etag", ["*", "1", 'W/"1"', ' "1" '])
    def test_an_etag_may_be_written_in_these_ways(self, studio: Studio, etag: str) -> None:
        path = f"/v1/tracks/{studio.a_track().track_id}"
        assert studio.ask("PATCH", path, {"title": "New"}, headers={"if-match": etag}).status == 200

    @pytest.mark.parametrize("etag", ["abc", "", '"', "²", "-1", '"1", "2"', "9" * 19])
    def test_what_is_no_etag_is_refused(self, studio: Studio, etag: str) -> None:
        path = f"/v1/tracks/{studio.a_track().track_id}"
        answer = studio.ask("PATCH", path, {"title": "New"}, headers={"if-match": etag})
        refused(answer, 422, "request.if_match_invalid")

    def test_unknown_labels_are_refused(self, studio: Studio) -> None:
        path = f"/v1/tracks/{studio.a_track().track_id}"
        refused(studio.ask("PATCH", path, {"status": "ready"}), 422, "request.invalid")


class TestDelete:
    def test_a_track_goes_with_all_that_was_made_from_it(self, studio: Studio, owner: str) -> None:
        track = studio.a_ready_track(owner_id=owner)
        job = succeeded(studio, track)
        answer = studio.ask("DELETE", f"/v1/tracks/{track.track_id}", owner=owner)
        assert (answer.status, answer.text) == (204, "")
        refused(studio.ask("GET", f"/v1/tracks/{track.track_id}", owner=owner), 404, "track.not_found")
        refused(studio.ask("GET", f"/v1/jobs/{job.job_id}", owner=owner), 404, "job.not_found")
        refused(studio.ask("DELETE", f"/v1/tracks/{track.track_id}", owner=owner), 404, "track.not_found")
        for bucket, prefix in (
            (studio.uploads_bucket, track.upload_prefix),
            (studio.media_bucket, track.media_prefix),
        ):
            assert "Versions" not in studio.s3.list_object_versions(Bucket=bucket, Prefix=prefix)


class TestAnalysis:
    BEFORE_VERSIONS: ClassVar = {
        "engine_version": "1",
        "duration_s": 2.0,
        "frames": 88200,
        "sample_rate_hz": 44100,
        "channels": 2,
        "tempo_bpm": None,
        "tempo_confidence": 0.0,
        "beats_s": [],
        "loudness": {"integrated_lufs": None, "range_lu": 0.0, "true_peak_dbtp": None, "sample_peak_dbfs": None},
    }

    def answered(self, studio: Studio, document: dict[str, Any]) -> Any:
        """Given a track whose analysis is this document, when it is read, then this is answered."""
        track = studio.a_ready_track()
        body = json.dumps(document).encode()
        studio.s3.put_object(Bucket=studio.media_bucket, Key=track.analysis_key, Body=body)
        answer = studio.ask("GET", f"/v1/tracks/{track.track_id}/analysis")
        assert answer.status == 200
        return answer.json

    def test_the_whole_analysis_as_the_engine_wrote_it(self, studio: Studio, tmp_path: Path) -> None:
        song = compose_demo_song(tmp_path / "song.wav", duration_s=8.0, tempo_bpm=104.0)
        document = json.loads(json.dumps(analyze(song.path).to_dict()))
        document["mood"] = document["loudness"]["mood"] = "what a newer engine adds"
        assert self.answered(studio, document) == document

    def test_one_from_before_there_were_versions_has_null_for_what_came_later(self, studio: Studio) -> None:
        answered = self.answered(studio, self.BEFORE_VERSIONS)
        later = {"version", "tempo_over_time", "key", "spectrum", "silence", "clipping", "spectrogram"}
        assert answered.keys() - self.BEFORE_VERSIONS.keys() == later
        assert [answered[name] for name in later] == [None] * len(later)

    def test_a_track_without_one_says_so(self, studio: Studio) -> None:
        answer = studio.ask("GET", f"/v1/tracks/{studio.a_track().track_id}/analysis")
        refused(answer, 409, "track.not_analysed")


class TestJobs:
    def test_a_job_is_accepted_and_queued(self, studio: Studio, owner: str) -> None:
        studio.queued()
        track = studio.a_ready_track(owner_id=owner)
        body = {"track_id": track.track_id, "recipe": RECIPE}
        answer = studio.ask("POST", "/v1/jobs", body, owner=owner)
        job = answer.json
        assert answer.status == 202
        assert answer.headers["Location"] == f"/v1/jobs/{job['job_id']}"
        assert answer.headers["Retry-After"] == "1"
        assert (job["status"], job["percent"], job["kind"], job["recipe"]) == ("queued", 0, "render", RECIPE)
        assert studio.queued() == [{"type": "job.requested", "owner_id": owner, "job_id": job["job_id"]}]
        assert studio.ask("GET", answer.headers["Location"], owner=owner).json == job

    def test_only_of_a_ready_track(self, studio: Studio) -> None:
        body = {"track_id": studio.a_track().track_id, "recipe": RECIPE}
        problem = refused(studio.ask("POST", "/v1/jobs", body), 409, "track.not_ready")
        assert (problem["value"], problem["limit"]) == ("awaiting_upload", "ready")

    @pytest.mark.parametrize(
        "body", [{}, {"track_id": NOBODYS_TRACK}, {"track_id": "x", "recipe": RECIPE}, {"recipe": RECIPE}, [], "x", 1]
    )
    def test_a_body_that_is_none_is_refused(self, studio: Studio, body: Any) -> None:
        refused(studio.ask("POST", "/v1/jobs", body), 422, "request.invalid")

    @pytest.mark.parametrize(
        ("operations", "said"),
        [
            ([{"type": "loudness"}, {"type": "tempo", "factor": 2}], "it must be the last"),
            ([{"type": "spatial"}, {"type": "spatial"}], "The recipe has 2 spatial operations; it may have 1"),
            ([{"type": "reverb", "decay_s": 99}], "less than or equal to 10"),
            (
                [{"type": "master", "preset": "warm", "reference_track_id": NOBODYS_TRACK}],
                "either a preset or a reference",
            ),
            ([{"type": "mix", "tracks": [{"track_id": "../song"}]}], "track_id"),
        ],
        ids=str,
    )
    def test_a_recipe_that_cannot_be_is_refused_in_words(self, studio: Studio, operations: Any, said: str) -> None:
        body = {"track_id": NOBODYS_TRACK, "recipe": {"operations": operations}}
        problem = refused(studio.ask("POST", "/v1/jobs", body), 422, "request.invalid")
        assert said in problem["detail"]
        assert "Value error" not in problem["detail"]
        assert ".." not in problem["detail"].replace("../song", "")

    @pytest.mark.parametrize(
        "naming",
        [
            lambda track_id: {"type": "mix", "tracks": [{"track_id": track_id}]},
            lambda track_id: {"type": "master", "reference_track_id": track_id},
        ],
        ids=["mix", "reference"],
    )
    def test_other_tracks_are_the_owners_own_and_anothers_are_not_there(
        self, studio: Studio, owner: str, naming: Callable[[str], dict[str, Any]]
    ) -> None:
        # Given a track of the owner, another one, and one of somebody else
        track, other = (studio.a_ready_track(owner_id=owner) for _ in range(2))
        theirs = studio.a_ready_track(owner_id=BOB)

        def asked(track_id: str) -> Answer:
            body = {"track_id": track.track_id, "recipe": {"operations": [naming(track_id)]}}
            return studio.ask("POST", "/v1/jobs", body, owner=owner)

        # When each is named, Then the own one is taken, and the others answer alike, wherever they are named
        assert asked(other.track_id).status == 202
        problem = refused(asked(theirs.track_id), 404, "recipe.track_not_found")
        nowhere = refused(asked(NOBODYS_TRACK), 404, "recipe.track_not_found")
        assert json.dumps(problem).replace(theirs.track_id, NOBODYS_TRACK) == json.dumps(nowhere)
        new = {**NEW_TRACK, "recipe": {"operations": [naming(theirs.track_id)]}}
        refused(studio.ask("POST", "/v1/tracks", new, owner=owner), 404, "recipe.track_not_found")
        # And one that is not ready says so
        waiting = studio.a_track(owner_id=owner)
        refused(asked(waiting.track_id), 409, "track.not_ready")

    def test_a_job_that_failed_says_why(self, studio: Studio) -> None:
        track = studio.a_ready_track()
        problem = Problem(code="certificate.length", detail="It drifts.", value=1.5, limit=1.0, mend="Try again.")
        job = studio.jobs.add(a_job(track_id=track.track_id))
        studio.jobs.save(job.failed(utc_now(), problem=problem))
        answer = studio.ask("GET", f"/v1/jobs/{job.job_id}").json
        assert (answer["status"], answer["problem"]) == ("failed", problem.model_dump())

    def test_a_render_is_shown_when_the_job_has_succeeded_and_not_before(self, studio: Studio) -> None:
        track = studio.a_ready_track()
        job = succeeded(studio, track)
        assert studio.ask("GET", f"/v1/jobs/{job.job_id}").json["render"]["duration_s"] == 1.0
        running = studio.jobs.add(a_job(track_id=track.track_id))
        running = running.progressed(utc_now(), stage=Stage.CERTIFY, fraction=1.0)
        assert job.render is not None
        studio.jobs.save(running.rendered(utc_now(), render=job.render))
        assert studio.ask("GET", f"/v1/jobs/{running.job_id}").json["render"] is None

    def test_downloads_are_links_that_work(self, studio: Studio) -> None:
        job = succeeded(studio, studio.a_ready_track(title="Für Elise"))
        answer = studio.ask("GET", f"/v1/jobs/{job.job_id}/downloads")
        assert answer.status == 200
        assert answer.json["render"]["filename"] == "Für Elise.mp3"
        assert set(answer.json) == {"render", "certificate", "render_peaks", *MEASURED}
        for link in answer.json.values():
            assert "X-Amz-Signature=" in link["url"]

    def test_there_are_none_before_the_job_has_succeeded(self, studio: Studio) -> None:
        job = studio.jobs.add(a_job(track_id=studio.a_ready_track().track_id))
        refused(studio.ask("GET", f"/v1/jobs/{job.job_id}/downloads"), 409, "job.not_succeeded")


class TestTrackDownloads:
    def test_the_source_plays_by_the_type_that_was_found_in_it(self, studio: Studio) -> None:
        # Given a track whose upload was sent twice, and said nothing of its type
        track = studio.a_track(b"RIFF", title="Sea")
        versions = [
            studio.s3.put_object(Bucket=studio.uploads_bucket, Key=track.upload_key, Body=body)["VersionId"]
            for body in (b"the song", b"another")
        ]
        now = utc_now()
        validating = track.upload_arrived(now, upload_version=versions[0]).validated(now, probe=PROBE)
        studio.tracks.save(validating.analysed(now, analysis=ANALYSIS))
        # When its links are asked for
        answer = studio.ask("GET", f"/v1/tracks/{track.track_id}/downloads")
        # Then the source's leads to the version that counts, as audio
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert set(answer.json) == {"source", *MEASURED}
        source = answer.json["source"]
        assert source["filename"] == "Sea.flac"
        asked = parse_qs(urlsplit(source["url"]).query)
        assert asked["versionId"] == versions[:1]
        assert asked["response-content-type"] == ["audio/flac"]

    def test_there_are_none_before_it_is_ready(self, studio: Studio) -> None:
        refused(studio.ask("GET", f"/v1/tracks/{studio.a_track().track_id}/downloads"), 409, "track.not_ready")


class TestTheRest:
    def test_health_needs_no_token(self, studio: Studio) -> None:
        answer = studio.ask("GET", "/v1/health", owner=None)
        assert (answer.status, answer.json["status"]) == (200, "ok")

    def test_the_document_and_its_page_need_no_token(self, studio: Studio) -> None:
        answer = studio.ask("GET", "/v1/openapi.json", owner=None)
        assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
        page = studio.ask("GET", "/v1/docs", owner=None, headers={"accept-encoding": "gzip"})
        html = gzip.decompress(base64.b64decode(page.text)).decode()
        assert "<title>Tonearm API</title>" in html
        assert "list_tracks" in html
        assert "src='http" not in html

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/v1/nothing"), ("PUT", "/v1/tracks"), ("GET", "/"), ("GET", f"/v1/tracks/{NOBODYS_TRACK}/more")],
    )
    def test_a_route_that_is_none_is_404(self, studio: Studio, method: str, path: str) -> None:
        assert refused(studio.ask(method, path), 404, "route.not_found")["value"] == f"{method} {path}"

    @pytest.mark.parametrize("path", ["/v1/tracks/1", "/v1/jobs/trk_x", f"/v1/jobs/{NOBODYS_TRACK}"])
    def test_an_id_that_is_none_is_refused(self, studio: Studio, path: str) -> None:
        refused(studio.ask("GET", path), 422, "request.invalid")

    @pytest.mark.parametrize("raw", ["", "{", "null", '{"filename": NaN}', "\x00", "[" * 2000, "9" * 5000])
    def test_a_body_that_is_no_json_of_ours_is_refused(self, studio: Studio, raw: str) -> None:
        refused(studio.ask("POST", "/v1/tracks", raw_body=raw), 422, "request.invalid")

    @pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "image/png"])
    def test_a_body_of_another_type_is_415(self, studio: Studio, content_type: str) -> None:
        answer = studio.ask("POST", "/v1/tracks", raw_body="x", headers={"content-type": content_type})
        problem = refused(answer, 415, "request.unsupported_media_type")
        assert problem["value"] == content_type

    @pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x89PNG", b""])
    def test_a_body_of_bytes_is_refused(self, studio: Studio, raw: bytes) -> None:
        answer = studio.ask("POST", "/v1/tracks", raw_body=base64.b64encode(raw).decode(), is_base64=True)
        refused(answer, 422, "request.invalid")

    @pytest.mark.filterwarnings("ignore:Received multipart")
    @pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
    def test_a_form_is_refused(self, studio: Studio, content_type: str) -> None:
        answer = studio.ask(
            "POST", "/v1/tracks", raw_body="filename=a&size_bytes=1", headers={"content-type": content_type}
        )
        assert answer.status in {415, 422}, answer
        refused(answer, answer.status, answer.json["code"])

    def test_outcomes_are_counted_and_requests_are_logged_under_their_id(self, studio: Studio) -> None:
        with listening() as heard:
            studio.ask("GET", f"/v1/tracks/{NOBODYS_TRACK}", request_id="request-77")
        assert [outcome for _, outcome in heard[0].counts] == ["track.not_found", "http_404"]
        assert {record["correlation_id"] for record in heard[0].records} == {"request-77"}

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (("ThrottlingException", 400), 503, "service.transient"),
            (("InternalServerError", 500), 503, "service.transient"),
            (("AccessDeniedException", 400), 500, "internal"),
            (None, 503, "service.transient"),
        ],
    )
    def test_a_service_that_fails_is_503_when_it_may_pass_and_else_500(
        self, studio: Studio, error: tuple[str, int] | None, status: int, code: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: Any, **__: Any) -> None:
            if error is None:
                raise EndpointConnectionError(endpoint_url="https://dynamodb.internal")
            said = "User: arn:aws:sts::123456789012:assumed-role/tonearm-api is not authorized"
            response: Any = {
                "Error": {"Code": error[0], "Message": said},
                "ResponseMetadata": {"HTTPStatusCode": error[1]},
            }
            raise ClientError(response, "GetItem")

        monkeypatch.setattr("tonearm.adapters.dynamodb.DynamoRows.get", failing)
        answer = studio.ask("GET", f"/v1/tracks/{NOBODYS_TRACK}")
        refused(answer, status, code)
        assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
        assert "arn:" not in answer.text
        assert "internal" not in answer.text.replace('"internal"', "").lower().replace("internal server error", "")

    @pytest.mark.parametrize("path", ["/v1/tracks", "/v1/jobs"])
    def test_who_has_too_much_under_way_is_told_to_come_back(
        self, studio: Studio, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        track = studio.a_ready_track()
        body = NEW_TRACK if path == "/v1/tracks" else {"track_id": track.track_id, "recipe": RECIPE}
        key = {"Idempotency-Key": f"before-{path}"}
        before = studio.ask("POST", path, body, headers=key).json
        # Given an owner with all that one may have
        monkeypatch.setattr("tonearm.adapters.dynamodb.DynamoOwnersWork.count", lambda *_, at_most: at_most)
        # When more is asked for, Then it is refused for now, and what was asked for before is answered again
        answer = studio.ask("POST", path, body)
        problem = refused(answer, 429, "owner.too_much_open_work")
        assert (problem["value"], problem["limit"], answer.headers["Retry-After"]) == (500, 500, "30")
        again = studio.ask("POST", path, body, headers=key)
        assert (again.status < 300, again.json.get("job_id")) == (True, before.get("job_id"))

    def test_a_crash_is_500_and_tells_nothing_but_its_id(self, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash(*_: Any, **__: Any) -> None:
            raise RuntimeError("secret of /var/task/functions")

        monkeypatch.setattr("tonearm.adapters.dynamodb.DynamoRows.get", crash)
        with listening() as heard:
            answer = studio.ask("GET", f"/v1/tracks/{NOBODYS_TRACK}")
        refused(answer, 500, "internal")
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
        # And the log has it all
        assert "secret of /var/task/functions" in heard[0].text
