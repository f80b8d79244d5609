"""A function's container as Lambda would run it: its limits, its disk, its user, its network.

    container = Container.opened(engine, image_id, limits, ports=(9001, 4566), scratch=folder, labels={...})
    command = container.command("functions.notify.handler.handler", variables)   # runs it in the foreground
    ...
    container.close()

What AWS promises is in the Lambda developer guide, under "Lambda quotas" and "Create a Lambda function using a
container image": a read-only root, /tmp of the size that was asked for, 1,024 processes and threads, 1,024 open files,
memory as configured and processors in proportion to it, and a user that owns nothing.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm_local.images import relay
from tonearm_local.images.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tonearm_local.images.engine import Engine

# On every container of ours: whose it is. On those of a stack: what it runs.
STACK_LABEL = "tonearm.stack"
FUNCTION_LABEL = "tonearm.function"
# Memory that brings one whole processor.
MB_PER_PROCESSOR = 1769
_PROCESSES = 1024
_OPEN_FILES = 1024
_USER = "10001:10001"
_SHARED = "/run/tonearm"
_RELAY_MEMORY_MB = 64
_LIMIT_S = 30.0
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Limits:
    """What a function may use.

    Attributes:
        memory_mb: MiB, as Lambda counts its MB.
        ephemeral_mb: size of /tmp, MiB.
    """

    memory_mb: int
    ephemeral_mb: int

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Limits:
        """Read them from a function's configuration, as Lambda's API words it."""
        return cls(configuration["MemorySize"], configuration.get("EphemeralStorage", {}).get("Size", 512))

    @property
    def processors(self) -> float:
        """How many processors, of those that this machine has."""
        return min(os.cpu_count() or 1, self.memory_mb / MB_PER_PROCESSOR)

    def options(self) -> list[str]:
        """Return the options of `docker run`."""
        return [
            "--read-only",
            f"--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size={self.ephemeral_mb}m",
            f"--memory={self.memory_mb}m",
            # No swap on top.
            f"--memory-swap={self.memory_mb}m",
            f"--cpus={self.processors:.3f}",
            f"--pids-limit={_PROCESSES}",
            f"--ulimit=nofile={_OPEN_FILES}:{_OPEN_FILES}",
            *_NOBODY,
        ]


_NOBODY = [f"--user={_USER}", "--cap-drop=ALL", "--security-opt=no-new-privileges"]


@dataclass(frozen=True)
class Container:
    """The place of one execution environment: a network with a relay in it, ready for the function."""

    engine: Engine
    image_id: str
    limits: Limits
    name: str
    labels: Mapping[str, str]
    _relay: relay.Relay = field(repr=False)

    @classmethod
    def opened(
        cls,
        engine: Engine,
        image_id: str,
        limits: Limits,
        *,
        ports: Iterable[int],
        scratch: Path,
        labels: Mapping[str, str],
    ) -> Container:
        """Make the network, with its way out.

        Args:
            engine: runs the containers.
            image_id: image of the function; its Python runs the relay too.
            limits: of the function.
            ports: of this machine's 127.0.0.1 that the function may reach, at the same address.
            scratch: an empty folder of the caller's own, for sockets.
            labels: put on both containers.

        Raises EngineError when the engine cannot run it.
        """
        ports = tuple(ports)
        name = f"tonearm-{secrets.token_hex(6)}"
        # Whoever may come into its parent may come in, so its parent must be the owner's alone.
        scratch.chmod(0o711)
        passing = relay.Relay(scratch, ports)
        made = cls(engine, image_id, limits, name, labels, passing)
        program = Path(relay.__file__).read_text()
        with ExitStack() as undone:
            undone.callback(made.close)
            engine.run(
                "run",
                "--detach",
                "--rm",
                f"--name={made._relay_name}",
                "--network=none",
                f"--volume={scratch}:{_SHARED}:ro",
                "--read-only",
                f"--memory={_RELAY_MEMORY_MB}m",
                *_NOBODY,
                *made._label_options(),
                "--entrypoint=python",
                image_id,
                "-c",
                program,
                _SHARED,
                *map(str, ports),
                limit_s=_LIMIT_S,
            )
            if not passing.wait_until_open(_LIMIT_S):
                raise EngineError("The relay of a function's container did not come up; see `docker logs`.")
            undone.pop_all()
        return made

    @property
    def _relay_name(self) -> str:
        return f"{self.name}-relay"

    def command(self, handler: str, variables: Iterable[str], *more: str) -> list[str]:
        """Return the command that runs the function in the foreground, its output that of the command.

        Args:
            handler: dotted path, the command of the image.
            variables: names; their values are those of the environment that the command is run with, so that no
                secret is on a command line.
            more: further options of `docker run`.
        """
        return self.engine.command(
            "run",
            "--rm",
            # The container is removed by name; signals to the client are the client's.
            "--sig-proxy=false",
            f"--name={self.name}",
            f"--network=container:{self._relay_name}",
            *self.limits.options(),
            *self._label_options(),
            *(f"--env={name}" for name in variables),
            *more,
            self.image_id,
            handler,
        )

    def peak_mb(self) -> float | None:
        """Return the most memory that the function's process has held so far, MiB; None when it does not run."""
        try:
            status = self.engine.run("exec", self.name, "cat", "/proc/1/status", limit_s=_LIMIT_S)
        except EngineError:
            return None
        found = _PEAK.search(status)
        return int(found[1]) / 1024 if found else None

    def close(self) -> None:
        """Remove both containers, whatever they are at, and the way out."""
        self.engine.remove(self.name, self._relay_name)
        self._relay.close()

    def _label_options(self) -> list[str]:
        return [f"--label={key}={value}" for key, value in self.labels.items()]
