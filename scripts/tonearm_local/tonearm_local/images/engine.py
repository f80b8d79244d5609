"""A container engine: the machine's own, or a private one that lasts as long as somebody uses it.

The private one is a Docker daemon below `.tonearm/engine/` that answers on a Unix socket and nowhere else. It has no
bridge and no firewall rules: what it runs has no network, or for a build the machine's. It keeps its images, so that
nothing is built twice. Whoever uses it holds a shared lock, which ends with the process that holds it; the daemon is
stopped by the last one to let go.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tonearm_local.errors import StackError
from tonearm_local.paths import local_folder
from tonearm_local.processes import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Seconds.
_ANSWER_LIMIT_S = 20.0
_START_LIMIT_S = 60.0
_STOP_GRACE_S = 30.0
# The longest address of a Unix socket, and how much of it the daemon needs below its folder.
_SOCKET_ADDRESS_BYTES = 107
_BELOW_RUN_FOLDER = len("/exec/containerd/containerd.sock.ttrpc")
_UNIX = "unix://"
# Docker 23 moved the builder out of the client.
_FIRST_WITHOUT_BUILDER = 23


class NoEngine(StackError):
    """This machine has no container engine and cannot start one; the message says what is missing."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no container engine: {why}")


class EngineError(StackError):
    """The engine refused a command."""


@dataclass(frozen=True)
class Engine:
    """A container engine on this machine.

    Attributes:
        client: the `docker` executable, one that can build images on its own or by its plugin.
        host: the engine's socket, `unix:///…`.
        private: whether it is this checkout's own.
    """

    client: Path
    host: str
    private: bool = False

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command line of a docker command."""
        return [str(self.client), "--host", self.host, *map(str, arguments)]

    def run(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None, limit_s: float | None = None
    ) -> str:
        """Run a docker command and return what it printed. Raises EngineError with what the engine said.

        Args:
            arguments: of the command line, after the engine's address.
            environment: variables beside those of this process.
            limit_s: seconds it may take.
        """
        whole = client_environment() | dict(environment or {})
        try:
            done = subprocess.run(
                self.command(*arguments), capture_output=True, text=True, check=False, env=whole, timeout=limit_s
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"docker {arguments[0]} did not end within {limit_s:g} s.") from None
        if done.returncode != 0:
            raise EngineError(f"docker {arguments[0]} failed: {_last_lines(done.stderr or done.stdout)}")
        return done.stdout.strip()

    def remove(self, *names: str) -> None:
        """Remove containers, running or not; one that is already gone, or going, is left to that."""
        if names:
            subprocess.run(
                self.command("rm", "--force", "--volumes", *names),
                capture_output=True,
                check=False,
                env=client_environment(),
            )

    def containers(self, label: str) -> list[str]:
        """Return the ids of all containers with a label, `key` or `key=value`, running or not."""
        return self.run("ps", "--all", "--quiet", "--filter", f"label={label}", limit_s=_ANSWER_LIMIT_S).split()


def client_environment() -> dict[str, str]:
    """Return this process's environment without what would send docker to another engine."""
    names = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
    return {name: value for name, value in os.environ.items() if name not in names}


@contextmanager
def borrowed_engine(root: Path) -> Iterator[Engine]:
    """Lend a container engine: the machine's own when it answers, otherwise a private one.

    Args:
        root: the checkout; the private engine lies in its `.tonearm/`.

    Raises NoEngine.
    """
    found = machine_engine()
    if found is not None:
        yield found
        return
    with private_engine_of(root).used() as engine:
        yield engine


def private_engine_of(root: Path) -> PrivateEngine:
    """Return the private engine of a checkout, running or not."""
    return PrivateEngine(local_folder(root) / "engine")


def machine_engine() -> Engine | None:
    """Return the engine that DOCKER_HOST or docker's own settings name, when it is on this machine and answers."""
    for client in _clients():
        host = os.environ.get("DOCKER_HOST") or _said_by(
            [str(client), "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
        )
        if host and host.startswith(_UNIX):
            engine = Engine(client, host)
            if _said_by(engine.command("info", "--format", "{{.ServerVersion}}")):
                return engine
    return None


class PrivateEngine:
    """A Docker daemon of this checkout's own."""

    def __init__(self, folder: Path) -> None:
        """Describe it; nothing is started. `folder` holds its images, log and pid file."""
        self.folder = folder
        self._data = folder / "data"
        # A socket's address is short, a checkout's path need not be.
        self._run_link = folder / "run"
        self._daemon = Daemon(
            name="container engine",
            pid_file=folder / "dockerd.json",
            log=folder / "dockerd.log",
            marker=f"--data-root={self._data}",
        )

    @contextmanager
    def used(self) -> Iterator[Engine]:
        """Lend the engine, started if need be; stop it afterwards unless somebody else uses it. Raises NoEngine."""
        with self.hold():
            yield self.started()
        self.stop_if_unused()

    def hold(self) -> IO[str]:
        """Return a lock that keeps the engine running while it is open, and this process lives."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        held = (self.folder / "users").open("w")
        fcntl.flock(held, fcntl.LOCK_SH)
        return held

    def started(self) -> Engine:
        """Return the running engine; to be called by whoever holds it. Raises NoEngine with what is missing."""
        client = _client_and_daemon()
        with (self.folder / "starting").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if self._daemon.pid is None:
                self._start()
            engine = Engine(client, f"{_UNIX}{self._run_link.resolve()}/docker.sock", private=True)
            ready = self._daemon.wait_until(
                lambda: bool(_said_by(engine.command("info", "--format", "{{.ServerVersion}}"))),
                limit_s=_START_LIMIT_S,
            )
            if not ready:
                self._stop()
                raise NoEngine(f"dockerd does not start here; its log says:\n{self._daemon.last_lines()}")
        return engine

    def stop_if_unused(self) -> bool:
        """Stop the daemon unless somebody holds it; True when it does not run afterwards."""
        if not self.folder.is_dir():
            return True
        with (self.folder / "users").open("w") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._stop()
        return True

    def _start(self) -> None:
        self._clear_run_folder()
        run = Path(tempfile.mkdtemp(prefix="tonearm-engine-")).resolve()
        if len(os.fsencode(run)) + _BELOW_RUN_FOLDER > _SOCKET_ADDRESS_BYTES:
            run.rmdir()
            raise NoEngine(f"The temporary folder {run.parent} is too long a path for a socket; set TMPDIR to /tmp.")
        self._run_link.symlink_to(run)
        settings = self.folder / "daemon.json"
        settings.write_text("{}")
        command = [
            _daemon() or "dockerd",
            f"--data-root={self._data}",
            f"--exec-root={run / 'exec'}",
            f"--pidfile={run / 'dockerd.pid'}",
            f"--host={_UNIX}{run / 'docker.sock'}",
            # What the machine's own daemon is told is not for this one.
            f"--config-file={settings}",
            # Containers have no network, and a build has the machine's: nothing here touches its firewall.
            "--bridge=none",
            "--iptables=false",
            "--ip-forward=false",
            "--ip-masq=false",
        ]
        self._daemon.start(command, environment=client_environment(), key="")

    def _stop(self) -> None:
        self._daemon.stop(grace_s=_STOP_GRACE_S)
        self._clear_run_folder()

    def _clear_run_folder(self) -> None:
        if self._run_link.is_symlink():
            shutil.rmtree(self._run_link.resolve(), ignore_errors=True)
            self._run_link.unlink()


def _client_and_daemon() -> Path:
    """Return the client, when all that a private engine needs is here. Raises NoEngine with what is missing."""
    clients = _clients()
    missing = []
    if not clients:
        missing.append("docker client that can build images")
    if _daemon() is None:
        missing.append("dockerd")
    if os.geteuid() != 0:
        missing.append("root, to start dockerd")
    if missing:
        mend = "Start Docker, or set DOCKER_HOST to its socket, or as root: apt-get install docker.io."
        raise NoEngine(f"none answers, and there is no {', no '.join(missing)}. {mend}")
    return clients[0]


def _daemon() -> str | None:
    return shutil.which("dockerd", path=_search_path())


def _search_path() -> str:
    # What only root runs need not be on PATH.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _clients() -> list[Path]:
    """Return the docker clients on PATH that can build: those before 23 by themselves, later ones by a plugin."""
    found = []
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        client = Path(folder or ".") / "docker"
        if not os.access(client, os.X_OK) or client.is_dir():
            continue
        version = re.search(r"version (\d+)", _said_by([str(client), "--version"]))
        builds_itself = version is not None and int(version[1]) < _FIRST_WITHOUT_BUILDER
        if builds_itself or _said_by([str(client), "buildx", "version"]):
            found.append(client)
    return found


def _said_by(command: Sequence[str]) -> str:
    """Return what a command printed, or nothing when it failed or did not end in time."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ANSWER_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _last_lines(text: str, count: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
