"""`tonearm analyze`: what a file is and how it sounds, measured on this machine by the workflow's own engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonearm_cli.errors import WrongUse, refusing
from tonearm_cli.files import Place, require_file, require_folder, require_free, written_whole
from tonearm_cli.output import AsJson, Quiet, command, plain, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from tonearm_audio.structure import Structure


def analyze(
    source: Annotated[Path, typer.Argument(metavar="IN", readable=False, help="An audio file.", show_default=False)],
    *,
    spectrogram: Annotated[
        Path | None, typer.Option(metavar="FILE.png", readable=False, help="Draw the spectrogram, 1200 x 400 points.")
    ] = None,
    structure: Annotated[
        bool, typer.Option("--structure", help="Find the sections as well; takes longer, and needs librosa.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.png if it exists.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a file: tempo, loudness, peaks, spectrum, silence, clipping. Needs neither a cloud nor a network.

    With --json it prints the analysis.json that the workflow keeps; --structure adds a field to it.
    """
    with command(as_json=as_json, quiet=quiet) as output:
        require_file(source)
        picture: Place | None = None
        if spectrogram is not None:
            require_folder(spectrogram.parent)
            picture = Place(spectrogram, require_free(spectrogram, output, force=force))
        find_structure = _structure_finder() if structure else None
        from tonearm.adapters.audio import TonearmAudio
        from tonearm_audio.decode import Source

        with refusing(f"{source} was refused"), output.steps.step("Analyzing") as step:
            name = plain(source.name)
            analysed = TonearmAudio().analyze(source, on_progress=lambda part: step.at(f"{name}: {part:.0%}", part))
            if find_structure is not None:
                step.at(f"{name}: sections")
                analysed.document["structure"] = find_structure(source).to_dict()
            step.came_to(name)
        with Source(source) as opened:
            encoding = f"{opened.container}, {opened.codec}"
        document = analysed.document
        if picture is not None:
            with written_whole(picture) as file:
                file.write(analysed.spectrogram)
        output.answer(document, lambda console: _show(console, document, encoding))


def _structure_finder() -> Callable[[Path], Structure]:
    try:
        from tonearm_audio.structure import analyze_structure
    except ImportError as error:
        raise WrongUse(
            "The sections are found by librosa, which is not installed.",
            code="librosa.not_there",
            value=error.name,
            mend="Install tonearm-audio[structure].",
        ) from error
    return analyze_structure


def _show(console: Console, analysis: Mapping[str, Any], encoding: str) -> None:
    loudness, tempo = analysis["loudness"], analysis["tempo_bpm"]
    rows = {
        "duration": f"{analysis['duration_s']:.3f} s",
        "tempo": "no pulse" if tempo is None else f"{tempo:.2f} BPM",
        "confidence": f"{analysis['tempo_confidence']:.2f}",
        "key": _key(analysis["key"]),
        "loudness": _figure(loudness["integrated_lufs"], "LUFS"),
        "loudness range": _figure(loudness["range_lu"], "LU"),
        "loudest 3 s": _figure(loudness["max_short_term_lufs"], "LUFS"),
        "true peak": _figure(loudness["true_peak_dbtp"], "dBTP"),
        "clipping": _clipping(analysis["clipping"]),
        "silence": _silence(analysis["silence"]),
        "brightness": _brightness(analysis["spectrum"]),
        "sample rate": f"{analysis['sample_rate_hz']:,} Hz",
        "channels": f"{analysis['channels']}",
        "encoding": encoding,
    }
    if "structure" in analysis:
        rows |= _structure(analysis["structure"])
    shown = table("", "")
    shown.show_header = False
    for title, value in rows.items():
        shown.add_row(title, value)
    console.print(shown)


def _figure(value: float | None, unit: str) -> str:
    return "silence" if value is None else f"{value:.2f} {unit}"


def _key(key: Mapping[str, Any] | None) -> str:
    return "none" if key is None else f"{key['tonic']} {key['mode']}"


def _clipping(clipping: Mapping[str, Any]) -> str:
    if not clipping["runs"]:
        return "none"
    return f"{clipping['runs']:,} runs of full-scale samples, the longest of {clipping['longest']:,}"


def _silence(silence: Mapping[str, Any]) -> str:
    gaps = len(silence["gaps"])
    between = f", {gaps} {'gap' if gaps == 1 else 'gaps'} within" if gaps else ""
    return f"{silence['leading_s']:.2f} s before, {silence['trailing_s']:.2f} s after{between}"


def _brightness(spectrum: Mapping[str, Any] | None) -> str:
    if spectrum is None:
        return "silence"
    return f"centroid {spectrum['centroid_hz']:,.0f} Hz, {spectrum['tilt_db_per_octave']:+.1f} dB per octave"


def _structure(structure: Mapping[str, Any]) -> dict[str, str]:
    sections = ", ".join(f"{part['label']} from {part['start_s']:.1f} s" for part in structure["sections"])
    share = structure["percussive_share"]
    return {"sections": sections, "percussive": "silence" if share is None else f"{share:.0%} of the power"}
