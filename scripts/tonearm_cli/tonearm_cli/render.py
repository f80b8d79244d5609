"""`tonearm render`: a file becomes what a recipe says, on this machine, by the workflow's own engine, and certified.

A track that was uploaded is rendered where it is, by its deployment's workflow: ordered.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from tonearm_cli.account import DEFAULT_PROFILE, Profile
from tonearm_cli.errors import Refused, WrongUse, refusing
from tonearm_cli.files import Place, require_file, require_folder, require_free
from tonearm_cli.ids import is_id
from tonearm_cli.output import AsJson, Output, Quiet, command, plain
from tonearm_cli.recipe_options import Asked, OtherFiles, OtherTracks
from tonearm_local.told import go_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from tonearm.adapters.audio import TonearmAudio
    from tonearm.domain.errors import TonearmError
    from tonearm.domain.recipe import Recipe
    from tonearm.ports import Certified, Rendered


_TIME, _SOUND, _AROUND = "Time and pitch", "Sound", "8D: it circles around the head"
_OTHERS, _LOUDNESS, _FILE = "Other files", "Loudness, always last", "The file"


def render(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", readable=False, help="An audio file, or the id of a track of yours.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", readable=False, help="The file to make.", show_default=False)],
    *,
    trim: Annotated[
        str | None,
        typer.Option(help="Keep a part, in seconds: 10-95.5, 30-.", metavar="START-END", rich_help_panel=_TIME),
    ] = None,
    tempo: Annotated[
        float | None, typer.Option(help="Speed, 0.25 to 4: 1.1 is ten percent faster.", rich_help_panel=_TIME)
    ] = None,
    pitch: Annotated[
        float | None, typer.Option(help="Semitones, up to 24 either way: +2, -3.5.", rich_help_panel=_TIME)
    ] = None,
    keep_formants: Annotated[
        bool, typer.Option("--keep-formants", help="A voice stays the same person's.", rich_help_panel=_TIME)
    ] = False,
    fade_in: Annotated[
        float | None, typer.Option(help="Come from silence in so many seconds, 0 to 30.", rich_help_panel=_TIME)
    ] = None,
    fade_out: Annotated[
        float | None, typer.Option(help="Go to silence in so many seconds, 0 to 30.", rich_help_panel=_TIME)
    ] = None,
    equalize: Annotated[
        str | None, typer.Option(help="Bands: peak@1000=+3:high_pass@80.", metavar="BANDS", rich_help_panel=_SOUND)
    ] = None,
    compress: Annotated[
        str | None,
        typer.Option(help="Turn down what is loud: threshold=-18:ratio=3.", metavar="SETTINGS", rich_help_panel=_SOUND),
    ] = None,
    reverb: Annotated[
        str | None,
        typer.Option(help="Put it into a room: decay=1.8:mix=0.2.", metavar="SETTINGS", rich_help_panel=_SOUND),
    ] = None,
    spatial: Annotated[bool, typer.Option("--spatial", help="Let it circle.", rich_help_panel=_AROUND)] = False,
    spatial_path: Annotated[
        str | None, typer.Option(help="orbit, figure or random.", metavar="PATH", rich_help_panel=_AROUND)
    ] = None,
    spatial_speed: Annotated[
        float | None, typer.Option(help="Turns a second, 0.02 to 1.", rich_help_panel=_AROUND)
    ] = None,
    spatial_depth: Annotated[
        float | None, typer.Option(help="How far to the sides, 0 to 1.", rich_help_panel=_AROUND)
    ] = None,
    spatial_room: Annotated[float | None, typer.Option(help="Reverb, 0 to 1.", rich_help_panel=_AROUND)] = None,
    spatial_mix: Annotated[
        float | None, typer.Option(help="How much of it beside the dry song, 0 to 1.", rich_help_panel=_AROUND)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Which path it takes, 0 to 4294967295.", rich_help_panel=_AROUND)
    ] = None,
    headphones: Annotated[
        bool, typer.Option("--headphones", help="As a head hears it, for headphones only.", rich_help_panel=_AROUND)
    ] = False,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            help="Mix a file in, as often as you like: voice.wav:gain=-3:pan=0.5:start=12.",
            metavar="FILE[:SETTINGS]",
            rich_help_panel=_OTHERS,
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Master it to sound like this one.", metavar="FILE", rich_help_panel=_OTHERS),
    ] = None,
    loudness: Annotated[
        float | None, typer.Option(help="Bring it to so many LUFS, -36 to -6: -14.", rich_help_panel=_LOUDNESS)
    ] = None,
    master: Annotated[
        str | None,
        typer.Option(
            help="Master it: streaming, loud, podcast, gentle, warm or bright.",
            metavar="PRESET",
            rich_help_panel=_LOUDNESS,
        ),
    ] = None,
    ceiling: Annotated[
        float | None, typer.Option(help="Highest true peak in dBTP, -9 to -0.1 (-1).", rich_help_panel=_LOUDNESS)
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="mp3, wav, flac, ogg, opus or m4a; what OUT ends with, unless given.",
            rich_help_panel=_FILE,
        ),
    ] = None,
    bitrate: Annotated[
        int | None, typer.Option(help="Of mp3, opus and m4a: 32 to 320 kbit/s (320).", rich_help_panel=_FILE)
    ] = None,
    variable: Annotated[
        bool, typer.Option("--variable", help="Of mp3: the bit rate follows the music.", rich_help_panel=_FILE)
    ] = False,
    bit_depth: Annotated[
        int | None, typer.Option(help="Of wav and flac: 16 or 24 (16).", rich_help_panel=_FILE)
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(help="Samples a second, such as 44100; the song's own unless given.", rich_help_panel=_FILE),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="1 or 2; the song's own unless given.", rich_help_panel=_FILE)
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="All that is done in one, in any order: 'tempo=1.1,pitch=2'. Instead of the options above."),
    ] = None,
    certify: Annotated[
        bool, typer.Option("--certify/--no-certify", help="Measure the render against what its recipe promises.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace OUT if it is there.")] = False,
    profile: Profile = DEFAULT_PROFILE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make OUT of IN by a recipe, and certify it. A file needs neither a cloud nor a network.

    A track that was uploaded, named by its id (`tonearm tracks`), is rendered by its deployment; --mix and --reference
    name tracks then.

    OUT appears when all of it is made and every promise is kept, and not before. Without options only the format
    changes. All is heard in one order: trim, tempo and pitch, equalizer, compressor, reverb, 8D, mix, fades, loudness.
    """
    with command(as_json=as_json, quiet=quiet) as output:
        asked = Asked(
            trim=trim,
            tempo=tempo,
            pitch=pitch,
            keep_formants=keep_formants,
            equalize=equalize,
            compress=compress,
            reverb=reverb,
            spatial=spatial,
            spatial_path=spatial_path,
            spatial_speed=spatial_speed,
            spatial_depth=spatial_depth,
            spatial_room=spatial_room,
            spatial_mix=spatial_mix,
            seed=seed,
            headphones=headphones,
            mix=tuple(mix or ()),
            fade_in=fade_in,
            fade_out=fade_out,
            rate=rate,
            channels=channels,
            loudness=loudness,
            master=master,
            reference=reference,
            ceiling=ceiling,
        )
        if recipe is not None and not asked.nothing:
            mend = "Write all of it into --recipe, or none."
            raise WrongUse("--recipe says all that is to be done.", code="usage", value=recipe, mend=mend)
        track_id = str(source) if is_id(str(source), "trk") and not source.exists() else None
        if track_id is None:
            require_file(source)
        elif not certify:
            mend = "Leave --no-certify out."
            raise WrongUse("A deployment certifies every render.", code="usage", value="--no-certify", mend=mend)
        files = OtherFiles()
        others = files if track_id is None else OtherTracks()
        text = asked.text(others) if recipe is None else recipe
        written = {"bitrate": bitrate, "bit_depth": bit_depth, "variable": "yes" if variable else None}
        parsed = _parsed(text, others, out, codec, {name: said for name, said in written.items() if said is not None})
        require_folder(out.parent)
        for read in () if track_id else (source, *files.by_id.values()):
            if out.exists() and out.samefile(read):
                raise WrongUse(f"{out} is a file that is read.", code="file.is_input", mend="Name another OUT.")
        replace = require_free(out, output, force=force)
        if track_id is not None:
            from tonearm_cli.ordered import ordered

            brought = ordered(track_id, parsed, Place(out, replace=replace), output, profile=profile)
            output.done(brought.document, brought.show)
            return
        made = _made(_Wish(source, parsed, files.by_id), Place(out, replace=replace), output, certify=certify)
        output.done(made.document, made.show)


@dataclass(frozen=True)
class _Wish:
    """What is to be rendered: a file, by a recipe, with the other files that it names."""

    source: Path
    recipe: Recipe
    others: Mapping[str, Path]

    def refused(self, error: TonearmError) -> str:
        """Which of the files it is that was refused."""
        from tonearm.domain.errors import TrackRejected

        other = error.other_track_id if isinstance(error, TrackRejected) else None
        return f"{self.source if other is None else self.others[other]} was refused"


@dataclass(frozen=True)
class _Made:
    out: Path
    recipe: Recipe
    rendered: Rendered
    engine_version: str
    measured: Certified | None

    @property
    def document(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "codec": self.recipe.output.codec,
            "size_bytes": self.out.stat().st_size,
            "duration_s": self.rendered.duration_s,
            "pcm_sha256": self.rendered.pcm_sha256,
            "recipe": json.loads(self.recipe.canonical_json()),
            "recipe_hash": self.recipe.content_hash,
            "engine_version": self.engine_version,
            "certificate": None if self.measured is None else self.measured.document,
        }

    def show(self, console: Console) -> None:
        from tonearm_cli.summary import show_render

        certificate = None if self.measured is None else self.measured.certificate
        show_render(console, self.out, self.rendered.duration_s, certificate)


def _parsed(
    text: str, others: OtherFiles | OtherTracks, out: Path, codec: str | None, written: dict[str, object]
) -> Recipe:
    """The recipe with the format that was asked for, or the one that OUT ends with."""
    from tonearm.domain.output_format import Codec
    from tonearm.domain.recipe import Recipe

    # What the options named is an id already.
    known = set(others.by_id) if isinstance(others, OtherFiles) else set()

    def named(name: str) -> str:
        return name if name in known else others.named(name)

    codecs: tuple[Codec, ...] = get_args(Codec)
    ending = out.suffix.lower().removeprefix(".")
    with refusing("The recipe was refused"):
        said = [text, *(f"{name}={value}" for name, value in written.items())]
        if codec is not None:
            said.append(f"format={codec}")
        parsed = Recipe.parse_text(",".join(said), track_named=named)
        wished = parsed.output.codec if "codec" in parsed.output.model_fields_set else None
        if wished is None and ending not in codecs:
            listed = ", ".join(f".{known}" for known in codecs)
            mend = f"Let OUT end with one of {listed}, or say --format."
            raise WrongUse(
                f"{out} does not say which format it is to have.",
                code="file.format_unknown",
                value=out.suffix or "no ending",
                limit=listed,
                mend=mend,
            )
        if wished is not None and ending in codecs and ending != wished:
            mend = "Let OUT end with its format, or leave --format out."
            raise WrongUse(f"{out} would hold {wished}.", code="file.format_differs", value=ending, mend=mend)
        if wished is None:
            parsed = Recipe.parse_text(",".join([*said, f"format={ending}"]), track_named=named)
    for name, field in (("bitrate", "bitrate_kbps"), ("bit_depth", "bit_depth"), ("variable", "variable")):
        if name in written and not parsed.output.counts(field):
            option = f"--{name.replace('_', '-')}"
            mend = f"Leave {option} out, or choose another format."
            raise WrongUse(
                f"{parsed.output.codec} has no use for {option}.", code="usage", value=parsed.output.codec, mend=mend
            )
    return parsed


def _made(wish: _Wish, place: Place, output: Output, *, certify: bool) -> _Made:
    """Render and certify beside OUT; then it takes its name."""
    from tonearm.adapters.audio import TonearmAudio

    engine, measured, name = TonearmAudio(), None, plain(wish.source.name)
    with place.beside() as folder:
        partial = Path(folder, f"render.{wish.recipe.output.codec}")
        with refusing(wish.refused), output.steps.step("Rendering") as step:
            rendered = engine.render(
                wish.source,
                partial,
                recipe=wish.recipe,
                others=wish.others,
                on_progress=lambda part: step.at(f"{name}: {part:.0%}", part),
            )
            step.came_to(name)
        if certify:
            measured = _certified(engine, wish, partial, output)
        go_on()
        place.take(partial)
    return _Made(place.out, wish.recipe, rendered, engine.version, measured)


def _certified(engine: TonearmAudio, wish: _Wish, made: Path, output: Output) -> Certified:
    measured: Certified | None = None
    try:
        with (
            refusing("The render does not keep its promise, so it was not kept"),
            output.steps.step("Certifying") as step,
        ):
            measured = engine.certify(
                wish.source,
                made,
                recipe=wish.recipe,
                others=wish.others,
                on_progress=lambda part: step.at(f"measuring: {part:.0%}", part),
            )
            measured.certificate.require_kept()
            step.came_to(f"{len(measured.certificate.promises)} promises kept")
    except Refused as broken:
        if measured is not None:
            from tonearm_cli.certificates import tell_broken

            tell_broken(broken, measured, output)
        raise
    return measured
