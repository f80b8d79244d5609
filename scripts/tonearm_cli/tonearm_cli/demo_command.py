"""`tonearm demo` as it is typed; what it does stands in `tonearm_cli.demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tonearm_cli.errors import CliError
from tonearm_cli.output import tell
from tonearm_local.cli import EdgePort, Lambda, Name, Port, in_containers
from tonearm_local.defaults import DEFAULT_NAME
from tonearm_local.told import told

DEFAULT_RECIPE = "tempo=1.1,pitch=2"


def demo(
    *,
    song: Annotated[
        Path | None, typer.Option(readable=False, help="An audio file; without it one is composed.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="What to do with it.")] = DEFAULT_RECIPE,
    out: Annotated[Path, typer.Option(help="Folder for the render, the analysis and the certificate.")] = Path("out"),
    name: Name = DEFAULT_NAME,
    port: Port = None,
    edge_port: EdgePort = None,
    functions: Lambda = None,
) -> None:
    """Start the stack and take a song through the whole system; the exit status tells whether that succeeded."""
    from rich.console import Console

    from tonearm_cli import demo as the_demo
    from tonearm_cli import summary
    from tonearm_cli.display import Steps
    from tonearm_local.stack import Stack

    console = Console(highlight=False)
    with told():
        try:
            wish = the_demo.Wish.checked(song=song, recipe=recipe, out=out)
            started = time.monotonic()
            stack = Stack.named(name, port=port, edge_port=edge_port, in_containers=in_containers(functions))
            made = the_demo.run(wish, stack, Steps(console))
            summary.show(console, made)
            stop = "make down" if name == DEFAULT_NAME else f"tonearm stack down --name {name}"
            took = time.monotonic() - started
            console.print(f"\nDone after {took:.1f} s. The stack stays up; `{stop}` stops it.", soft_wrap=True)
        except CliError as error:
            tell(error)
            raise typer.Exit(error.exit_status) from None
