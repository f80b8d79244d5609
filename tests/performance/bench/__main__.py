"""`python -m tests.performance.bench`: run the jobs, print every row, and write what was found."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.performance.bench import peers, report
from tests.performance.bench.jobs import JOBS, Bench
from tests.performance.bench.measure import ROOT, machine, run, stop_all

INTERRUPTED = 130


def main() -> int:
    """Run the benchmark; the status is 0 whatever bars were missed, because a figure is not an error."""
    asked = _asked()
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    partial = bool(asked.only) or asked.quick
    out = asked.out or (folder / "results.json" if partial else report.PUBLISHED)
    if asked.quick and out.resolve() == report.PUBLISHED:
        sys.stderr.write("tonearm: --quick gives figures for a look; they are not published.\n")
        return 2
    started = time.monotonic()

    def say(line: str) -> None:
        _tell(f"[{time.monotonic() - started:6.0f} s] {line}")

    signal.signal(signal.SIGTERM, _interrupted)
    try:
        results = _measured(asked, folder, out, say)
    except KeyboardInterrupt:
        stop_all()
        say("interrupted; the jobs that had ended are kept" + ("" if asked.only else ": run it again, and it goes on"))
        return INTERRUPTED
    _summarize(results)
    say(f"written to {out}")
    return 0


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _measured(asked: argparse.Namespace, folder: Path, out: Path, say: Callable[[str], None]) -> report.Results:
    """Run the jobs, and keep what each has found as soon as it has."""
    say("installing the peers into build/bench/peers, where they are not there yet")
    python, missing = peers.install(folder / "peers")
    if missing:
        say(f"the peers are missing: {missing}")
    here, engine = machine(), run("ours", "version")
    bench = Bench(folder, python, missing, asked.quick, len(os.sched_getaffinity(0)), say)
    # Chosen jobs join what was found before. A whole run is published at its end; one that was interrupted goes on,
    # unless something has changed since.
    whole = not asked.only
    kept = folder / f"unfinished-{_sources()}{'-quick' if asked.quick else ''}.json" if whole else out
    results = report.load(kept)
    if whole and results["jobs"]:
        say(f"going on after an interrupted run, which found: {', '.join(results['jobs'])}")
    for name in asked.only or [job for job in JOBS if job not in results["jobs"]]:
        say(f"--- {report.TITLES[name]}")
        began = time.monotonic()
        found = JOBS[name](bench)
        results["jobs"][name] = {
            "machine": here,
            "engine_version": engine.values.get("engine_version", engine.failed),
            "quick": asked.quick,
            "took_s": round(time.monotonic() - began),
            "rows": [row.to_dict() for row in found.rows],
            "details": found.details,
        }
        say(f"{name} took {results['jobs'][name]['took_s']} s")
        for row in found.rows:
            _tell("    " + " | ".join(cell for cell in report.cells(row.to_dict()) if cell))
        report.save(kept, results)
    if whole:
        report.save(out, results)
        for unfinished in folder.glob("unfinished-*.json"):
            unfinished.unlink()
    return results


def _sources() -> str:
    """A name for the state of the engine and of the benchmark: figures of two states are not mixed."""
    digest = hashlib.sha256()
    for folder in (ROOT / "layers" / "audio", Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".c", ".txt", ".toml", ".npz"} and "build" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=JOBS, metavar="JOB", help=f"one of {', '.join(JOBS)}; again for more"
    )
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, on the development corpus; never published"
    )
    parser.add_argument(
        "--out", type=Path, help="where the results go, as JSON; the published ones rewrite docs/benchmarks.md"
    )
    return parser.parse_args()


def _summarize(results: report.Results) -> None:
    rows = [row for job in results["jobs"].values() for row in job["rows"]]
    _tell("")
    for verdict in ("met", "missed", "not measured"):
        named = [row["what"] for row in rows if row["verdict"] == verdict]
        _tell(f"{verdict}: {len(named)}" + ("" if verdict == "met" or not named else f" ({'; '.join(named)})"))


if __name__ == "__main__":
    sys.exit(main())
