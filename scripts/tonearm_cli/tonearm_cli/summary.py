"""What the demo and a render end with: what the song was, what it became, and which promises were kept, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from tonearm_cli.output import plain, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from tonearm.domain.certificate import Certificate, Promise
    from tonearm_cli.client import Render


@dataclass(frozen=True)
class Made:
    """What came out of the system.

    Attributes:
        render_sha256: of the file as it was downloaded.
    """

    render: Render
    render_file: Path
    render_sha256: str
    analysis: Mapping[str, Any]
    certificate: Certificate


def show(console: Console, made: Made) -> None:
    """Print the tables."""
    console.print()
    console.print(_song(made))
    console.print()
    console.print(promises_table(made.certificate))
    console.print()
    size = decimal(made.render.size_bytes)
    console.print(f"{made.render_file}  {size}  sha256 {made.render_sha256}", soft_wrap=True, highlight=False)
    console.print(f"rendered PCM sha256 {made.render.pcm_sha256}", soft_wrap=True, highlight=False)


def show_render(console: Console, out: Path, duration_s: float, certificate: Certificate | None) -> None:
    """Print what a render promised and kept, where that was measured, and the file."""
    if certificate is not None:
        console.print(promises_table(certificate))
        console.print()
    size = decimal(out.stat().st_size)
    console.print(f"{plain(str(out))}  {size}  {duration_s:.3f} s", markup=False, soft_wrap=True)


def _song(made: Made) -> Table:
    before_s, after_s = float(made.analysis["duration_s"]), made.render.duration_s
    tempo, loudness = made.analysis["tempo_bpm"], made.analysis["loudness"]
    table = _table("", "song", "render")
    table.add_row("duration", f"{before_s:.3f} s", f"{after_s:.3f} s")
    # The render is not analysed again: its tempo follows from the two counted lengths.
    after = _figure(tempo * before_s / after_s if tempo else None, "BPM")
    table.add_row("tempo", _figure(tempo, "BPM"), after)
    promises = {promise.name: promise for promise in made.certificate.promises}
    table.add_row("loudness", _figure(loudness["integrated_lufs"], "LUFS"), _loudness(promises))
    peak = promises.get("true_peak")
    after = "" if peak is None or peak.measured is None else _figure(peak.measured, "dBTP")
    table.add_row("true peak", _figure(loudness["true_peak_dbtp"], "dBTP"), after)
    return table


def promises_table(certificate: Certificate) -> Table:
    """What was promised, what was measured, and whether it was kept."""
    table = _table("promise", "made by", "expected", "measured", "tolerance", "kept")
    for promise in certificate.promises:
        measured = plain(promise.note) if promise.measured is None else _figure(promise.measured, promise.unit)
        table.add_row(
            plain(promise.name),
            # Several together make most of the promises of a long recipe, and a terminal is narrow.
            "all" if "+" in promise.operation else plain(promise.operation),
            _figure(promise.expected, promise.unit),
            measured,
            _tolerance(promise),
            "yes" if promise.kept else "NO",
        )
    return table


def _tolerance(promise: Promise) -> str:
    if promise.at_most:
        return f"at most {promise.limit:g}"
    return f"± {promise.tolerance:g}" if promise.tolerance else "exact"


def _loudness(promises: Mapping[str, Promise]) -> str:
    """How loud the render is, or how well what it keeps of the song kept its level, where that alone is certified."""
    loudness, level = promises.get("loudness"), promises.get("level")
    if loudness is not None:
        return _figure(loudness.measured, loudness.unit)
    if level is None or level.measured is None or level.expected is None:
        return "none"
    return f"kept {level.measured - level.expected:+.2f} dB"


def _table(first: str, *others: str) -> Table:
    # Why something was not measured can be long; on a narrow terminal it gives way, and no figure does.
    return table(first, *others, right=others, whole=tuple(name for name in others if name != "measured"))


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    return f"{value:,.10g} {plain(unit)}" if float(value).is_integer() else f"{value:.2f} {plain(unit)}"
