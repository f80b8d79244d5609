"""`tonearm tracks`: what you have uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tonearm_cli.account import DEFAULT_PROFILE, Profile
from tonearm_cli.output import AsJson, Quiet, command, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from tonearm_cli.client import Track

Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")]


def tracks(
    *,
    limit: Limit = 20,
    profile: Profile = DEFAULT_PROFILE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List your tracks, newest first."""
    with command(as_json=as_json, quiet=quiet) as output:
        from tonearm_cli.session import signed_in

        with signed_in(profile) as client:
            found = client.tracks(limit)
        document = {"tracks": [track.model_dump(mode="json") for track in found]}
        output.answer(document, lambda console: _show(console, found))


def _show(console: Console, tracks: list[Track]) -> None:
    figures_in = ("duration", "tempo", "loudness")
    shown = table("track", "status", *figures_in, "title", right=figures_in, whole=("track", *figures_in))
    for track in tracks:
        figures = track.analysis
        tempo, loudness = (figures.tempo_bpm, figures.integrated_lufs) if figures else (None, None)
        shown.add_row(
            track.track_id,
            track.status.value if track.problem is None else f"{track.status}: {plain(track.problem.code)}",
            f"{figures.duration_s:.1f} s" if figures else "",
            f"{tempo:.1f} BPM" if tempo is not None else "",
            f"{loudness:.1f} LUFS" if loudness is not None else "",
            plain(track.title),
        )
    console.print(shown if tracks else "There are no tracks yet; `tonearm upload FILE` sends one.", markup=False)
