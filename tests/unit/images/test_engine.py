"""An engine is found, or what is missing is named; a private one lasts as long as somebody holds it."""

from __future__ import annotations

import os
import shutil
import stat
import textwrap
from typing import TYPE_CHECKING

import pytest

from tonearm_local.images import engine as engine_module
from tonearm_local.images.engine import Engine, EngineError, NoEngine, PrivateEngine, borrowed_engine, machine_engine

if TYPE_CHECKING:
    from pathlib import Path

# Answers as the client does, for the engine whose socket the file `answers` names.
CLIENT = """\
    #!/bin/sh
    case "$*" in
    --version) echo "Docker version {version}, build 1" ;;
    "buildx version") {buildx} ;;
    "context inspect"*) echo "unix://{folder}/default.sock" ;;
    *"unix://$(cat {folder}/answers 2>/dev/null) info"*) echo 20.10 ;;
    *" ps "*) echo "Cannot connect to the engine" >&2; exit 1 ;;
    *) exit 1 ;;
    esac
"""
# Runs until it is told to stop, and answers from then on when it was told where.
DAEMON = """\
    #!/bin/sh
    for argument; do case $argument in --host=unix://*) echo "${argument#--host=unix://}" >%s/answers ;; esac; done
    trap 'rm %s/answers; exit 0' TERM
    while :; do sleep 0.05; done
"""


def program(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(textwrap.dedent(text))
    file.chmod(0o755)


def client(folder: Path, version: str = "20.10.24", *, buildx: bool = False) -> None:
    text = CLIENT.format(version=version, buildx="echo v1" if buildx else "exit 1", folder=folder.parent)
    program(folder / "docker", text)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Given a machine with nothing but a shell, whose programs of docker lie in `bin`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("cat", "rm", "sleep"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(engine_module, "_search_path", lambda: str(programs))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path


def daemon(machine: Path) -> None:
    program(machine / "bin" / "dockerd", DAEMON % (machine, machine))


def test_the_machines_own_engine_is_used_when_it_answers(machine: Path) -> None:
    client(machine / "bin")
    (machine / "answers").write_text(f"{machine}/default.sock")
    with borrowed_engine(machine) as engine:
        assert engine == Engine(machine / "bin" / "docker", f"unix://{machine}/default.sock")
    assert not (machine / ".tonearm").exists()


def test_docker_host_says_where_the_engine_is(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client(machine / "bin")
    (machine / "answers").write_text("/else/where.sock")
    assert machine_engine() is None
    monkeypatch.setenv("DOCKER_HOST", "unix:///else/where.sock")
    assert machine_engine() == Engine(machine / "bin" / "docker", "unix:///else/where.sock")


def test_an_engine_on_another_machine_is_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its containers would not see this machine's sockets.
    client(machine / "bin")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert machine_engine() is None


@pytest.mark.parametrize(
    ("version", "buildx", "used"), [("20.10.24", False, True), ("28.2.2", False, False), ("28.2.2", True, True)]
)
def test_a_client_that_cannot_build_is_passed_over(machine: Path, version: str, buildx: bool, used: bool) -> None:
    client(machine / "bin", version, buildx=buildx)
    (machine / "answers").write_text(f"{machine}/default.sock")
    assert (machine_engine() is not None) == used


def test_what_is_missing_is_named_with_the_mend(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(NoEngine) as caught, borrowed_engine(machine):
        pass
    said = str(caught.value)
    for what in ("docker client that can build", "dockerd", "root", "DOCKER_HOST", "apt-get install docker.io"):
        assert what in said


def test_a_private_engine_runs_while_it_is_used(machine: Path) -> None:
    client(machine / "bin")
    daemon(machine)
    private = PrivateEngine(machine / "engine")
    with private.used() as engine:
        assert engine.private
        assert (machine / "answers").exists()
        socket_folder = (machine / "engine" / "run").resolve()
        assert engine.host == f"unix://{socket_folder}/docker.sock"
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    assert not (machine / "answers").exists()
    assert not socket_folder.exists()


def test_nobody_else_comes_near_the_roots_daemon(machine: Path) -> None:
    # Given its folder as anybody may enter it
    folder = machine / "engine"
    folder.mkdir()
    folder.chmod(0o755)
    # When it is used
    with PrivateEngine(folder).hold():
        # Then it is its owner's alone: images, log and what the daemon is told
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_is_stopped_by_the_last_who_lets_go(machine: Path) -> None:
    client(machine / "bin")
    daemon(machine)
    first, second = PrivateEngine(machine / "engine"), PrivateEngine(machine / "engine")
    held = second.hold()
    noted = machine / "engine" / "dockerd.json"
    with first.used() as engine:
        started = noted.read_text()
        assert second.started() == engine
    # Given that the first has let go, then the same daemon runs on for the second
    assert noted.read_text() == started
    assert (machine / "answers").exists()
    assert not second.stop_if_unused()
    held.close()
    assert second.stop_if_unused()
    assert not (machine / "answers").exists()


def test_a_daemon_that_does_not_start_is_told_with_its_log(machine: Path) -> None:
    client(machine / "bin")
    program(machine / "bin" / "dockerd", "#!/bin/sh\necho 'no cgroups here' >&2; exit 1\n")
    private = PrivateEngine(machine / "engine")
    with pytest.raises(NoEngine, match="no cgroups here"), private.used():
        pass
    assert not (machine / "engine" / "run").is_symlink()


def test_what_the_engine_says_is_told(machine: Path) -> None:
    client(machine / "bin")
    engine = Engine(machine / "bin" / "docker", "unix:///gone.sock")
    with pytest.raises(EngineError, match="docker ps failed: Cannot connect to the engine"):
        engine.containers("a=b")


def test_no_other_engine_is_reached_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.setenv(name, "else")
    assert engine_module.client_environment().items() <= os.environ.items()
    assert not any(name.startswith("DOCKER_") for name in engine_module.client_environment())
