"""`tonearm upload`, `tracks`, `jobs`, `download` against a deployment: what is sent, shown, kept, and ended with."""

import hashlib
import json
import os
import resource
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import TONEARM
from tests.unit.cli import answers
from tests.unit.cli.world import Terminal, World
from tonearm_cli.download import file_name

JOB, TRACK = answers.JOB_ID, answers.TRACK_ID


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm_cli.follow._SHORTEST_WAIT_S", 0.001)
    monkeypatch.setattr("tonearm_cli.follow._LONGEST_WAIT_S", 0.001)
    monkeypatch.setattr("tonearm_cli.follow.PATIENCE_S", 5.0)


@pytest.fixture
def song(signed_in: Terminal) -> Path:
    path = Path("my song.wav")
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


class TestUpload:
    def test_a_file_goes_to_the_bucket_with_its_recipe(self, signed_in: Terminal, world: World, song: Path) -> None:
        document = signed_in.json("upload", song.name, "--recipe", "tempo=1.1,format=flac")
        assert document == {
            "uploads": [{"file": song.name, "track_id": TRACK, "job_id": JOB, "status": None, "problem": None}]
        }
        sent = world.asked("POST /v1/tracks")[0].json
        assert sent["filename"] == song.name
        assert sent["sha256"] == hashlib.sha256(song.read_bytes()).hexdigest()
        assert sent["recipe"]["output"]["codec"] == "flac"
        bucket = world.asked("POST /bucket")[0]
        assert song.read_bytes() in bucket.body
        assert "Authorization" not in bucket.headers

    def test_waiting_shows_how_it_ended(self, signed_in: Terminal, world: World, song: Path) -> None:
        world.jobs[JOB] = [answers.job("queued"), answers.job(stage="analyze", percent=20), answers.job("succeeded")]
        result = signed_in("upload", song.name, "--wait")
        assert result.exit_code == 0, result.output
        assert f"{JOB}  analyze: 20 %" in result.stderr
        assert "succeeded" in result.stdout

    def test_a_rejected_file_does_not_keep_the_others_back(self, signed_in: Terminal, world: World, song: Path) -> None:
        Path("empty.wav").touch()
        result = signed_in("upload", "empty.wav", song.name)
        assert result.exit_code == 3
        assert "track.empty" in result.stderr
        assert len(world.asked("POST /bucket")) == 1
        document = signed_in.json("upload", "empty.wav", song.name, exit_code=3)
        assert [one["problem"] and one["problem"]["code"] for one in document["uploads"]] == ["track.empty", None]

    def test_a_job_that_fails_is_told_with_its_problem(self, signed_in: Terminal, world: World, song: Path) -> None:
        world.jobs[JOB] = [answers.job("failed", problem=answers.problem("track.truncated"))]
        document = signed_in.json("upload", song.name, "--wait", exit_code=3)
        assert document["uploads"][0]["status"] == "failed"
        assert document["uploads"][0]["problem"]["code"] == "track.truncated"

    def test_what_the_api_refuses_is_told(self, signed_in: Terminal, world: World, song: Path) -> None:
        world.refuses_track = answers.problem("track.too_large", 413, limit=1)
        result = signed_in("upload", song.name)
        assert result.exit_code == 3
        assert "track.too_large" in result.stderr
        assert world.asked("POST /bucket") == []

    @pytest.mark.parametrize(("files", "code"), [(["nowhere.wav"], "file.not_there"), (["."], "file.no_file")])
    def test_a_file_that_is_none_keeps_everything_back(
        self, signed_in: Terminal, world: World, song: Path, files: list[str], code: str
    ) -> None:
        assert signed_in.json("upload", song.name, *files, exit_code=2)["problem"]["code"] == code
        assert world.asked("POST /v1") == []

    def test_a_recipe_that_cannot_be_read_keeps_everything_back(
        self, signed_in: Terminal, world: World, song: Path
    ) -> None:
        assert signed_in.json("upload", song.name, "--recipe", "louder=11", exit_code=3)["problem"]["limit"]
        assert world.asked("POST /v1") == []

    def test_a_bucket_that_does_not_answer(self, signed_in: Terminal, world: World, song: Path) -> None:
        world.bucket_down = True
        assert signed_in("upload", song.name).exit_code == 6

    def test_a_name_that_is_no_text_is_sent_as_what_can_be_read_of_it(
        self, signed_in: Terminal, world: World, song: Path
    ) -> None:
        name = os.fsdecode(b"caf\xe9.wav")
        song.rename(name)
        assert signed_in("upload", name).exit_code == 0
        assert world.asked("POST /v1/tracks")[0].json["filename"] == "caf\N{REPLACEMENT CHARACTER}.wav"


class TestTracks:
    def test_they_are_listed_with_their_figures(self, signed_in: Terminal, world: World) -> None:
        figures = {"duration_s": 8.0, "tempo_bpm": 120.0, "integrated_lufs": -14.25, "something_newer": 1}
        world.tracks = [
            answers.track("ready", analysis=figures),
            answers.track("rejected", problem=answers.problem(), title="\x1b[31mred"),
        ]
        said = signed_in("tracks").stdout
        assert "120.0 BPM" in said
        assert "rejected: track.not_audio" in said
        assert "\x1b" not in said
        # And a program is told what this command does not know
        assert signed_in.json("tracks")["tracks"][0]["analysis"]["something_newer"] == 1

    def test_as_many_pages_are_read_as_the_limit_needs(self, signed_in: Terminal, world: World) -> None:
        world.tracks = [answers.track(title=str(number)) for number in range(250)]
        found = signed_in.json("tracks", "--limit", "230")["tracks"]
        assert [track["title"] for track in found] == [str(number) for number in range(230)]
        assert len(world.asked("GET /v1/tracks")) == 3

    def test_none_yet(self, signed_in: Terminal) -> None:
        assert "tonearm upload" in signed_in("tracks").stdout


class TestJobs:
    def test_one_and_all(self, signed_in: Terminal, world: World) -> None:
        world.jobs[JOB] = [answers.job("succeeded", percent=100, render=answers.render())]
        assert "mp3, 20.0 s" in signed_in("jobs").stdout
        assert "mp3, 20.0 s" in signed_in("jobs", JOB).stdout
        assert signed_in.json("jobs", JOB)["render"]["size_bytes"] == 320_000
        assert [job["job_id"] for job in signed_in.json("jobs")["jobs"]] == [JOB]

    def test_every_change_is_a_line_for_programs(self, signed_in: Terminal, world: World) -> None:
        still = answers.job(stage="validate", percent=4)
        world.jobs[JOB] = [answers.job("queued"), still, still, answers.job("succeeded", percent=100)]
        result = signed_in("jobs", JOB, "--watch", "--json")
        assert result.exit_code == 0, result.output
        assert [(job["status"], job["percent"]) for job in lines(result.stdout)] == [
            ("queued", 0),
            ("running", 4),
            ("succeeded", 100),
        ]

    def test_a_job_that_fails_ends_with_its_problem(self, signed_in: Terminal, world: World) -> None:
        world.jobs[JOB] = [answers.job("failed", problem=answers.problem("certificate.level"))]
        result = signed_in("jobs", JOB, "--watch")
        assert result.exit_code == 1
        assert "certificate.level" in result.stderr
        *_, last = lines(signed_in("jobs", JOB, "--watch", "--json").stdout)
        assert last["problem"]["code"] == "certificate.level"

    def test_without_an_id_all_that_run_are_watched(self, signed_in: Terminal, world: World) -> None:
        second, over = f"job_{'0' * 25}2", f"job_{'0' * 25}3"
        world.jobs = {
            JOB: [answers.job("queued"), answers.job("queued"), answers.job("succeeded")],
            second: [answers.job("queued", job_id=second)] * 3 + [answers.job("succeeded", job_id=second)],
            over: [answers.job("failed", job_id=over)],
        }
        result = signed_in("jobs", "--watch", "--json")
        assert result.exit_code == 0, result.output
        assert {(job["job_id"], job["status"]) for job in lines(result.stdout)} == {
            (job_id, status) for job_id in (JOB, second) for status in ("queued", "succeeded")
        }

    def test_an_upload_that_nobody_has_noticed_yet_is_waited_for(self, signed_in: Terminal, world: World) -> None:
        world.tracks = [answers.track("awaiting_upload")]
        really = world.told.answer
        asked = iter(range(100))

        def later(request: Any) -> Any:
            if request.path == f"/v1/jobs/{JOB}" and next(asked) == 2:
                world.jobs[JOB] = [answers.job("succeeded")]
            return really(request)

        world.told.answer = later
        result = signed_in("jobs", JOB, "--watch")
        assert result.exit_code == 0, result.output
        assert "waiting for the upload to be noticed" in result.stderr

    def test_a_job_of_nobody_is_not_waited_for(self, signed_in: Terminal, world: World) -> None:
        assert signed_in.json("jobs", JOB, "--watch", exit_code=5)["problem"]["code"] == "job.not_found"

    @pytest.mark.parametrize("job_id", ["job_1", TRACK, "../tracks", "job_" + "0" * 25 + "/"])
    def test_an_id_that_is_none_is_not_sent(self, signed_in: Terminal, world: World, job_id: str) -> None:
        assert signed_in.json("jobs", job_id, exit_code=2)["problem"]["code"] == "id.invalid"
        assert world.asked("GET /v1") == []


@pytest.fixture
def made(world: World) -> World:
    """Given a job that has made all there is."""
    render = answers.render() | {"size_bytes": 5000}
    world.tracks = [answers.track("ready")]
    world.jobs[JOB] = [answers.job("succeeded", render=render)]
    world.files = {"render": b"music" * 1000, "certificate": b"{}", "analysis": b"{}", "peaks": b"{}"}
    world.names = {"render": "Song.mp3", "certificate": "Song.certificate.json", "analysis": "Song.analysis.json"}
    return world


def here() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


class TestDownload:
    @pytest.mark.parametrize("of", [JOB, TRACK])
    def test_all_of_it_by_job_or_by_track(self, signed_in: Terminal, made: World, of: str) -> None:
        document = signed_in.json("download", of, "--out", "new/folder")
        assert here() == {f"new/folder/{name}" for name in made.names.values()}
        found = {file["kind"]: file for file in document["files"]}
        assert found["render"]["sha256"] == hashlib.sha256(made.files["render"]).hexdigest()
        assert Path(found["render"]["path"]).read_bytes() == made.files["render"]

    def test_only_what_is_named(self, signed_in: Terminal, made: World) -> None:
        assert signed_in("download", JOB, "--certificate").exit_code == 0
        assert here() == {"Song.certificate.json"}

    def test_what_a_job_did_not_make(self, signed_in: Terminal, made: World) -> None:
        del made.files["render"]
        assert signed_in.json("download", JOB, "--render", exit_code=1)["problem"]["code"] == "job.not_made"

    def test_a_track_whose_jobs_have_not_succeeded(self, signed_in: Terminal, made: World) -> None:
        made.jobs[JOB] = [answers.job("running")]
        problem = signed_in.json("download", TRACK, exit_code=1)["problem"]
        assert problem["code"] == "job.not_succeeded"
        assert JOB in problem["mend"]

    def test_the_newest_render_of_a_track_comes_before_a_newer_analysis(self, signed_in: Terminal, made: World) -> None:
        newer = f"job_{'0' * 25}9"
        made.jobs = {newer: [answers.job("succeeded", job_id=newer)], **made.jobs}
        assert signed_in.json("download", TRACK, "--render")["job_id"] == JOB

    def test_a_file_that_is_there_stays_unless_forced(self, signed_in: Terminal, made: World) -> None:
        Path("Song.mp3").write_bytes(b"mine")
        result = signed_in("download", JOB)
        assert (result.exit_code, here()) == (2, {"Song.mp3"})
        assert Path("Song.mp3").read_bytes() == b"mine"
        assert signed_in("download", JOB, "--force").exit_code == 0
        assert Path("Song.mp3").read_bytes() == made.files["render"]

    @pytest.mark.parametrize(("said", "status"), [(True, 0), (False, 2)])
    def test_somebody_who_sits_there_is_asked_before_a_file_is_replaced(
        self, signed_in: Terminal, made: World, monkeypatch: pytest.MonkeyPatch, said: bool, status: int
    ) -> None:
        Path("Song.mp3").write_bytes(b"mine")
        monkeypatch.setattr("tonearm_cli.output.Output.can_ask", True)
        monkeypatch.setattr("typer.confirm", lambda *_, **__: said)
        assert signed_in("download", JOB, "--render").exit_code == status
        assert Path("Song.mp3").read_bytes() == (made.files["render"] if said else b"mine")

    @pytest.mark.parametrize(("options", "status"), [([], 2), (["--force"], 0)])
    def test_a_file_that_appears_while_it_is_downloaded_is_replaced_by_force_alone(
        self, signed_in: Terminal, made: World, monkeypatch: pytest.MonkeyPatch, options: list[str], status: int
    ) -> None:
        # Given somebody who makes a file of that name while the render comes
        monkeypatch.setattr("tonearm_cli.display.Step.at", lambda *_: Path("Song.mp3").write_bytes(b"mine"))
        # When
        result = signed_in("download", JOB, "--render", *options)
        # Then
        assert result.exit_code == status, result.output
        assert ("file.exists" in result.stderr) is (status == 2)
        assert Path("Song.mp3").read_bytes() == (b"mine" if status else made.files["render"])
        assert here() == {"Song.mp3"}

    def test_a_render_of_another_size_is_not_kept(self, signed_in: Terminal, made: World) -> None:
        made.files["render"] = b"less"
        problem = signed_in.json("download", JOB, "--render", exit_code=1)["problem"]
        assert (problem["code"], problem["value"], problem["limit"]) == ("download.size_differs", 4, 5000)
        assert here() == set()

    @pytest.mark.parametrize(
        "said", ["../../escaped.mp3", "/tmp/escaped.mp3", "..", "", ".", "a/b.mp3", ".bashrc", "x\x1b[2J\n.mp3"]
    )
    def test_a_name_never_leads_elsewhere(self, signed_in: Terminal, made: World, said: str, tmp_path: Path) -> None:
        made.names["render"] = said
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        document = signed_in.json("download", JOB, "--render", "--out", "in")
        new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
        assert [path.parent for path in new] == [(tmp_path / "work" / "in")]
        name = new.pop().name
        assert name == Path(document["files"][0]["path"]).name
        assert not name.startswith(".")
        assert name.isprintable()

    def test_files_of_one_name_do_not_overwrite_each_other(self, signed_in: Terminal, made: World) -> None:
        # Given a server that calls all files alike, as some disks see it
        made.names = {"render": "Song.mp3", "certificate": "song.MP3", "analysis": "Song.mp3"}
        made.files["certificate"], made.files["analysis"] = b"promises", b"figures"
        document = signed_in.json("download", JOB)
        kept = {file["kind"]: Path(file["path"]).read_bytes() for file in document["files"]}
        assert kept == {kind: made.files[kind] for kind in ("render", "certificate", "analysis")}
        assert here() == {"Song.mp3", "song-2.MP3", "Song-3.mp3"}

    def test_a_link_that_stands_there_is_replaced_and_not_followed(
        self, signed_in: Terminal, made: World, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere").write_bytes(b"mine")
        Path("Song.mp3").symlink_to(tmp_path / "elsewhere")
        assert signed_in("download", JOB, "--render").exit_code == 2
        assert signed_in("download", JOB, "--render", "--force").exit_code == 0
        assert (tmp_path / "elsewhere").read_bytes() == b"mine"
        assert not Path("Song.mp3").is_symlink()

    def test_an_interrupted_download_leaves_nothing(
        self, signed_in: Terminal, made: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("tonearm_cli.display.Step.at", interrupted)
        result = signed_in("download", JOB, "--render")
        assert result.exit_code == 130
        assert here() == set()

    def test_a_disk_that_is_full_leaves_nothing(self, signed_in: Terminal, made: World) -> None:
        done = subprocess.run(
            [TONEARM, "download", JOB, "--render"],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
        )
        assert done.returncode == 1, done.stderr
        assert "file.no_space" in done.stderr
        assert here() == set()

    def test_long_names_keep_their_ending(self) -> None:
        name = file_name("é" * 300 + ".certificate.json", "other")
        assert len(name.encode()) <= 200
        assert name.endswith(".json")
        assert file_name("x" * 300, "other") == "x" * 200


class TestRenderOfATrack:
    """`tonearm render TRACK_ID OUT`."""

    @pytest.fixture
    def ready(self, made: World) -> World:
        """Given a track whose next job goes through its stages."""
        made.files["certificate"] = json.dumps(answers.certificate()).encode()
        succeeded = made.jobs[JOB][0]
        made.jobs[JOB] = [answers.job("queued"), answers.job(stage="transform", percent=60), succeeded]
        return made

    def test_it_is_ordered_followed_and_fetched(self, signed_in: Terminal, ready: World) -> None:
        result = signed_in("render", TRACK, "higher.mp3", "--pitch", "+2", "--bitrate", "192")
        assert result.exit_code == 0, result.output
        order = ready.asked("POST /v1/jobs")[0]
        assert order.json["track_id"] == TRACK
        assert order.json["recipe"]["operations"] == [{"type": "pitch", "semitones": 2.0, "formants": "move"}]
        assert order.json["recipe"]["output"]["bitrate_kbps"] == 192
        assert "Idempotency-Key" in order.headers
        assert here() == {"higher.mp3"}
        assert Path("higher.mp3").read_bytes() == ready.files["render"]
        assert f"{JOB}  transform: 60 %" in result.stderr
        assert "higher.mp3  5.0 kB  20.000 s" in result.stdout
        assert "duration" in result.stdout
        # Nothing was uploaded
        assert not ready.asked("POST /bucket") + ready.asked("POST /v1/tracks")

    def test_programs_get_one_document(self, signed_in: Terminal, ready: World) -> None:
        document = signed_in.json("render", TRACK, "out.mp3", "--recipe", "tempo=1.1")
        assert (document["out"], document["track_id"], document["job_id"]) == ("out.mp3", TRACK, JOB)
        assert document["size_bytes"] == 5000
        assert document["certificate"] == answers.certificate()
        assert document["recipe"]["operations"][0]["factor"] == 1.1

    def test_other_tracks_are_named_by_their_ids(self, signed_in: Terminal, ready: World) -> None:
        other = TRACK[:-2] + "zz"
        assert signed_in("render", TRACK, "duet.mp3", "--mix", f"{other}:gain=-3").exit_code == 0
        mixed = ready.asked("POST /v1/jobs")[0].json["recipe"]["operations"][0]
        assert mixed["tracks"][0]["track_id"] == other
        Path("voice.wav").touch()
        document = signed_in.json("render", TRACK, "other.mp3", "--mix", "voice.wav:gain=-3", exit_code=2)
        assert document["problem"]["code"] == "id.invalid"

    @pytest.mark.parametrize("status", ["validating", None])
    def test_a_track_that_is_not_ready_or_not_there(
        self, signed_in: Terminal, ready: World, status: str | None
    ) -> None:
        ready.tracks = [answers.track(status)] if status else []
        document = signed_in.json("render", TRACK, "out.mp3", exit_code=3 if status else 5)
        assert document["problem"]["code"] == ("track.not_ready" if status else "track.not_found")
        assert here() == set()

    def test_a_job_that_fails_is_told_and_leaves_what_was_there(self, signed_in: Terminal, ready: World) -> None:
        ready.jobs[JOB] = [answers.job("failed", problem=answers.problem("recipe.too_long"))]
        Path("out.mp3").write_text("old")
        assert signed_in.json("render", TRACK, "out.mp3", exit_code=2)["problem"]["code"] == "file.exists"
        assert not ready.asked("POST /v1/jobs")
        document = signed_in.json("render", TRACK, "out.mp3", "--force", exit_code=3)
        assert document["problem"]["code"] == "recipe.too_long"
        assert Path("out.mp3").read_text() == "old"

    @pytest.mark.parametrize(("options", "status", "there"), [([], 2, b"mine"), (["--force"], 0, None)])
    def test_a_file_that_appears_meanwhile_is_replaced_by_force_alone(
        self, signed_in: Terminal, ready: World, options: list[str], status: int, there: bytes | None
    ) -> None:
        # Given somebody who makes a file of that name while the job runs
        ready.while_running = lambda: Path("out.mp3").write_bytes(b"mine")
        # When
        result = signed_in("render", TRACK, "out.mp3", *options)
        # Then
        assert result.exit_code == status, result.output
        assert ("file.exists" in result.stderr) is (status == 2)
        assert Path("out.mp3").read_bytes() == (there or ready.files["render"])
        assert here() == {"out.mp3"}

    @pytest.mark.parametrize(
        "certificate",
        [
            b"\xff\xfe no text",
            b"",
            b"null",
            b"[1]",
            b"{}",
            b'{"promises": NaN}',
            b'{"engine_version": "1", "kept": true, "promises": [{"name": 1}]}',
            b'{"engine_version": "1", "kept": true, "promises": []}',
        ],
    )
    def test_a_certificate_that_cannot_be_read_is_told(
        self, signed_in: Terminal, ready: World, certificate: bytes
    ) -> None:
        ready.files["certificate"] = certificate
        problem = signed_in.json("render", TRACK, "out.mp3", exit_code=1)["problem"]
        assert (problem["code"], problem["value"]) == ("certificate.unreadable", JOB)
        assert problem["mend"]
        assert not ready.asked("GET /files/render")
        assert here() == set()

    def test_a_certificate_of_a_newer_engine_is_handed_on_whole(self, signed_in: Terminal, ready: World) -> None:
        newer = answers.certificate() | {"odour": "none"}
        newer["promises"][0]["sigma"] = 0.1
        ready.files["certificate"] = json.dumps(newer).encode()
        assert signed_in.json("render", TRACK, "out.mp3")["certificate"] == newer

    def test_a_render_that_broke_its_promise_is_not_fetched(self, signed_in: Terminal, ready: World) -> None:
        broken = answers.certificate() | {"kept": False}
        broken["promises"][1] |= {"kept": False, "measured": -23.5}
        ready.files["certificate"] = json.dumps(broken).encode()
        result = signed_in("render", TRACK, "out.mp3")
        assert result.exit_code == 1
        assert "NO" in result.stdout
        assert "tempo promises level -20.0 ± 1.0 LUFS, measured -23.5" in " ".join(result.stderr.split())
        document = signed_in.json("render", TRACK, "out.mp3", exit_code=1)
        assert document["problem"]["code"] == "certificate.level"
        assert document["certificate"] == broken
        assert not ready.asked("GET /files/render")
        assert here() == set()

    def test_a_job_that_made_nothing_is_told(self, signed_in: Terminal, ready: World) -> None:
        ready.jobs[JOB] = [answers.job("succeeded", render=answers.render() | {"size_bytes": 0})]
        problem = signed_in.json("render", TRACK, "out.mp3", exit_code=1)["problem"]
        assert (problem["code"], problem["value"]) == ("job.not_made", JOB)
        assert problem["mend"]
        assert here() == set()

    def test_it_is_always_certified(self, signed_in: Terminal, ready: World) -> None:
        document = signed_in.json("render", TRACK, "out.mp3", "--no-certify", exit_code=2)
        assert document["problem"]["value"] == "--no-certify"
        assert not ready.asked("POST /v1/jobs")

    def test_a_file_of_that_name_is_a_file(self, signed_in: Terminal, ready: World) -> None:
        Path(TRACK).write_bytes(b"no song")
        assert signed_in("render", TRACK, "out.mp3").exit_code == 3
        assert not ready.asked("POST /v1/jobs")

    def test_nobody_who_is_not_signed_in(self, tonearm: Terminal) -> None:
        assert tonearm.json("render", TRACK, "out.mp3", exit_code=4)["problem"]["code"] == "auth.not_signed_in"


def test_a_deployment_that_is_down_is_told(signed_in: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm_cli.client._FIRST_WAIT_S", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        kept = json.loads(signed_in.credentials.read_text())
        kept["deployment"]["api_url"] = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        signed_in.credentials.write_text(json.dumps(kept))
        result = signed_in("tracks")
    assert result.exit_code == 6
    assert "does not answer" in result.stderr


def test_nothing_is_coloured_where_no_terminal_is(signed_in: Terminal, made: World) -> None:
    said = [signed_in(*command).output for command in (["tracks"], ["jobs"], ["download", JOB])]
    assert not [text for text in said if "\x1b" in text]


def test_on_a_narrow_terminal_ids_stay_whole(signed_in: Terminal, made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm_cli.output._WIDE", 80)
    assert JOB in signed_in("jobs").stdout
    assert TRACK in signed_in("tracks").stdout


@pytest.mark.parametrize("columns", ["", "40", "80"])
def test_a_pipe_gets_a_row_in_one_line_however_wide_the_terminal_is(
    signed_in: Terminal, made: World, columns: str
) -> None:
    said = signed_in("jobs", COLUMNS=columns).stdout.splitlines()
    assert len(said) == 2
    assert JOB in said[1]
    assert "mp3, 20.0 s" in said[1]
