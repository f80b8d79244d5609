"""`tonearm login`, `whoami`, `logout`: what is kept, for whom, and that no secret is shown."""

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.cli.world import EMAIL, PASSWORD, Terminal, World

SECRETS = ("access-", "refresh-0", PASSWORD)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_login_keeps_a_login_that_only_its_owner_can_read(tonearm: Terminal, world: World) -> None:
    # Given a umask that hides nothing
    before = os.umask(0)
    # When
    result = tonearm("login", "--api", f"{world.url}/", "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    os.umask(before)
    # Then
    assert result.exit_code == 0, result.output
    assert f"{EMAIL} is signed in to {world.url}" in result.stdout
    assert [mode(path) for path in (tonearm.home, tonearm.credentials.parent, tonearm.credentials)] == [
        0o700,
        0o700,
        0o600,
    ]
    assert [file.name for file in tonearm.credentials.parent.iterdir()] == ["default.json"]
    kept = json.loads(tonearm.credentials.read_text())
    assert kept["refresh_token"] == "refresh-0"
    assert PASSWORD not in tonearm.credentials.read_text()


def test_the_file_is_private_from_the_first_moment(
    tonearm: Terminal, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int, int]] = []
    really = os.open

    def watched(path: str | Path, flags: int, mode: int = 0o777, **more: int) -> int:
        opened.append((str(path), flags, mode))
        return really(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", watched)
    tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    made = [(flags, mode) for path, flags, mode in opened if "credentials" in path and flags & os.O_CREAT]
    assert [(bool(flags & os.O_EXCL), mode) for flags, mode in made] == [(True, 0o600)]


def test_no_secret_is_shown(tonearm: Terminal, world: World) -> None:
    said = [
        tonearm("login", "--api", world.url, "--email", EMAIL, "--json", TONEARM_PASSWORD=PASSWORD),
        tonearm("whoami"),
        tonearm("whoami", "--json"),
        tonearm("logout", "--json"),
        tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=f"{PASSWORD}!"),
    ]
    assert not [secret for secret in SECRETS for result in said if secret in result.output]


def test_whoami_asks_the_deployment(signed_in: Terminal, world: World) -> None:
    assert signed_in.json("whoami") == {
        "profile": "default",
        "email": EMAIL,
        "user_id": "sub-of-ada",
        "deployment": world.url,
        "tier": "free",
        "limits": {"max_upload_bytes": 104_857_600, "max_duration_s": 1200.0},
    }
    assert len(world.cognito("GetUser")) == 2
    assert "Tier free: files of up to 104.9 MB and 20 min." in signed_in("whoami").output


@pytest.mark.parametrize("arguments", [["whoami"], ["tracks"], ["jobs"], ["download", "job_" + "0" * 26]])
def test_without_a_login_every_command_says_how_to_sign_in(tonearm: Terminal, arguments: list[str]) -> None:
    result = tonearm(*arguments)
    assert result.exit_code == 4
    assert "Run `tonearm login`" in result.stderr
    assert tonearm.json(*arguments, exit_code=4)["problem"]["code"] == "auth.not_signed_in"


def test_a_wrong_password_is_told_and_nothing_is_kept(tonearm: Terminal, world: World) -> None:
    result = tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD="wrong")
    assert result.exit_code == 4
    assert "Incorrect username or password" in result.stderr
    assert not tonearm.home.exists()


def test_without_a_terminal_nobody_is_asked(tonearm: Terminal, world: World) -> None:
    nameless = tonearm("login", "--api", world.url)
    wordless = tonearm("login", "--api", world.url, "--email", EMAIL)
    assert (nameless.exit_code, wordless.exit_code) == (2, 2)
    assert "TONEARM_EMAIL" in nameless.stderr
    assert "TONEARM_PASSWORD" in wordless.stderr


def test_there_is_no_option_that_would_show_a_password_to_others(tonearm: Terminal) -> None:
    assert "--password" not in tonearm("login", "--help").stdout


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("http://studio.example", 2, "deployment.not_https"),
        ("studio", 2, "usage"),
        ("https://ada:secret@studio.example", 2, "usage"),
        ("http://127.0.0.1:9", 6, "deployment.unreachable"),
    ],
)
def test_an_address_that_will_not_do(tonearm: Terminal, address: str, status: int, code: str) -> None:
    found = tonearm.json("login", "--api", address, "--email", EMAIL, exit_code=status)["problem"]
    assert found["code"] == code
    assert found["mend"]


def test_a_website_of_something_else_is_told(tonearm: Terminal, world: World) -> None:
    world.config = {"name": "a blog"}
    problem = tonearm.json("login", "--api", world.url, "--email", EMAIL, exit_code=1)["problem"]
    assert problem["code"] == "deployment.unknown"


def test_a_deployment_that_would_have_the_password_in_the_open_is_refused(tonearm: Terminal, world: World) -> None:
    world.config["cognito_endpoint"] = "http://elsewhere.example"
    result = tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    assert result.exit_code == 2
    assert "not encrypted" in result.stderr
    assert world.cognito("InitiateAuth") == []


def test_a_login_that_others_can_read_is_not_used(signed_in: Terminal, world: World) -> None:
    signed_in.credentials.chmod(0o640)
    result = signed_in("whoami")
    assert result.exit_code == 4
    assert f"chmod 600 '{signed_in.credentials}'" in result.stderr
    # But it can be revoked
    assert signed_in("logout").exit_code == 0
    assert not signed_in.credentials.exists()
    assert world.refresh_tokens == set()


def test_a_login_that_others_can_change_does_not_say_where_a_password_goes(signed_in: Terminal, world: World) -> None:
    signed_in.credentials.chmod(0o620)
    result = signed_in("login", "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    assert result.exit_code == 4
    assert "credentials.exposed" in result.stderr
    assert len(world.cognito("InitiateAuth")) == 1
    # But who names the deployment gets a new file
    assert signed_in("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=PASSWORD).exit_code == 0
    assert mode(signed_in.credentials) == 0o600


def test_a_folder_in_which_others_could_put_a_login_is_not_used(signed_in: Terminal) -> None:
    signed_in.credentials.parent.chmod(0o770)
    assert signed_in.json("whoami", exit_code=4)["problem"]["code"] == "credentials.exposed"


def test_a_login_behind_a_link_is_not_followed(signed_in: Terminal, tmp_path: Path) -> None:
    signed_in.credentials.rename(tmp_path / "elsewhere.json")
    signed_in.credentials.symlink_to(tmp_path / "elsewhere.json")
    assert signed_in("whoami").exit_code == 1


def test_a_damaged_login_is_told_without_what_it_holds(signed_in: Terminal) -> None:
    signed_in.credentials.write_text('{"refresh_token": "refresh-0", "deployment": 7}')
    result = signed_in("whoami")
    assert result.exit_code == 4
    assert "damaged" in result.stderr
    assert "refresh-0" not in result.output


def test_a_token_is_renewed_before_it_ends(tonearm: Terminal, world: World) -> None:
    # Given a login whose token ends in a minute
    world.expires_in = 60
    tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    first = json.loads(tonearm.credentials.read_text())
    world.tokens.clear()
    world.expires_in = 3600
    # When
    assert tonearm("tracks").exit_code == 0
    # Then the first request had a new one already, and it is kept
    kept = json.loads(tonearm.credentials.read_text())
    assert [asked.headers["Authorization"] for asked in world.asked("GET /v1/tracks")] == [
        f"Bearer {kept['access_token']}"
    ]
    assert kept["access_token"] != first["access_token"]
    assert kept["refresh_token"] == first["refresh_token"]
    assert datetime.fromisoformat(kept["expires_at"]) > datetime.now(UTC)
    assert mode(tonearm.credentials) == 0o600


@pytest.mark.parametrize("arguments", [["tracks"], ["whoami"]])
def test_a_token_that_is_refused_is_renewed_once(signed_in: Terminal, world: World, arguments: list[str]) -> None:
    world.tokens.clear()
    assert signed_in(*arguments).exit_code == 0
    assert len(world.cognito("InitiateAuth")) == 2


def test_a_token_that_is_refused_again_ends_it(signed_in: Terminal, world: World) -> None:
    world.tokens = frozenset()  # type: ignore[assignment]  # takes no new one
    world.tokens = type("Nothing", (set,), {"add": lambda *_: None})()
    assert signed_in.json("tracks", exit_code=4)["problem"]["code"] == "auth.refused"
    assert len(world.asked("GET /v1/tracks")) == 2


def test_a_refresh_token_that_has_expired_asks_for_a_new_login(signed_in: Terminal, world: World) -> None:
    world.tokens.clear()
    world.refresh_tokens.clear()
    result = signed_in("tracks")
    assert result.exit_code == 4
    assert "Refresh Token has expired" in result.stderr
    assert "tonearm login" in result.stderr


def test_logout_revokes_and_deletes(signed_in: Terminal, world: World) -> None:
    result = signed_in("logout")
    assert (result.exit_code, world.refresh_tokens) == (0, set())
    assert not signed_in.credentials.exists()
    # And there is nothing left to do
    assert signed_in.json("logout") == {"profile": "default", "signed_out": False}


def test_logout_without_a_network_deletes_and_says_what_remains(signed_in: Terminal, world: World) -> None:
    kept = json.loads(signed_in.credentials.read_text())
    kept["deployment"]["cognito_endpoint"] = "http://127.0.0.1:9"
    signed_in.credentials.write_text(json.dumps(kept))
    result = signed_in("logout")
    assert result.exit_code == 6
    assert "was not revoked" in result.stderr
    assert not signed_in.credentials.exists()


def test_profiles_are_apart_and_chosen_by_option_or_environment(signed_in: Terminal, world: World) -> None:
    signed_in("login", "--api", world.url, "--email", EMAIL, "--profile", "work", TONEARM_PASSWORD=PASSWORD)
    assert json.loads(signed_in("whoami", "--json", TONEARM_PROFILE="work").stdout)["profile"] == "work"
    signed_in("logout", "--profile", "work")
    assert signed_in("whoami", "--profile", "work").exit_code == 4
    assert signed_in("whoami").exit_code == 0


@pytest.mark.parametrize("profile", ["../other", "", "a/b", ".hidden", "x" * 65])
def test_a_profile_is_a_name_and_no_path(tonearm: Terminal, profile: str) -> None:
    assert tonearm("whoami", "--profile", profile).exit_code == 2


def test_signing_in_again_goes_to_the_same_deployment(signed_in: Terminal, world: World) -> None:
    result = signed_in("login", "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    assert result.exit_code == 0, result.output
    assert world.url in result.stdout


def test_no_deployment_is_known(tonearm: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm_cli.deployment.laptop_runs", lambda _name: False)
    result = tonearm("login", "--email", EMAIL)
    assert result.exit_code == 2
    assert "--api URL" in result.stderr


def test_the_laptop_stack_is_taken_when_it_runs(
    tonearm: Terminal, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonearm_cli.deployment.laptop_runs", lambda _name: True)
    monkeypatch.setattr("tonearm_local.stack.Stack.edge_url", world.url)
    assert tonearm("login", "--email", EMAIL, TONEARM_PASSWORD=PASSWORD).exit_code == 0
    assert tonearm("login", "--laptop", "other", "--email", EMAIL, TONEARM_PASSWORD=PASSWORD).exit_code == 0
