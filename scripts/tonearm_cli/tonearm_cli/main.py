"""The `tonearm` command."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.filesize import decimal

from tonearm_cli import demo as the_demo
from tonearm_cli import summary
from tonearm_cli.display import Steps
from tonearm_cli.errors import CliError, Refused
from tonearm_local import cli as stack_cli
from tonearm_local.artifacts import build_artifacts
from tonearm_local.cli import EdgePort, Name, Port
from tonearm_local.defaults import DEFAULT_NAME
from tonearm_local.paths import repository_root
from tonearm_local.stack import Stack
from tonearm_local.told import told

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    help="Tonearm: songs in, certified renders out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(stack_cli.app, name="stack")


@app.command()
def demo(
    *,
    song: Annotated[
        Path | None, typer.Option(readable=False, help="An audio file; without it one is composed.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="What to do with it.")] = the_demo.DEFAULT_RECIPE,
    out: Annotated[Path, typer.Option(help="Folder for the render, the analysis and the certificate.")] = Path("out"),
    name: Name = DEFAULT_NAME,
    port: Port = None,
    edge_port: EdgePort = None,
) -> None:
    """Start the stack and take a song through the whole system; the exit status tells whether that succeeded."""
    console = Console(highlight=False)
    with _told():
        wish = the_demo.Wish.checked(song=song, recipe=recipe, out=out)
        started = time.monotonic()
        stack = Stack.named(name, port=port, edge_port=edge_port)
        made = the_demo.run(wish, stack, Steps(console))
        summary.show(console, made)
        stop = "make down" if name == DEFAULT_NAME else f"tonearm stack down --name {name}"
        took = time.monotonic() - started
        console.print(f"\nDone after {took:.1f} s. The stack stays up; `{stop}` stops it.", soft_wrap=True)


@app.command()
def build(
    out: Annotated[Path | None, typer.Option(help="Folder for the zips; build/ of the checkout by default.")] = None,
) -> None:
    """Build the zips that `terraform apply` uploads to AWS."""
    console = Console(highlight=False)
    with _told():
        root = repository_root()
        for artifact in build_artifacts(root, out or root / "build"):
            console.print(f"{artifact}  {decimal(artifact.stat().st_size)}", soft_wrap=True)


@contextmanager
def _told() -> Iterator[None]:
    """End with a message that a person can act on, and with an exit status, where otherwise a traceback would stand."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    with told():
        try:
            yield
        except Refused as refused:
            problem = refused.problem
            errors.print(f"\ntonearm: {refused.what}.", markup=False)
            for title, value in (
                ("code", problem.code),
                ("why", problem.detail),
                ("value", problem.value),
                ("limit", problem.limit),
                ("mend", problem.mend),
            ):
                if value not in (None, ""):
                    errors.print(f"  {title:6} {value}", markup=False)
            raise typer.Exit(refused.exit_status) from None
        except CliError as error:
            errors.print(f"tonearm: {error}", markup=False)
            raise typer.Exit(error.exit_status) from None
