"""Rows, tables and plots of the benchmark: bars are judged, and what is missing is named."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.performance.bench import __main__ as bench_main
from tests.performance.bench import measure, peers, plots, report
from tests.performance.bench.jobs import Bench, fuzz
from tests.performance.bench.measure import Run
from tests.performance.bench.rows import Found, Row, at_least, at_most, less, summary, times_less
from tests.support.mutations import Broken
from tests.support.person import wait_until

MACHINE = {"date": "2026-01-02", "processor": "A chip", "cores": 2, "memory_gib": 4.0, "python": "3.11.1"}


def job(*rows: Row, **details: object) -> dict[str, Any]:
    told = [row.to_dict() for row in rows]
    return {"machine": MACHINE, "engine_version": "9", "quick": False, "took_s": 7, "rows": told, "details": details}


def test_a_bar_is_met_at_its_very_limit_and_nothing_measured_is_no_success() -> None:
    assert at_most("CPU", "s", 1.5, 1.5).verdict == "met"
    assert at_most("CPU", "s", 1.51, 1.5).verdict == "missed"
    assert at_least("speed", "×", 1.6, 1.6).verdict == "met"
    assert at_least("speed", "×", 1.59, 1.6).verdict == "missed"
    assert at_most("CPU", "s", None, 1.5).verdict == "not measured"
    assert times_less("CPU", 2.0, 16.0, 8, peer="librosa").verdict == "met"
    assert times_less("CPU", 2.0, 15.0, 8, peer="librosa").verdict == "missed"
    assert times_less("CPU", 2.0, None, 8, peer="librosa").verdict == "not measured"
    assert Row("CPU", "s", 2.0).verdict == "no bar"
    assert less(2.0, 9.2) == "4.6×"
    assert less(None, 9.2) == ""


def test_medians_are_of_all_runs_and_one_failure_fails_them() -> None:
    runs = [Run(cpu_s=cpu, imports_cpu_s=0.5, peak_mb=cpu * 10) for cpu in (3.0, 1.0, 2.0)]

    assert summary(runs).cpu_s == 2.0
    assert summary(runs).work_cpu_s == 1.5
    assert summary(runs).peak_mb == 20.0
    failed = summary([*runs, Run(failed="no such codec")])
    assert (failed.cpu_s, failed.failed) == (None, "no such codec")


def test_a_program_is_measured_and_its_failure_told_by_its_last_line() -> None:
    done = measure.run("ours", "version")
    missing = measure.run("ours", "juggle")

    assert done.failed == ""
    assert done.values["engine_version"]
    assert 0 < done.imports_cpu_s <= done.cpu_s
    assert 10 < done.peak_mb < 300
    assert "KeyError: 'juggle'" in missing.failed


def test_missing_peers_are_told_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a machine without uv
    monkeypatch.setattr(peers.shutil, "which", lambda _: None)
    monkeypatch.setattr(peers, "ROOT", tmp_path)

    python, why = peers.install(tmp_path / "peers")

    assert why.startswith("not installed: ")
    bench = Bench(tmp_path, python, why, quick=True, cores=1, say=print)
    assert bench.peer("librosa_peer", "analyze", source="song.mp3") == Run(failed=why)


def test_damaged_files_are_counted_and_one_that_breaks_the_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_into(folder: Path, first: int, count: int) -> dict[str, Any]:
        assert len(list(folder.glob("original-*"))) > 5
        if first in broken:
            raise Broken(f"hung at mutation {first + 3}:\nand so on")
        return {"said": {"accepted": 10, "track.broken": count - 10}, "slowest_s": 0.5, "grown_mb": 1.5}

    monkeypatch.setattr("tests.performance.bench.jobs.look_into", look_into)
    broken: set[int] = set()
    told: list[str] = []
    bench = Bench(Path(), Path(), "", quick=False, cores=2, say=told.append)

    whole = fuzz(bench)
    broken.add(13_000)
    missed = fuzz(bench)

    assert (whole.rows[0].ours, whole.rows[0].verdict) == (10_000, "met")
    assert whole.rows[0].note.startswith("100 read, the others refused with 1 codes; slowest 0.5 CPU s")
    assert (missed.rows[0].ours, missed.rows[0].verdict) == (9_000, "missed")
    assert missed.rows[0].note == "hung at mutation 13003:"
    assert len(told) == 20
    # A look says nothing about ten thousand, but for what breaks
    quick = replace(bench, quick=True)
    assert fuzz(quick).rows[0].verdict == "no bar"
    broken.add(10_100)
    assert fuzz(quick).rows[0].verdict == "missed"


def test_an_interruption_ends_what_is_measured_and_what_it_started(tmp_path: Path) -> None:
    # Given a program that has started another one
    began = tmp_path / "began"
    program = (
        f"import subprocess as s; p = s.Popen(['sleep', '60']); open({str(began)!r}, 'w').write(str(p.pid)); p.wait()"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
    python.chmod(0o755)
    found: list[Run] = []
    thread = threading.Thread(target=lambda: found.append(measure.run("ours", "version", python=python)))
    thread.start()
    wait_until("the job runs", lambda: began.exists() and began.read_text(), every_s=0.01)

    measure.stop_all()
    thread.join(20)

    assert not thread.is_alive()
    assert found[0].failed
    status = Path(f"/proc/{began.read_text()}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()


def results_of(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["bench", *options])
    monkeypatch.setattr(bench_main, "ROOT", folder)
    monkeypatch.setattr(bench_main, "_sources", lambda: "abc")
    monkeypatch.setattr(peers, "install", lambda _: (Path(), ""))
    monkeypatch.setattr(bench_main.signal, "signal", lambda *_: None)
    return bench_main.main()


def test_a_run_that_was_interrupted_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def job_named(name: str) -> Callable[[Bench], Found]:
        def measured(_: Bench) -> Found:
            asked.append(name)
            if name == "cores" and asked.count("cores") == 1:
                raise KeyboardInterrupt
            return Found([at_most(name, "s", 1.0, 2)], {})

        return measured

    monkeypatch.setattr(bench_main, "JOBS", {name: job_named(name) for name in ("spatial", "cores", "fuzz")})
    out = tmp_path / "results.json"

    assert results_of(monkeypatch, tmp_path, "--out", str(out)) == 130
    assert not out.exists()
    assert results_of(monkeypatch, tmp_path, "--out", str(out)) == 0

    assert asked == ["spatial", "cores", "cores", "fuzz"]
    assert list(json.loads(out.read_text())["jobs"]) == ["spatial", "cores", "fuzz"]
    assert not list((tmp_path / "build" / "bench").glob("unfinished*"))
    assert "going on after an interrupted run, which found: spatial" in capsys.readouterr().out
    # A chosen job joins what was found before
    assert results_of(monkeypatch, tmp_path, "--out", str(out), "--only", "fuzz") == 0
    assert list(json.loads(out.read_text())["jobs"]) == ["spatial", "cores", "fuzz"]
    assert asked[-1] == "fuzz"


def test_the_page_gets_the_figures_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n{report._BEGIN}\nold figures\n{report._END}\nAfter\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "PLOTS", tmp_path)
    monkeypatch.setattr(report, "PUBLISHED", tmp_path / "results.json")
    rows = (
        at_most("peak memory", "MB", 66.0, 64, peer="pydub", theirs=1074.0, ratio="16.3×"),
        at_most("CPU", "s", None, 5, note="the engine has no operation Master"),
    )
    table = {"analyze": {"5": 80.0, "180": 81.0}, "librosa analysis": {"5": 800.0, "10": 1600.0}}
    results = {"jobs": {"spatial": job(*rows, programs={}), "memory": job(peak_mb_by_minutes=table)}}

    report.save(tmp_path / "results.json", results)

    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nAfter\n")
    assert "old figures" not in text
    assert "| peak memory | 66 MB | ≤ 64 | **missed** | pydub | 1,074 MB | 16.3× |  |" in text
    assert "| CPU | – | ≤ 5 | **not measured** |  |  |  | the engine has no operation Master |" in text
    assert "![Memory over length](benchmarks/memory.svg)" in text
    assert json.loads((tmp_path / "results.json").read_text()) == results
    ElementTree.parse(tmp_path / "memory.svg")  # noqa: S314  (written a moment ago)
    # And again: nothing piles up
    report.save(tmp_path / "results.json", results)
    assert page.read_text() == text


def test_a_page_without_marks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# Nothing here\n")
    monkeypatch.setattr(report, "PAGE", page)
    with pytest.raises(ValueError, match="lacks the line"):
        report.publish({"jobs": {}})


def test_bars_are_longer_for_more_and_names_do_not_overlap() -> None:
    svg = ElementTree.fromstring(plots.bars("CPU", {"analyze": {"tonearm": 1.0, "librosa": 10.0}}, "s"))  # noqa: S314  (our own)
    widths = [float(rect.get("width", 0)) for rect in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[0] < widths[1]

    points = {"one": (1.0, 2.0), "other": (1.01, 2.0), "third": (1.02, 1.99), "far": (9.0, 5.0)}
    scatter = ElementTree.fromstring(plots.scatter("LMD", points, "CPU", "LMD"))  # noqa: S314  (our own)
    places = [
        (float(text.get("x", 0)), float(text.get("y", 0)), 7 * len(text.text or ""))
        for text in scatter.iter("{http://www.w3.org/2000/svg}text")
        if text.text in points
    ]
    assert len(places) == 4
    for index, (x, y, width) in enumerate(places):
        for other_x, other_y, other_width in places[:index]:
            assert abs(y - other_y) >= 12 or x + width <= other_x or other_x + other_width <= x
