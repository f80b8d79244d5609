"""The command line as an engineer uses it against a deployment: the real command, on the real stack."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import soundfile

from tests.support.command import TONEARM
from tests.support.person import PASSWORD, Person
from tonearm_local.stack import Outputs

pytestmark = pytest.mark.stack


class Tonearm:
    """The command in a folder, with a home of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        self._environment = {**os.environ, "TONEARM_HOME": str(home), "TONEARM_PASSWORD": PASSWORD}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TONEARM, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def json(self, *arguments: str, exit_code: int = 0) -> dict[str, object]:
        done = self(*arguments, "--json")
        assert done.returncode == exit_code, done.stdout + done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture
def tonearm(tmp_path: Path) -> Tonearm:
    folder = tmp_path / "some where"
    folder.mkdir()
    return Tonearm(folder, tmp_path / "home")


def test_from_login_to_logout(tonearm: Tonearm, stack: Outputs, ada: Person, song: Path) -> None:
    # Given Ada, who signs in
    signed_in = tonearm.json("login", "--api", stack.edge_url, "--email", ada.email)
    assert signed_in["user_id"] == ada.owner_id
    # When she uploads a song and a picture
    (tonearm.folder / "cover.mp3").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    uploads = tonearm.json("upload", str(song), "cover.mp3", "--recipe", "tempo=1.25,format=flac")["uploads"]
    assert isinstance(uploads, list)
    job_id, rejected = uploads[0]["job_id"], uploads[1]["job_id"]
    # Then she can watch what happens
    watched = tonearm("jobs", "--watch", job_id, "--json")
    assert watched.returncode == 0, watched.stdout + watched.stderr
    moments = [json.loads(line) for line in watched.stdout.splitlines()]
    assert moments[-1]["status"] == "succeeded"
    assert moments == sorted(moments, key=lambda moment: moment["percent"])
    # And is told what was wrong with the picture
    refused = tonearm("jobs", "--watch", rejected)
    assert refused.returncode == 3
    assert "track.not_audio" in refused.stderr
    # And gets what was made, once, to the byte that the certificate speaks of
    files = tonearm.json("download", job_id, "--out", "here")["files"]
    assert isinstance(files, list)
    render = next(tonearm.folder / file["path"] for file in files if file["kind"] == "render")
    assert {file["kind"] for file in files} == {"render", "certificate", "analysis"}
    assert render.stat().st_size == moments[-1]["render"]["size_bytes"]
    assert soundfile.info(render).frames == round(soundfile.info(song).frames / 1.25)
    assert tonearm("download", job_id, "--out", "here").returncode == 2
    # And the same comes of the same recipe without any cloud
    local = tonearm.json("render", str(song), "local.flac", "--tempo", "1.25")
    assert local["pcm_sha256"] == moments[-1]["render"]["pcm_sha256"]
    assert (tonearm.folder / "local.flac").read_bytes() == render.read_bytes()
    analysis = next(tonearm.folder / file["path"] for file in files if file["kind"] == "analysis")
    assert tonearm("analyze", str(song), "--json").stdout.rstrip("\n") == analysis.read_text()
    # And after signing out nothing of her is left
    assert tonearm.json("whoami")["email"] == ada.email
    assert job_id in tonearm("jobs").stdout
    assert tonearm("logout").returncode == 0
    assert tonearm("tracks").returncode == 4
    assert [path for path in tonearm.home.rglob("*") if path.is_file()] == []


def test_a_login_that_was_revoked_elsewhere_asks_for_a_new_one(tonearm: Tonearm, stack: Outputs, ada: Person) -> None:
    # Given a login whose access token has ended, and whose refresh token was revoked on another machine
    tonearm.json("login", "--api", stack.edge_url, "--email", ada.email)
    file = tonearm.home / "credentials" / "default.json"
    kept = json.loads(file.read_text())
    kept["expires_at"] = "2020-01-01T00:00:00Z"
    other = Tonearm(tonearm.folder, tonearm.home.with_name("other"))
    (other.home / "credentials").mkdir(parents=True, mode=0o700)
    (other.home / "credentials" / "default.json").write_text(file.read_text())
    assert other("logout").returncode == 0
    file.write_text(json.dumps(kept))
    # When
    done = tonearm("tracks")
    # Then
    assert done.returncode == 4
    assert "tonearm login" in done.stderr
    assert kept["refresh_token"] not in done.stdout + done.stderr


def test_an_access_token_that_has_ended_is_renewed(tonearm: Tonearm, stack: Outputs, ada: Person) -> None:
    tonearm.json("login", "--api", stack.edge_url, "--email", ada.email)
    file = tonearm.home / "credentials" / "default.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "expires_at": "2020-01-01T00:00:00Z"}))
    assert tonearm("tracks").returncode == 0
    assert json.loads(file.read_text())["access_token"] != kept["access_token"]
