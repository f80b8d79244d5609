"""How a command ends when something is wrong: a line that its reader can act on, and an exit status."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tonearm_local.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 1
INTERRUPTED = 130
# What ends a command: Ctrl-C, a time limit, say, and the terminal that is closed.
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_interrupted = threading.Event()


def go_on() -> None:
    """Raise KeyboardInterrupt when the command was interrupted: to be called where long work tells how far it is.

    Raised while compiled code calls Python, the first one can get lost there without a word.
    """
    if _interrupted.is_set():
        raise KeyboardInterrupt


def _interrupt(_number: int, _frame: object) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


@contextmanager
def told() -> Iterator[None]:
    """Tell what a person can mend on standard error, never as a traceback; exit status 1, or 130 when interrupted.

    Whatever ends the command meanwhile is an interruption like Ctrl-C: Terraform, in a session of its own, is then
    ended too and saves its state. To be used on the main thread.
    """
    _interrupted.clear()
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    for number in _ENDINGS:
        # nohup(1) has the command outlive its terminal.
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    except (StackError, FileNotFoundError) as error:
        typer.echo(f"tonearm: {error}", err=True)
        raise typer.Exit(FAILED) from None
    except _refusals() as error:
        typer.echo(f"tonearm: the emulator refused a call: {error}. See `tonearm stack logs emulator`.", err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.echo("tonearm: interrupted; run the same command again to go on.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refusals() -> tuple[type[Exception], ...]:
    """What boto3 raises; where nothing has loaded it, nothing can have raised it."""
    exceptions = sys.modules.get("botocore.exceptions")
    return (exceptions.ClientError, exceptions.BotoCoreError) if exceptions else ()
