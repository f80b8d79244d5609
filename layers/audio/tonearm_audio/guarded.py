"""Probe a file that nobody has looked into yet, in a process of its own that is ended when it takes too much.

A decoder is a large program that reads what a stranger wrote. Here it can loop, eat memory or crash without harm: it
has a share of processor time, of memory and of patience, opens few files, writes none that is large, and learns nothing
of this process that opens a door. What it has started ends with it. What it did not survive is refused like anything
else, with value, limit and mend. Run as a program, this module is that process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tonearm_audio.decode import Limits
from tonearm_audio.errors import AudioError, refusals_of
from tonearm_audio.probe import Probe, probe

_OPEN_FILES = 64
_LARGEST_WRITTEN_BYTES = 1 << 30
"""What an installed ffmpeg may make of a file that the engine does not read itself."""
_MEMORY_ENDED = 12
"""Exit status of a process that could not get memory."""
_HANDED_OVER = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR")
"""What the process is told of this one's environment: where programs lie, and nothing that opens a door."""


@dataclass(frozen=True)
class Budget:
    """What looking into one file may take.

    Attributes:
        cpu_s: processor time.
        wall_s: time until it is ended, however little it does.
        memory_bytes: address space of the process; a probe of any file takes some 140 MB.
    """

    cpu_s: int = 60
    wall_s: float = 120.0
    memory_bytes: int = 1 << 30

    @classmethod
    def for_duration(cls, max_duration_s: float) -> Budget:
        """Some ten times what the slowest format takes at the longest duration, which is 7 ms a second."""
        cpu_s = 15 + round(0.07 * min(max_duration_s, 24 * 3600.0))
        return cls(cpu_s=cpu_s, wall_s=2.0 * cpu_s)


def guarded_probe(path: Path, *, limits: Limits, budget: Budget | None = None) -> Probe:
    """Decode a file from end to end in a process of its own and say what it holds.

    Args:
        path: the file; its name plays no part.
        limits: what it may be.
        budget: what looking may take; by default in proportion to the longest duration.

    Raises:
        AudioError: any `track.*` code, with the value, the limit and the mend; `track.too_costly` when the budget did
            not suffice, `track.unreadable` when a decoder crashed.
        OSError: the file cannot be opened.
    """
    with path.open("rb"):
        pass  # What cannot be opened is told here, where there is somebody to tell.
    budget = budget or Budget.for_duration(limits.max_duration_s)
    order = json.dumps({"path": os.fsencode(path).hex(), "limits": asdict(limits), "budget": asdict(budget)})
    with refusals_of(path):
        return _answer(_run([sys.executable, "-I", "-m", "tonearm_audio.guarded"], order.encode(), budget), budget)


def _run(command: list[str], order: bytes, budget: Budget) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a session of its own, so that what it has started ends when it does."""
    environment = {name: os.environ[name] for name in _HANDED_OVER if name in os.environ}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
    ) as process:
        try:
            out, told = process.communicate(order, budget.wall_s)
        except subprocess.TimeoutExpired:
            raise _too_costly(f"{budget.wall_s:g} s", f"{budget.wall_s:g} s", "time") from None
        finally:
            # Nobody of it is left in most cases.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(command, process.returncode, out, told)


def _answer(done: subprocess.CompletedProcess[bytes], budget: Budget) -> Probe:
    if done.returncode == 0:
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise AudioError(**answer["error"])
        return Probe(**answer["probe"])
    # The kernel sends the first at the limit, and the second a second later.
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_costly(f"more than {budget.cpu_s} s", f"{budget.cpu_s} s", "processor time")
    if done.returncode == _MEMORY_ENDED:
        limit = f"{budget.memory_bytes / 1e6:.0f} MB"
        raise _too_costly(f"more than {limit}", limit, "memory")
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise AudioError(
            "track.unreadable",
            f"This file crashes its decoder ({name}); a sound file does not.",
            value=name,
            limit="a file that can be decoded",
            mend="It is damaged or was made to do harm. Export it again as WAV or FLAC.",
        )
    raise RuntimeError(f"the probe ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")


def _too_costly(value: str, limit: str, what: str) -> AudioError:
    return AudioError(
        "track.too_costly",
        f"Looking into this file took {value} of {what}; the limit is {limit}.",
        value=value,
        limit=limit,
        mend="It is damaged or was made to be costly. Export it again as WAV or FLAC.",
    )


def _restrict(budget: Budget) -> None:
    """Take no more than the budget from here on."""
    import resource  # noqa: PLC0415  (not on every platform that can read this module)

    for kind, amount in (
        (resource.RLIMIT_CPU, budget.cpu_s),
        (resource.RLIMIT_AS, budget.memory_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, _LARGEST_WRITTEN_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, highest = resource.getrlimit(kind)
        lowered = amount if highest == resource.RLIM_INFINITY else min(amount, highest)
        # A second more until it is killed, so that the reason can be told from another kill.
        resource.setrlimit(kind, (lowered, lowered + 1 if kind == resource.RLIMIT_CPU else lowered))


def _main() -> int:
    """Read the order from standard input, restrict this process, and print the answer as JSON."""
    order = json.load(sys.stdin)
    _restrict(Budget(**order["budget"]))
    try:
        found = probe(Path(os.fsdecode(bytes.fromhex(order["path"]))), limits=Limits(**order["limits"]))
        print(json.dumps({"probe": asdict(found)}))  # noqa: T201  (its answer)
    except AudioError as error:
        told = {"code": error.code, "detail": error.detail, "value": error.value}
        told |= {"limit": error.limit, "mend": error.mend}
        print(json.dumps({"error": told}))  # noqa: T201  (its answer)
    except MemoryError:
        return _MEMORY_ENDED
    return 0


if __name__ == "__main__":
    sys.exit(_main())
