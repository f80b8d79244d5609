"""A song's whole way through the deployed system, and what its owner may do with it afterwards."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import soundfile

import tonearm_audio
from tests.support.cloud import Cloud, Tap
from tests.support.person import JSON, Person, wait_until
from tests.support.recordings import KINDS, record
from tonearm_local.stack import Outputs

pytestmark = pytest.mark.stack

TEMPO = {"type": "tempo", "factor": 1.1}
PITCH = {"type": "pitch", "semitones": 2}


@pytest.fixture(scope="module")
def ready_track(ada: Person, song: Path) -> JSON:
    """Given a track of Ada's that is ready."""
    track = ada.uploads(song, title="Ready", tags=["demo"])
    job = ada.waits_for_job(track["ingest_job_id"])
    assert job["status"] == "succeeded", job
    return ada.reads(f"/v1/tracks/{track['track_id']}")


def downloaded(person: Person, job_id: str, folder: Path) -> dict[str, Path]:
    """What a job made, fetched by its links."""
    files = {}
    for name, link in person.reads(f"/v1/jobs/{job_id}/downloads").items():
        if link is not None:
            files[name] = folder / link["filename"]
            files[name].write_bytes(httpx.get(link["url"], timeout=30).raise_for_status().content)
    return files


def heard(link: JSON) -> tuple[int, str, bytes]:
    """How a page's player asks for the second four bytes of a file: the status, the type, and what came."""
    answer = httpx.get(link["url"], headers={"Range": "bytes=4-7"}, timeout=30)
    return answer.status_code, answer.headers["content-type"], answer.content


@pytest.fixture(scope="module")
def tapped(cloud: Cloud, ada: Person, song: Path) -> Iterator[tuple[Tap, JSON, JSON]]:
    """Given a song that was uploaded with a recipe, and a consumer of the job events."""
    tap = Tap.opened(cloud, "tap-upload-with-recipe")
    sha256 = hashlib.sha256(song.read_bytes()).hexdigest()
    track = ada.uploads(song, sha256=sha256, recipe={"operations": [TEMPO, PITCH]})
    job = ada.waits_for_job(track["ingest_job_id"])
    yield tap, ada.reads(f"/v1/tracks/{track['track_id']}"), job
    tap.closed()


class TestUploadWithRecipe:
    """Given a song and a recipe, when it is uploaded, nothing else needs to be asked for."""

    def test_the_track_is_validated_and_analysed(self, tapped: tuple[Tap, JSON, JSON], song: Path) -> None:
        _, track, _ = tapped
        info = soundfile.info(song)
        assert track["status"] == "ready"
        assert track["probe"]["frames"] == info.frames
        assert track["probe"]["content_sha256"] == hashlib.sha256(song.read_bytes()).hexdigest()
        assert track["analysis"]["duration_s"] == pytest.approx(info.duration, abs=1e-6)
        assert track["analysis"]["tempo_bpm"] == pytest.approx(120, rel=0.02)

    def test_the_render_keeps_what_its_certificate_says(
        self, tapped: tuple[Tap, JSON, JSON], ada: Person, song: Path, tmp_path: Path
    ) -> None:
        _, _, job = tapped
        assert job["status"] == "succeeded", job
        files = downloaded(ada, job["job_id"], tmp_path)
        certificate = json.loads(files["certificate"].read_text())
        assert certificate["kept"] is True
        assert {promise["operation"] for promise in certificate["promises"]} >= {"tempo", "pitch"}
        # When the downloaded file is measured here, then it is what the job says.
        render = tonearm_audio.probe(files["render"], limits=tonearm_audio.Limits(max_duration_s=60))
        assert render.duration_s == pytest.approx(soundfile.info(song).duration / 1.1, abs=0.002)
        assert job["render"]["duration_s"] == pytest.approx(render.duration_s, abs=0.002)
        assert files["render"].suffix == ".mp3"

    def test_both_waveforms_are_those_of_the_files(
        self, tapped: tuple[Tap, JSON, JSON], ada: Person, song: Path, tmp_path: Path
    ) -> None:
        _, _, job = tapped
        files = downloaded(ada, job["job_id"], tmp_path)
        for name, file in (("peaks", song), ("render_peaks", files["render"])):
            assert json.loads(files[name].read_text()) == tonearm_audio.analyze(file).peaks.to_dict(), name

    def test_its_end_is_announced_once(self, tapped: tuple[Tap, JSON, JSON]) -> None:
        tap, track, job = tapped
        (event,) = wait_until("an event", lambda: tap.events(job["job_id"]))
        assert event["type"] == "job.succeeded"
        assert event["track_id"] == track["track_id"]
        assert event["event_id"] == f"{job['job_id']}.succeeded"

    def test_one_correlation_id_leads_through_every_log(
        self, tapped: tuple[Tap, JSON, JSON], cloud: Cloud, stack: Outputs, ada: Person
    ) -> None:
        _, track, _ = tapped
        row = cloud.row(ada.owner_id, f"TRACK#{track['track_id']}")
        assert row is not None
        correlation_id = row["correlation_id"]["S"]
        logs = cloud.client("logs")

        def lines(function: str) -> list[str]:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{stack.function_names[function]}", limit=10000)
            return [event["message"] for event in found["events"] if correlation_id in event["message"]]

        for function in ("api", "start_job", "validate", "analyze", "transform", "certify", "notify"):
            assert wait_until(f"the log of {function}", lambda f=function: lines(f)), function


class TestRecordings:
    """Given a recording as phones and browsers make them, when it is uploaded."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_becomes_a_certified_render_of_the_right_length(self, ada: Person, tmp_path: Path, kind: str) -> None:
        recording, samples = record(tmp_path, kind, seconds=2)
        track = ada.uploads(recording, recipe={"operations": [TEMPO], "output": {"codec": "flac"}})
        job = ada.waits_for_job(track["ingest_job_id"])
        assert job["status"] == "succeeded", job
        made = KINDS[kind]
        probe = ada.reads(f"/v1/tracks/{track['track_id']}")["probe"]
        assert (probe["container"], probe["codec"]) == (made.container, made.codec)
        assert probe["frames"] == made.frames_of(samples)


class TestRenderOfAReadyTrack:
    """Given a ready track, when a render is asked for."""

    @pytest.mark.parametrize(
        ("operations", "output", "content_type", "seconds"),
        [
            ([{"type": "tempo", "factor": 0.8}], {"codec": "flac"}, "audio/flac", 10.0),
            ([{"type": "pitch", "semitones": -3.5}], {"codec": "wav"}, "audio/wav", 8.0),
            ([TEMPO], {"codec": "mp3", "bitrate_kbps": 128}, "audio/mpeg", 8.0 / 1.1),
            ([TEMPO], {"codec": "ogg"}, "audio/ogg", 8.0 / 1.1),
            ([TEMPO, {"type": "spatial", "seed": 7}], {"codec": "mp3"}, "audio/mpeg", 8.0 / 1.1),
            ([{"type": "trim", "end_s": 3}], {"codec": "opus", "bitrate_kbps": 96}, "audio/ogg", 3.0),
            ([{"type": "master", "preset": "loud"}], {"codec": "m4a", "bitrate_kbps": 256}, "audio/mp4", 8.0),
            ([{"type": "loudness", "target_lufs": -16}], {"codec": "flac", "bit_depth": 24}, "audio/flac", 8.0),
        ],
    )
    def test_each_operation_and_format_is_delivered_and_plays(
        self,
        ada: Person,
        ready_track: JSON,
        tmp_path: Path,
        operations: list[JSON],
        output: JSON,
        content_type: str,
        seconds: float,
    ) -> None:
        job = ada.waits_for_job(ada.renders(ready_track["track_id"], *operations, **output)["job_id"])
        assert job["status"] == "succeeded", job
        render = downloaded(ada, job["job_id"], tmp_path)["render"]
        assert render.suffix == f".{output['codec']}"
        found = tonearm_audio.probe(render, limits=tonearm_audio.Limits(max_duration_s=60))
        assert found.duration_s == pytest.approx(seconds, abs=0.002)
        link = ada.reads(f"/v1/jobs/{job['job_id']}/downloads")["render"]
        assert heard(link) == (206, content_type, render.read_bytes()[4:8])

    def test_the_same_recipe_again_makes_the_same_pcm(
        self, ada: Person, ready_track: JSON, cloud: Cloud, stack: Outputs
    ) -> None:
        jobs = [
            ada.waits_for_job(ada.renders(ready_track["track_id"], {"type": "tempo", "factor": 1.25})["job_id"])
            for _ in range(2)
        ]
        first, second = (job["render"] for job in jobs)
        assert jobs[0]["job_id"] != jobs[1]["job_id"]
        assert first["pcm_sha256"] == second["pcm_sha256"]
        # And it is kept once
        prefix = f"media/{ada.owner_id}/{ready_track['track_id']}/renders/{first['recipe_hash']}-"
        assert len([key for key in cloud.keys(stack.media_bucket, prefix) if "/render.mp3" in key]) == 1

    def test_the_same_idempotency_key_makes_one_job(self, ada: Person, ready_track: JSON) -> None:
        body = {"track_id": ready_track["track_id"], "recipe": {"operations": [{"type": "tempo", "factor": 0.9}]}}
        answers = [
            ada.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "render-it-once-please"}) for _ in range(2)
        ]
        assert answers[0].json()["job_id"] == answers[1].json()["job_id"]
        assert ada.waits_for_job(answers[0].json()["job_id"])["status"] == "succeeded"

    def test_its_analysis_can_be_read(self, ada: Person, ready_track: JSON) -> None:
        analysis = ada.reads(f"/v1/tracks/{ready_track['track_id']}/analysis")
        assert analysis["beats_s"] == sorted(analysis["beats_s"])
        assert len(analysis["beats_s"]) > 8
        assert -30 < analysis["loudness"]["integrated_lufs"] < -6

    def test_its_source_plays_and_its_waveform_is_drawn_without_a_render(
        self, ada: Person, ready_track: JSON, song: Path
    ) -> None:
        links = ada.reads(f"/v1/tracks/{ready_track['track_id']}/downloads")
        assert heard(links["source"]) == (206, "audio/wav", song.read_bytes()[4:8])
        assert links["source"]["filename"].endswith(".wav")
        peaks = httpx.get(links["peaks"]["url"], timeout=30).raise_for_status()
        assert peaks.headers["content-type"] == "application/json"
        assert peaks.json() == tonearm_audio.analyze(song).peaks.to_dict()

    def test_labels_change_only_as_read(self, ada: Person, ready_track: JSON) -> None:
        path = f"/v1/tracks/{ready_track['track_id']}"
        etag = ada.http.get(path).headers["etag"]
        assert ada.http.patch(path, json={"title": "Renamed"}, headers={"If-Match": etag}).json()["title"] == "Renamed"
        stale = ada.http.patch(path, json={"title": "Too late"}, headers={"If-Match": etag})
        assert (stale.status_code, stale.json()["code"]) == (412, "track.changed")

    def test_a_form_takes_exactly_what_was_announced(self, ada: Person, song: Path, tmp_path: Path) -> None:
        created = ada.creates_track(song)
        longer = tmp_path / "longer.wav"
        longer.write_bytes(song.read_bytes() + b"x")
        assert ada.sends(longer, created["upload"]).status_code in {400, 403}
        elsewhere = {**created["upload"], "fields": {**created["upload"]["fields"], "key": "uploads/else/where/source"}}
        assert ada.sends(song, elsewhere).status_code in {400, 403}


class TestOtherTracks:
    """Given two tracks of one owner, when a recipe uses both."""

    @pytest.fixture(scope="class")
    def voice(self, ada: Person, song: Path, tmp_path_factory: pytest.TempPathFactory) -> JSON:
        """Given another track of Ada's: the song's first moments, played at another rate."""
        path = tmp_path_factory.mktemp("voice") / "voice.flac"
        soundfile.write(path, soundfile.read(song, frames=48_000 * 3)[0], 48_000)
        track = ada.uploads(path, title="Voice")
        assert ada.waits_for_job(track["ingest_job_id"])["status"] == "succeeded"
        return track

    def test_every_operation_goes_into_one_certified_render(
        self, ada: Person, ready_track: JSON, voice: JSON, tmp_path: Path
    ) -> None:
        strip = {"track_id": voice["track_id"], "gain_db": -6, "pan": 0.4, "start_s": 5}
        recipe = [
            {"type": "trim", "start_s": 1, "end_s": 7},
            TEMPO,
            {"type": "pitch", "semitones": -1, "formants": "keep"},
            {"type": "equalize", "bands": [{"kind": "high_pass", "frequency_hz": 40}]},
            {"type": "compress", "threshold_dbfs": -20, "ratio": 2},
            {"type": "spatial", "path": "figure", "listening": "headphones"},
            {"type": "mix", "tracks": [{**strip, "reverb": {"decay_s": 0.5, "mix": 0.2}}]},
            {"type": "convert", "sample_rate_hz": 48_000},
            {"type": "fade", "in_s": 0.2, "out_s": 1},
            {"type": "master", "reference_track_id": voice["track_id"], "target_lufs": -18},
        ]
        job = ada.waits_for_job(
            ada.renders(ready_track["track_id"], *recipe, codec="m4a", bitrate_kbps=192)["job_id"], timeout_s=180
        )
        assert job["status"] == "succeeded", job
        files = downloaded(ada, job["job_id"], tmp_path)
        assert json.loads(files["certificate"].read_text())["kept"] is True
        found = tonearm_audio.probe(files["render"], limits=tonearm_audio.Limits(max_duration_s=60))
        # The voice and its room end last.
        assert found.duration_s == pytest.approx(5 + 3 + 0.52, abs=0.002)
        assert (found.sample_rate_hz, found.channels) == (48_000, 2)

    def test_one_that_is_deleted_while_the_job_waits_fails_it_in_words(
        self, ada: Person, ready_track: JSON, song: Path
    ) -> None:
        other = ada.uploads(song)
        assert ada.waits_for_job(other["ingest_job_id"])["status"] == "succeeded"
        mix = {"type": "mix", "tracks": [{"track_id": other["track_id"]}]}
        queued = ada.renders(ready_track["track_id"], mix)
        assert ada.http.delete(f"/v1/tracks/{other['track_id']}").status_code == 204
        job = ada.waits_for_job(queued["job_id"])
        # Whoever was first: the delete, or all that the job had to fetch
        assert job["status"] == "succeeded" or job["problem"]["code"] == "recipe.track_not_found", job
        again = {"track_id": ready_track["track_id"], "recipe": {"operations": [mix]}}
        refused = ada.http.post("/v1/jobs", json=again)
        assert (refused.status_code, refused.json()["code"]) == (404, "recipe.track_not_found")

    def test_another_owner_cannot_use_it(self, bob: Person, voice: JSON, song: Path) -> None:
        track = bob.uploads(song)
        assert bob.waits_for_job(track["ingest_job_id"])["status"] == "succeeded"
        for operation in (
            {"type": "mix", "tracks": [{"track_id": voice["track_id"]}]},
            {"type": "master", "reference_track_id": voice["track_id"]},
        ):
            body = {"track_id": track["track_id"], "recipe": {"operations": [operation]}}
            answer = bob.http.post("/v1/jobs", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "recipe.track_not_found")


class TestDelete:
    """Given a track with a render, when its owner deletes it."""

    def test_nothing_is_left(self, new_person: Callable[[], Person], cloud: Cloud, stack: Outputs, song: Path) -> None:
        cleo = new_person()
        track = cleo.uploads(song, recipe={"operations": [TEMPO]})
        job = cleo.waits_for_job(track["ingest_job_id"])
        prefix = f"{cleo.owner_id}/{track['track_id']}/"
        assert cloud.keys(stack.media_bucket, f"media/{prefix}")

        assert cleo.http.delete(f"/v1/tracks/{track['track_id']}").status_code == 204

        assert cleo.http.get(f"/v1/tracks/{track['track_id']}").status_code == 404
        assert cleo.http.get(f"/v1/jobs/{job['job_id']}").status_code == 404
        assert cleo.http.delete(f"/v1/tracks/{track['track_id']}").status_code == 404
        for bucket, folder in ((stack.uploads_bucket, "uploads/"), (stack.media_bucket, "media/")):
            versions = cloud.s3.list_object_versions(Bucket=bucket, Prefix=folder + prefix)
            assert not versions.get("Versions")
            assert not versions.get("DeleteMarkers")
        # Then of the row there is only what tells a late writer that it is too late
        (row,) = cloud.rows(cleo.owner_id)
        assert (row["status"]["S"], row["title"]["S"], row["filename"]["S"]) == ("expired", "Deleted", "")

    def test_an_upload_that_comes_after_it_starts_nothing(self, ada: Person, cloud: Cloud, song: Path) -> None:
        created = ada.creates_track(song)
        assert ada.http.delete(f"/v1/tracks/{created['track']['track_id']}").status_code == 204
        assert ada.sends(song, created["upload"]).status_code in {200, 201, 204}
        again = ada.uploads(song)
        assert ada.waits_for_job(again["ingest_job_id"])["status"] == "succeeded"
        assert cloud.executions(created["track"]["ingest_job_id"]) == []

    def test_its_idempotency_key_does_not_bring_it_back(self, ada: Person) -> None:
        key = {"Idempotency-Key": "delete-me-for-good"}
        body = {"filename": "a.mp3", "size_bytes": 10}
        track = ada.http.post("/v1/tracks", json=body, headers=key).json()["track"]
        assert ada.http.delete(f"/v1/tracks/{track['track_id']}").status_code == 204
        again = ada.http.post("/v1/tracks", json=body, headers=key)
        assert (again.status_code, again.json()["code"]) == (409, "track.deleted")


def test_lists_page_through_everything_newest_first(new_person: Callable[[], Person], song: Path) -> None:
    dora = new_person()
    made = [dora.creates_track(song, title=f"Number {n}")["track"]["track_id"] for n in range(5)]
    seen: list[str] = []
    path = "/v1/tracks?limit=2"
    while True:
        page = dora.reads(path)
        seen += [track["track_id"] for track in page["tracks"]]
        if page["next_cursor"] is None:
            break
        path = f"/v1/tracks?limit=2&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(made)
    assert seen == sorted(seen, reverse=True)
