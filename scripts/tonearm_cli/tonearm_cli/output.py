"""What every command says, and how: results on standard output, everything else on standard error.

With --json standard output holds one JSON document and nothing else, also when the command fails: a program that reads
it finds a `problem` there. What a server or a file's name says is shown without anything that a terminal would obey.
"""

from __future__ import annotations

import errno
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonearm_cli.errors import INTERRUPTED, CliError, exit_status_of
from tonearm_local.told import settle, told, unless_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console
    from rich.table import Table

    from tonearm_cli.display import Steps

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print neither progress nor messages.")]

# What is no terminal has no width: a program that reads a table must find ids and figures whole, whatever COLUMNS says
# of the terminal that started it.
_WIDE = 240
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass
class Output:
    """Where one command writes."""

    json: bool = False
    quiet: bool = False

    @cached_property
    def console(self) -> Console:
        """Standard output, for results."""
        return _console(sys.stdout)

    @cached_property
    def messages(self) -> Console:
        """Standard error, for progress and messages."""
        return _console(sys.stderr, quiet=self.quiet)

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits there who can answer a question."""
        # Standard input is None where it was closed.
        return not self.json and bool(sys.stdin) and sys.stdin.isatty() and sys.stderr.isatty()

    @cached_property
    def steps(self) -> Steps:
        """How far the work is, on standard error."""
        from tonearm_cli.display import Steps

        return Steps(self.messages)

    def say(self, text: str) -> None:
        """Tell something beside the result."""
        self.messages.print(plain(text), markup=False, soft_wrap=True)

    def answer(self, document: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """Give what the command was asked for."""
        settle()
        if self.json:
            self.line(document)
        else:
            show(self.console)

    def done(self, document: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """Tell what the command has done; --quiet does not want to know."""
        settle()
        if self.json or not self.quiet:
            self.answer(document, show)

    def line(self, document: Mapping[str, Any]) -> None:
        """Print a document as one line, as the buckets hold it."""
        typer.echo(json.dumps(document, allow_nan=False, separators=(",", ":")))


@contextmanager
def command(*, as_json: bool, quiet: bool) -> Iterator[Output]:
    """Run a command: what goes wrong ends in a message, or a document, and an exit status; never in a traceback."""
    output = Output(json=as_json, quiet=quiet)
    with told():
        try:
            with unless_interrupted():
                yield output
        except CliError as error:
            _tell(output, error)
            raise typer.Exit(exit_status_of(error)) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            _tell(output, _of_a_file(error))
            raise typer.Exit(_of_a_file(error).exit_status) from None
        except (KeyboardInterrupt, typer.Abort):
            _tell(output, CliError("Interrupted; no half file was left.", code="interrupted"))
            raise typer.Exit(INTERRUPTED) from None


def tell(error: CliError) -> None:
    """Show an error on standard error: a headline, and below it what else is known."""
    headline, rows = error.lines
    console = _console(sys.stderr)
    gap = "\n" if "why" in rows else ""
    console.print(f"{gap}tonearm: {plain(headline)}", markup=False, soft_wrap=True)
    for title, value in rows.items():
        if value not in {None, ""}:
            console.print(f"  {title:6} {plain(str(value))}", markup=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text without what a terminal would obey, or could not show: escapes, controls, marks of direction."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def table(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """A table without lines.

    Args:
        columns: their headings.
        right: those that hold figures.
        whole: those that are never cut on a narrow terminal, such as ids; the others fold.
    """
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=name in whole, overflow="fold")
    return made


def _tell(output: Output, error: CliError) -> None:
    if output.json:
        output.line({"problem": error.problem_document, **error.document})
    else:
        tell(error)


def _console(file: Any, *, quiet: bool = False) -> Console:
    from rich.console import Console

    return Console(file=file, highlight=False, quiet=quiet, width=None if file.isatty() else _WIDE)


def _of_a_file(error: OSError) -> CliError:
    where, why = str(error.filename or "The file"), error.strerror or str(error)
    if error.errno in _FULL:
        return CliError(
            f"{where} cannot be written: {why}.", code="file.no_space", mend="Make room, or choose another."
        )
    if error.errno in _FORBIDDEN:
        mend = "Change its permissions, or choose another."
        return CliError(f"{where} may not be used: {why}.", code="file.forbidden", mend=mend)
    return CliError(f"{where}: {why}.", code="file.failed", mend="Check the path and the disk.")
