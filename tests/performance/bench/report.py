"""What a run found, as JSON, as the page docs/benchmarks.md, and as plots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.performance.bench import plots
from tests.performance.bench.measure import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
PUBLISHED = PLOTS / "results.json"
_BEGIN, _END = "<!-- figures: begin (written by make bench) -->", "<!-- figures: end -->"
TITLES = {
    "analyze": "Analyze: everything in one decode",
    "accuracy": "Tempo, beats and key",
    "change": "Tempo and pitch",
    "spatial": "8D to MP3",
    "master": "Master",
    "cores": "MP3 on n cores",
    "memory": "Memory over length",
    "fuzz": "Mutated files",
}
Results = dict[str, Any]
_SIGNS = {"met": "met", "missed": "**missed**", "no bar": "–", "not measured": "**not measured**"}


def load(path: Path) -> Results:
    """Results of an earlier run; empty where there are none."""
    if not path.exists():
        return {"jobs": {}}
    found: Results = json.loads(path.read_text())
    return found


def save(path: Path, results: Results) -> None:
    """Write results, and the page and its plots where they are the published ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if path.resolve() == PUBLISHED:
        publish(results)


def publish(results: Results) -> None:
    """Write the figures into the page, between its marks, and draw the plots.

    Raises:
        ValueError: the page has lost its marks.
    """
    drawn = draw(results)
    for name, svg in drawn.items():
        (PLOTS / name).write_text(svg)
    page = PAGE.read_text()
    if _BEGIN not in page or _END not in page:
        raise ValueError(f"{PAGE} lacks the line {_BEGIN} or {_END}")
    before, after = page.split(_BEGIN)[0], page.split(_END)[1]
    PAGE.write_text(f"{before}{_BEGIN}\n\n{markdown(results, drawn)}\n{_END}{after}")


def number(value: float | None) -> str:
    """Three figures, and no more than there are."""
    if value is None:
        return "–"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row's cells: what, ours, bar, verdict, peer, theirs, ratio, note."""
    unit = f" {row['unit']}" if row["unit"] else ""

    def told(value: float | None) -> str:
        return number(value) + (unit if value is not None else "")

    theirs = told(row["theirs"]) if row["peer"] else ""
    return (row["what"], told(row["ours"]), row["bar"], row["verdict"], row["peer"], theirs, row["ratio"], row["note"])


def markdown(results: Results, drawn: Mapping[str, str]) -> str:
    """The tables of all jobs."""
    lines = ["![CPU of a five-minute song](benchmarks/cpu.svg)", ""] if "cpu.svg" in drawn else []
    for name in [job for job in TITLES if job in results["jobs"]]:
        job = results["jobs"][name]
        machine = job["machine"]
        lines += [f"### {TITLES[name]}", ""]
        lines += ["| | ours | bar | | peer | peer's | ratio | |", "|---|---|---|---|---|---|---|---|"]
        for row in job["rows"]:
            what, ours, bar, verdict, *rest = cells(row)
            lines.append("| " + " | ".join((what, ours, bar, _SIGNS[verdict], *rest)) + " |")
        lines += [
            "",
            *_extra(name, job),
            *(f"![{TITLES[name]}](benchmarks/{plot})\n" for plot in drawn if plot == f"{name}.svg"),
        ]
        lines += [
            f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB.",
            f"Python {machine['python']}, engine version {job['engine_version']}.",
            "",
        ]
    return "\n".join(lines)


def _extra(name: str, job: Mapping[str, Any]) -> list[str]:
    details = job["details"]
    if name == "accuracy":
        return _by_style(details)
    if name == "change":
        return _engines(details)
    return []


def _by_style(details: Mapping[str, Any]) -> list[str]:
    """Each style's beats and tempi, program by program: an average hides where a tracker fails."""
    programs = {program: told["each"] for program, told in details["scores"].items() if "each" in told}
    groups: dict[str, list[int]] = {}
    for index, clip in enumerate(details["clips"]):
        groups.setdefault(clip["style"] if clip["motion"] in {"steady", "rubato"} else clip["motion"], []).append(index)
    lines = [
        "| clips | " + " | ".join(f"{program}: beat F, Acc1, key" for program in programs) + " |",
        "|---" * (len(programs) + 1) + "|",
    ]
    for group, members in groups.items():
        row = [f"{group.replace('_', ' ')} ({len(members)})"]
        for each in programs.values():
            clips = [each[index] for index in members]
            f = sum(clip["beat_f"] for clip in clips) / len(clips)
            tempi, keys = sum(clip["acc1"] for clip in clips), sum(clip["key_score"] == 1 for clip in clips)
            row.append(f"{f:.2f}, {tempi}, {keys}")
        lines.append("| " + " | ".join(row) + " |")
    return [*lines, ""]


def _engines(details: Mapping[str, Any]) -> list[str]:
    lines = []
    for kind, title in (("tempo", "Tempo × 1.1"), ("pitch", "Pitch + 2 semitones")):
        lines += [
            f"| {title} | CPU s | MB | LMD mid / side | cents | clicks | image | samples off |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for program, told in details[kind].items():
            costs, quality = told["costs"], told["quality"]
            if costs["failed"] or "failed" in quality:
                lines.append(f"| {program} | failed: {costs['failed'] or quality['failed']} | | | | | | |")
                continue
            lines.append(
                f"| {program} | {costs['cpu_s']:.1f} | {costs['peak_mb']:.0f} | {quality['lmd_mid']:.2f} /"
                f" {quality['lmd_side']:.2f} | {quality['cents']:.2f} | {quality['clicks']:.2f} |"
                f" {quality['image']:+.3f} | {quality['samples_off']} |"
            )
        lines.append("")
    return lines


def draw(results: Results) -> dict[str, str]:
    """The plots that the results give, by file name."""
    jobs, drawn = results["jobs"], {}
    groups = {
        title: group
        for title, group in (
            ("analyze, everything", _cpu(jobs, "analyze", "programs")),
            ("8D to MP3", _cpu(jobs, "spatial", "programs")),
            ("tempo × 1.1", _changers(jobs, "tempo")),
            ("pitch + 2", _changers(jobs, "pitch")),
            ("master by reference", _cpu(jobs, "master", "")),
        )
        if group
    }
    if groups:
        drawn["cpu.svg"] = plots.bars("CPU of a five-minute song", groups, "s")
    if "change" in jobs:
        told = {
            name: (each["costs"]["cpu_s"], each["quality"]["lmd_mid"])
            for name, each in jobs["change"]["details"]["tempo"].items()
            if not each["costs"]["failed"] and "lmd_mid" in each["quality"]
        }
        if told:
            drawn["change.svg"] = plots.scatter(
                "Tempo × 1.1: cost and distance to the true render", told,
                "CPU seconds for five minutes", "log-mel distance (mid), dB",
            )  # fmt: skip
    if "memory" in jobs:
        table = jobs["memory"]["details"]["peak_mb_by_minutes"]
        series = {
            _program(name): sorted((float(minutes), mb) for minutes, mb in row.items())
            for name, row in table.items()
            if row
        }
        drawn["memory.svg"] = plots.lines("Peak memory over length", series, "minutes of music", "MB")
    return drawn


def _program(task: str) -> str:
    return task if task.startswith(("librosa", "8D recipe")) else f"tonearm {task}"


def _cpu(jobs: Mapping[str, Any], job: str, within: str) -> dict[str, float]:
    if job not in jobs:
        return {}
    programs = jobs[job]["details"][within] if within else jobs[job]["details"]
    names = ("floor", "tonearm", "librosa", "essentia", "8D recipe", "matchering")
    return {name: programs[name]["cpu_s"] for name in names if programs.get(name, {}).get("cpu_s")}


def _changers(jobs: Mapping[str, Any], kind: str) -> dict[str, float]:
    if "change" not in jobs:
        return {}
    programs = jobs["change"]["details"][kind]
    return {name: each["costs"]["cpu_s"] for name, each in programs.items() if each["costs"]["cpu_s"]}
