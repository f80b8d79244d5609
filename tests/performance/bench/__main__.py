"""`python -m tests.performance.bench`: run the jobs, print every row, and write what was found."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.performance.bench import peers, report
from tests.performance.bench.jobs import JOBS, Bench
from tests.performance.bench.measure import ROOT, machine, run


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

    say("installing the peers into build/bench/peers, where they are not there yet")
    python, missing = peers.install(folder / "peers")
    if missing:
        say(f"the peers are missing: {missing}")
    here = machine()
    engine = run("ours", "operations")
    bench = Bench(folder, python, missing, asked.quick, len(os.sched_getaffinity(0)), say)
    # The jobs that were not asked for stay as they were found.
    results = report.load(out) if asked.only else {"jobs": {}}
    for name in asked.only or JOBS:
        say(f"--- {report.TITLES[name]}")
        found = JOBS[name](bench)
        results["jobs"][name] = {
            "machine": here,
            "engine_version": engine.values.get("engine_version", engine.failed),
            "quick": asked.quick,
            "rows": [row.to_dict() for row in found.rows],
            "details": found.details,
        }
        for row in found.rows:
            _tell("    " + " | ".join(cell for cell in report.cells(row.to_dict()) if cell))
        report.save(out, results)
    _summarize(results)
    say(f"written to {out}")
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=JOBS, metavar="JOB", help=f"one of {', '.join(JOBS)}; again for more"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, under three minutes; never published")
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
