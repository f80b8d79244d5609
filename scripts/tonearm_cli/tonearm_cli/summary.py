"""What the demo and a render end with: what the song was, what it became, and which promises were kept, in figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from tonearm_cli.output import plain, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from tonearm_cli.client import Render

_AT_MOST = frozenset({"clipping", "dynamics", "mono", "true_peak"})


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
    certificate: Mapping[str, Any]

    @classmethod
    def read(cls, render: Render, folder: Path, render_file: Path, render_sha256: str) -> Made:
        """Read what was downloaded into a folder."""
        analysis, certificate = (
            json.loads((folder / f"{name}.json").read_text()) for name in ("analysis", "certificate")
        )
        return cls(render, render_file, render_sha256, analysis, certificate)


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


def show_render(console: Console, out: Path, duration_s: float, certificate: Mapping[str, Any] | None) -> None:
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
    promises = {promise["name"]: promise for promise in made.certificate["promises"]}
    table.add_row("loudness", _figure(loudness["integrated_lufs"], "LUFS"), _change(promises))
    peak = promises.get("true_peak", {}).get("measured")
    table.add_row(
        "true peak", _figure(loudness["true_peak_dbtp"], "dBTP"), "" if peak is None else _figure(peak, "dBTP")
    )
    return table


def promises_table(certificate: Mapping[str, Any]) -> Table:
    """What was promised, what was measured, and whether it was kept."""
    table = _table("promise", "made by", "expected", "measured", "tolerance", "kept")
    for promise in certificate["promises"]:
        unit = promise["unit"]
        measured = _figure(promise["measured"], unit) if promise["measured"] is not None else promise.get("note", "-")
        table.add_row(
            promise["name"],
            # Several together make most of the promises of a long recipe, and a terminal is narrow.
            "all" if "+" in promise["operation"] else promise["operation"],
            _figure(promise["expected"], unit),
            measured,
            _tolerance(promise),
            "yes" if promise["kept"] else "NO",
        )
    return table


def _tolerance(promise: Mapping[str, Any]) -> str:
    if promise["name"] in _AT_MOST:
        return f"+ {promise['tolerance']:g} at most" if promise["tolerance"] else "at most"
    return f"± {promise['tolerance']:g}" if promise["tolerance"] else "exact"


def _change(promises: Mapping[str, Mapping[str, Any]]) -> str:
    """How much louder the render is, in the unit in which its certificate compares the two."""
    level = promises.get("loudness") or promises.get("level")
    if level is None or level["measured"] is None or level["expected"] is None:
        return "none"
    return f"{level['measured'] - level['expected']:+.2f} dB"


def _table(first: str, *others: str) -> Table:
    # Why something was not measured can be long; on a narrow terminal it gives way, and no figure does.
    return table(first, *others, right=others, whole=tuple(name for name in others if name != "measured"))


def _figure(value: float | str | None, unit: str) -> str:
    if value is None:
        return "none"
    return (
        f"{value:,.10g} {unit}"
        if isinstance(value, int | float) and float(value).is_integer()
        else f"{value:.2f} {unit}"
    )
