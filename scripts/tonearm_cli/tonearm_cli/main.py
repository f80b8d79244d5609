"""The `tonearm` command: every command is wired here, and stands in a module of its own."""

from __future__ import annotations

import typer

from tonearm_cli.account import login, logout, whoami
from tonearm_cli.analyze import analyze
from tonearm_cli.build import build
from tonearm_cli.demo_command import demo
from tonearm_cli.download import download
from tonearm_cli.errors import EXIT_STATUSES
from tonearm_cli.jobs import jobs
from tonearm_cli.option_groups import GroupedHelp
from tonearm_cli.render import render
from tonearm_cli.tracks import tracks
from tonearm_cli.upload import upload
from tonearm_local import cli as stack_cli
from tonearm_local.images import cli as images_cli

_ENDS = "\n".join(f"{status:>4}  {meaning}" for status, meaning in EXIT_STATUSES.items())

app = typer.Typer(
    help="Tonearm: songs in, certified renders out.",
    epilog=f"\b\nExit status:\n{_ENDS}",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(cls=GroupedHelp)(render)
for command in (analyze, login, logout, whoami, upload, tracks, jobs, download, demo, build):
    app.command()(command)
app.add_typer(stack_cli.app, name="stack")
app.add_typer(images_cli.app, name="images")
