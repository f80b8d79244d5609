"""`tonearm render`: a file becomes what a recipe says, on this machine, by the workflow's own engine, and certified."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from tonearm_cli.errors import CliError, Refused, WrongUse, refusing
from tonearm_cli.files import require_file, require_folder, require_free
from tonearm_cli.output import AsJson, Output, Quiet, command, plain
from tonearm_local.told import go_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from tonearm.adapters.audio import TonearmAudio
    from tonearm.domain.output_format import Codec
    from tonearm.domain.recipe import Recipe
    from tonearm.ports import Certified, Rendered


def render(
    source: Annotated[Path, typer.Argument(metavar="IN", readable=False, help="An audio file.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", readable=False, help="The file to make.", show_default=False)],
    *,
    tempo: Annotated[float | None, typer.Option(help="Speed, 0.25 to 4: 1.1 is ten percent faster.")] = None,
    pitch: Annotated[float | None, typer.Option(help="Semitones, up to 24 either way: +2, -3.5.")] = None,
    spatial: Annotated[bool, typer.Option("--spatial", help="Let it circle around the head (8D).")] = False,
    spatial_speed: Annotated[float | None, typer.Option(help="8D: turns a second, 0.02 to 1.")] = None,
    spatial_depth: Annotated[float | None, typer.Option(help="8D: how far to the sides, 0 to 1.")] = None,
    spatial_room: Annotated[float | None, typer.Option(help="8D: reverb, 0 to 1.")] = None,
    spatial_mix: Annotated[float | None, typer.Option(help="8D: how much of it beside the dry song, 0 to 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="8D: which path it takes, 0 to 4294967295.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="All of it in one: 'tempo=1.1,pitch=2'. Not together with the options above.")
    ] = None,
    codec: Annotated[
        str | None, typer.Option("--format", help="mp3, wav, flac or ogg; what OUT ends with, unless given.")
    ] = None,
    bitrate: Annotated[int | None, typer.Option(help="Of MP3: 128, 192, 256 or 320 kbit/s (320).")] = None,
    certify: Annotated[
        bool, typer.Option("--certify/--no-certify", help="Measure the render against what its recipe promises.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace OUT if it is there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make OUT of IN by a recipe, and certify it. Needs neither a cloud nor a network.

    OUT appears when all of it is made and every promise is kept, and not before.
    """
    with command(as_json=as_json, quiet=quiet) as output:
        circling = {
            "speed_hz": spatial_speed,
            "depth": spatial_depth,
            "room": spatial_room,
            "mix": spatial_mix,
            "seed": seed,
        }
        if recipe is None:
            text = _recipe_text(tempo, pitch, spatial, circling)
        elif spatial or any(value is not None for value in (tempo, pitch, *circling.values())):
            mend = "Write all of it into --recipe, or none."
            raise WrongUse("--recipe says all that is to be done.", code="usage", value=recipe, mend=mend)
        else:
            text = recipe
        parsed = _parsed(text, out, codec, bitrate)
        require_file(source)
        require_folder(out.parent)
        if out.exists() and out.samefile(source):
            raise WrongUse(f"{out} is the file that is read.", code="file.is_input", mend="Name another OUT.")
        require_free(out, output, force=force)
        made = _made(source, out, parsed, output, certify=certify)
        output.done(made.document, made.show)


@dataclass(frozen=True)
class _Made:
    out: Path
    recipe: Recipe
    rendered: Rendered
    engine_version: str
    certificate: dict[str, Any] | None

    @property
    def document(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "codec": self.recipe.output.codec,
            "size_bytes": self.out.stat().st_size,
            "duration_s": self.rendered.duration_s,
            "pcm_sha256": self.rendered.pcm_sha256,
            "recipe": self.recipe.model_dump(mode="json"),
            "recipe_hash": self.recipe.content_hash,
            "engine_version": self.engine_version,
            "certificate": self.certificate,
        }

    def show(self, console: Console) -> None:
        from rich.filesize import decimal

        from tonearm_cli.summary import promises_table

        if self.certificate is not None:
            console.print(promises_table(self.certificate))
            console.print()
        size, length = decimal(self.out.stat().st_size), f"{self.rendered.duration_s:.3f} s"
        console.print(f"{plain(str(self.out))}  {size}  {length}", markup=False, soft_wrap=True)


def _recipe_text(tempo: float | None, pitch: float | None, spatial: bool, circling: dict[str, float | None]) -> str:
    """The recipe as people type it, so that it is read and refused in one way."""
    parts = []
    if tempo is not None:
        parts.append(f"tempo={tempo}")
    if pitch is not None:
        parts.append(f"pitch={pitch}")
    given = [f"{name}={value}" for name, value in circling.items() if value is not None]
    if spatial:
        parts.append(":".join(["spatial", *given]))
    elif given:
        mend = "Add --spatial."
        raise WrongUse(f"{given[0]} is a setting of --spatial.", code="usage", value=given[0], mend=mend)
    if not parts:
        mend = "Use --tempo, --pitch, --spatial or --recipe; --tempo 1 only changes the format."
        raise WrongUse("Nothing is to be done.", code="usage", mend=mend)
    return ",".join(parts)


def _parsed(text: str, out: Path, codec: str | None, bitrate: int | None) -> Recipe:
    """The recipe with the format that was asked for, or the one that OUT ends with."""
    from tonearm.domain.output_format import Codec
    from tonearm.domain.recipe import Recipe

    codecs: tuple[Codec, ...] = get_args(Codec)
    ending = out.suffix.lower().removeprefix(".")
    with refusing("The recipe was refused"):
        parsed = Recipe.parse_text(text)
        wished = codec or (parsed.output.codec if "codec" in parsed.output.model_fields_set else None)
        if wished is None and ending not in codecs:
            known = ", ".join(f".{known}" for known in codecs)
            mend = f"Let OUT end with one of {known}, or say --format."
            raise WrongUse(
                f"{out} does not say which format it is to have.",
                code="file.format_unknown",
                value=out.suffix or "no ending",
                limit=known,
                mend=mend,
            )
        if wished is not None and ending in codecs and ending != wished:
            mend = "Let OUT end with its format, or leave --format out."
            raise WrongUse(f"{out} would hold {wished}.", code="file.format_differs", value=ending, mend=mend)
        text += f",format={wished or ending}"
        if bitrate is not None:
            if (wished or ending) != "mp3":
                mend = "Leave --bitrate out, or make an MP3."
                raise WrongUse("Only MP3 has a bitrate.", code="usage", value=wished or ending, limit="mp3", mend=mend)
            text += f",bitrate={bitrate}"
        return Recipe.parse_text(text)


def _made(source: Path, out: Path, recipe: Recipe, output: Output, *, certify: bool) -> _Made:
    """Render and certify beside OUT; then it takes its name."""
    from tonearm.adapters.audio import TonearmAudio

    engine, document, name = TonearmAudio(), None, plain(source.name)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".tonearm-") as folder:
        partial = Path(folder, f"render.{recipe.output.codec}")
        with refusing(f"{source} was refused"), _writing(out), output.steps.step("Rendering") as step:
            rendered = engine.render(
                source, partial, recipe=recipe, others={}, on_progress=lambda part: step.at(f"{name}: {part:.0%}", part)
            )
            step.came_to(name)
        if certify:
            document = _certified(engine, source, partial, recipe, output)
        go_on()
        partial.replace(out)
    return _Made(out, recipe, rendered, engine.version, document)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say it when the disk takes no more: of sources that cannot be read the engine speaks in errors of its own."""
    import soundfile

    try:
        yield
    except soundfile.LibsndfileError as error:
        free = shutil.disk_usage(out.parent).free
        message = f"{out} cannot be written: {error}"
        mend = "Make room, or choose another place."
        raise CliError(message, code="file.no_space", value=f"{free} bytes are free", mend=mend) from error


def _certified(engine: TonearmAudio, source: Path, made: Path, recipe: Recipe, output: Output) -> dict[str, Any]:
    measured: Certified | None = None
    try:
        with (
            refusing("The render does not keep its promise, so it was not kept"),
            output.steps.step("Certifying") as step,
        ):
            measured = engine.certify(
                source, made, recipe=recipe, others={}, on_progress=lambda part: step.at(f"measuring: {part:.0%}", part)
            )
            measured.certificate.require_kept()
            step.came_to(f"{len(measured.certificate.promises)} promises kept")
    except Refused as broken:
        if measured is not None:
            broken.document = {"certificate": measured.document}
            if not output.json:
                from tonearm_cli.summary import promises_table

                output.console.print(promises_table(measured.document))
        raise
    return measured.document
