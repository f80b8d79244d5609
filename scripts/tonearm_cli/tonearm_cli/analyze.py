"""`tonearm analyze`: what a file is and how it sounds, measured on this machine by the workflow's own engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonearm_cli.errors import refusing
from tonearm_cli.files import require_file
from tonearm_cli.output import AsJson, Quiet, command, plain, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console


def analyze(
    source: Annotated[Path, typer.Argument(metavar="IN", readable=False, help="An audio file.", show_default=False)],
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a file: duration, tempo, loudness, true peak. Needs neither a cloud nor a network.

    With --json it prints the analysis.json that the workflow keeps.
    """
    with command(as_json=as_json, quiet=quiet) as output:
        require_file(source)
        from tonearm.adapters.audio import TonearmAudio
        from tonearm_audio.decode import Source

        with refusing(f"{source} was refused"), output.steps.step("Analyzing") as step:
            name = plain(source.name)
            analysed = TonearmAudio().analyze(source, on_progress=lambda part: step.at(f"{name}: {part:.0%}", part))
            step.came_to(name)
        with Source(source) as opened:
            encoding = f"{opened.container}, {opened.codec}"
        document = analysed.document
        output.answer(document, lambda console: _show(console, document, encoding))


def _show(console: Console, analysis: Mapping[str, Any], encoding: str) -> None:
    loudness, tempo = analysis["loudness"], analysis["tempo_bpm"]
    rows = {
        "duration": f"{analysis['duration_s']:.3f} s",
        "tempo": "no pulse" if tempo is None else f"{tempo:.2f} BPM",
        "confidence": f"{analysis['tempo_confidence']:.2f}",
        "loudness": _figure(loudness["integrated_lufs"], "LUFS"),
        "loudness range": _figure(loudness["range_lu"], "LU"),
        "true peak": _figure(loudness["true_peak_dbtp"], "dBTP"),
        "sample rate": f"{analysis['sample_rate_hz']:,} Hz",
        "channels": f"{analysis['channels']}",
        "encoding": encoding,
    }
    shown = table("", "")
    shown.show_header = False
    for title, value in rows.items():
        shown.add_row(title, value)
    console.print(shown)


def _figure(value: float | None, unit: str) -> str:
    return "silence" if value is None else f"{value:.2f} {unit}"
