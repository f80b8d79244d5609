"""`tonearm stack`: the laptop stack from the command line."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tonearm_local.defaults import DEFAULT_EDGE_PORT, DEFAULT_NAME, DEFAULT_PORT
from tonearm_local.errors import StackError
from tonearm_local.told import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from tonearm_local.progress import Progress, Step
    from tonearm_local.stack import Outputs, Stack

app = typer.Typer(help="Tonearm's cloud on this machine.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Option("--name", envvar="TONEARM_STACK", help="Which stack.")]
Port = Annotated[
    int | None,
    typer.Option(envvar="TONEARM_PORT", min=1, max=65535, help=f"Port of the emulator; at first {DEFAULT_PORT}."),
]
EdgePort = Annotated[
    int | None,
    typer.Option(
        envvar="TONEARM_EDGE_PORT", min=1, max=65535, help=f"Port of page and API; at first {DEFAULT_EDGE_PORT}."
    ),
]
Lambda = Annotated[
    Literal["docker", "process"] | None,
    typer.Option(
        "--lambda",
        envvar="TONEARM_LAMBDA",
        help="What image functions run in; without it as before, at first processes.",
    ),
]

# Seconds between two plain lines about the same part of the work, where no terminal can redraw one.
_PLAIN_INTERVAL_S = 10.0


@app.command()
def up(name: Name = DEFAULT_NAME, port: Port = None, edge_port: EdgePort = None, functions: Lambda = None) -> None:
    """Start the stack, or bring it up to date with the sources; then print its address and a login."""
    with _told() as console:
        stack = _named(name, port=port, edge_port=edge_port, in_containers=in_containers(functions))
        started = time.monotonic()
        with _shown(console) as progress:
            outputs = stack.up(progress)
        console.print(f"Stack {name} is up after {time.monotonic() - started:.0f} s.")
        _print_login(console, outputs)


@app.command()
def down(name: Name = DEFAULT_NAME) -> None:
    """Stop the stack and keep what it holds."""
    with _told() as console:
        _named(name).down()
        console.print(f"Stack {name} is down; `tonearm stack up` brings it back as it was.")


@app.command()
def status(name: Name = DEFAULT_NAME) -> None:
    """Say what runs; the exit status is 0 when the stack can be used, and 3 when it cannot."""
    with _told() as console:
        stack = _named(name)
        found = stack.status()
        for part, pid, at in (
            ("emulator", found.emulator_pid, found.port),
            ("edge", found.edge_pid, found.edge_port),
        ):
            console.print(f"{part:9} " + (f"runs on port {at} (pid {pid})" if pid else "does not run"))
        console.print(f"resources {found.resources}" + ("" if found.current else ", not up to date"))
        if found.running and found.current:
            _print_login(console, stack.outputs())
        else:
            raise typer.Exit(3)


@app.command()
def reset(
    name: Name = DEFAULT_NAME,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop the stack and delete all that it holds: songs, users, logs."""
    with _told() as console:
        stack = _named(name)
        if not yes:
            _agreed(f"Delete all that stack {name} holds, in {stack.folder}?")
        stack.reset()
        console.print(f"Stack {name} is empty.")


def _agreed(question: str) -> None:
    """Go on after a yes alone."""
    try:
        # Standard input is None where it was closed.
        if sys.stdin and typer.confirm(question):
            return
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        typer.echo()
    raise StackError("Nobody said yes, so nothing was deleted. `tonearm stack reset --yes` does not ask.")


@app.command()
def destroy(name: Name = DEFAULT_NAME) -> None:
    """Let Terraform delete every resource, check that none is left, and stop."""
    with _told() as console:
        with _shown(console) as progress:
            _named(name).destroy(progress)
        console.print(f"Stack {name} is destroyed; nothing is left.")


@app.command()
def env(name: Name = DEFAULT_NAME) -> None:
    """Print the variables for AWS's tools: `eval "$(tonearm stack env)"`."""
    with _told():
        for variable, value in _named(name).environment().items():
            typer.echo(f"export {variable}={shlex.quote(value)}")


@app.command()
def logs(
    of: Annotated[str, typer.Argument(help="emulator, edge, terraform, or a function such as api or start_job.")],
    name: Name = DEFAULT_NAME,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines from the end.")] = 100,
) -> None:
    """Print the end of a log."""
    with _told():
        stack = _named(name)
        file = stack.logs / f"{of}.log"
        found = file.read_text(errors="replace").splitlines() if file.is_file() else _function_log(stack, of)
        for line in found[-lines:]:
            typer.echo(line)


def in_containers(functions: str | None) -> bool | None:
    """Return what `--lambda` says for `Stack.named`."""
    return None if functions is None else functions == "docker"


def _named(
    name: str, *, port: int | None = None, edge_port: int | None = None, in_containers: bool | None = None
) -> Stack:
    # Loads boto3.
    from tonearm_local.stack import Stack  # noqa: PLC0415 - `--help` does without

    return Stack.named(name, port=port, edge_port=edge_port, in_containers=in_containers)


def _function_log(stack: Stack, function: str) -> list[str]:
    deployed = stack.outputs().function_names
    if function not in deployed:
        known = ", ".join(["emulator", "edge", "terraform", *sorted(deployed)])
        raise StackError(f"There is no log of {function!r}; there are {known}.")
    pages = stack.client("logs").get_paginator("filter_log_events")
    group = f"/aws/lambda/{deployed[function]}"
    return [event["message"].rstrip() for page in pages.paginate(logGroupName=group) for event in page["events"]]


def _print_login(console: Console, outputs: Outputs) -> None:
    console.print(f"  studio    {outputs.edge_url}", highlight=False)
    console.print(f"  API       {outputs.api_url}", highlight=False)
    console.print(f"  user      {outputs.demo_user}", highlight=False)
    console.print(f"  password  {outputs.demo_password}", highlight=False, markup=False)
    # The emulator sends no mail, and always expects these.
    console.print("  codes     123456 to confirm an address, 654321 for a new password", highlight=False)


@contextmanager
def _told() -> Iterator[Console]:
    """Give a console to print on, and tell what goes wrong as `told` does."""
    from rich.console import Console  # noqa: PLC0415 - `--help` does without

    with told():
        yield Console(soft_wrap=True, highlight=False)


@contextmanager
def _shown(console: Console) -> Iterator[Progress]:
    """Show steps: one line that is redrawn on a terminal, otherwise a plain line now and then."""
    if not console.is_terminal:
        yield _Plain()
        return
    from rich.live import Live  # noqa: PLC0415 - `--help` does without
    from rich.spinner import Spinner  # noqa: PLC0415 - `--help` does without

    spinner = Spinner("dots", text="Starting")
    with Live(spinner, console=console, transient=True, refresh_per_second=8):
        yield lambda step: spinner.update(text=str(step))


class _Plain:
    """Prints a step when its title changes, and otherwise every ten seconds."""

    def __init__(self) -> None:
        self._title = ""
        self._printed = 0.0

    def __call__(self, step: Step) -> None:
        if step.title != self._title or time.monotonic() - self._printed > _PLAIN_INTERVAL_S:
            print(step, file=sys.stdout, flush=True)
            self._title, self._printed = step.title, time.monotonic()
