"""Damaged recordings by the thousand, each made from a number, and what the engine says of each of them.

Run as a program it looks into a run of them, as a child that a test can outlive: `python -m tests.support.mutations
FOLDER FIRST COUNT` prints a JSON report. `look_into` runs it so. The folder holds what is damaged: `write_originals` in
recordings.py.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tonearm_audio import AudioError, Limits, probe

ROOT = Path(__file__).parents[2]
LIMITS = Limits(max_duration_s=600.0)
SLOWEST_S = 20
MEMORY_BYTES = 1 << 30
GROWTH_MB = 40.0


class Broken(Exception):
    """A damaged file ended the process, hung it, or made it grow; or its refusal could not be read."""


def look_into(folder: Path, first: int, count: int) -> dict[str, Any]:
    """Look into so many in one process, which must live through all of them; its report.

    Raises:
        Broken: it did not, or needed more and more memory.
    """
    command = [sys.executable, "-m", "tests.support.mutations", str(folder), str(first), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        numbers = [line for line in done.stderr.splitlines() if line.isdigit()]
        what = "hung" if done.returncode == -signal.SIGALRM else f"ended with {done.returncode}"
        raise Broken(f"{what} at mutation {numbers[-1] if numbers else '?'}:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    if report["grown_mb"] >= GROWTH_MB:
        raise Broken(f"grew by {report['grown_mb']} MB from mutation {first} to {first + count}")
    return report


def mutated(original: bytes, number: int, others: list[bytes]) -> bytes:
    """Damage a recording, always in the same way for the same number."""
    chance = random.Random(number)  # noqa: S311  (no secret)
    data = bytearray(original)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        _DAMAGES[chance.randrange(len(_DAMAGES))](data, chance, others)
    return bytes(data)


def _flip(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _flip_early(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    """Where headers are, a bit counts for more."""
    if data:
        data[min(int(chance.expovariate(1 / 60)), len(data) - 1)] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _lose(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.choice((1, 2, 4, 13, 400, 5000))]


def _repeat(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    part = data[start : start + chance.choice((4, 64, 4096))]
    data[start:start] = part * chance.choice((1, 1, 30))


def _number(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    """A size or a count that lies."""
    width = chance.choice((1, 2, 4, 8))
    if len(data) > width:
        at = min(int(chance.expovariate(1 / 400)), len(data) - width)
        value = chance.choice((0, 1, (1 << (8 * width)) - 1, 1 << (8 * width - 1), chance.randrange(1 << (8 * width))))
        data[at : at + width] = value.to_bytes(width, chance.choice(("big", "little")))


def _noise(data: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    length = min(chance.choice((16, 256, 4096)), len(data) - start)
    data[start : start + length] = chance.randbytes(length)


def _splice(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    other = others[chance.randrange(len(others))]
    at = chance.randrange(len(data) + 1)
    data[at:] = other[chance.randrange(len(other)) :]


_DAMAGES = (_flip, _flip_early, _flip_early, _cut, _lose, _repeat, _number, _number, _noise, _splice)


def _look(path: Path) -> str:
    """The code of a refusal, or "accepted"; a refusal that nobody could act on is an error."""
    try:
        probe(path, limits=LIMITS)
    except AudioError as error:
        if not (error.code.startswith("track.") and error.detail and error.mend):
            raise
        return error.code
    return "accepted"


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(folder: Path, first: int, count: int) -> dict[str, object]:
    """Look into the mutations `first` to `first + count` of every recording in a folder, in turn."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    originals = [path.read_bytes() for path in sorted(folder.glob("original-*"))]
    path = folder / f"mutated-{first}"
    said: Counter[str] = Counter()
    slowest_s, begun_mb = 0.0, 0.0
    for number in range(first, first + count):
        path.write_bytes(mutated(originals[number % len(originals)], number, originals))
        # Where it hangs or crashes, this line says at which number.
        print(number, file=sys.stderr, flush=True)  # noqa: T201  (what is read of it)
        signal.alarm(SLOWEST_S)
        begun = time.process_time()
        said[_look(path)] += 1
        slowest_s = max(slowest_s, time.process_time() - begun)
        signal.alarm(0)
        if number == first + count // 4:
            begun_mb = _resident_mb()
    path.unlink()
    grown_mb = round(_resident_mb() - begun_mb, 1)
    return {"said": dict(said), "slowest_s": round(slowest_s, 2), "grown_mb": grown_mb}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201  (what is read of it)
