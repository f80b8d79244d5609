"""How a command ends when something is wrong: a line that its reader can act on, and an exit status."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from tonearm_local.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

FAILED = 1
INTERRUPTED = 130
# What ends a command: Ctrl-C, a time limit, say, and the terminal that is closed.
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S = 0.2
_NO_PATIENCE = 3
"""Who asks so often does not wait for a module to be loaded."""


@dataclass
class _Interruption:
    """What is known of it. No lock guards it: a signal that came while one is held would wait for itself.

    Attributes:
        asked: how often somebody asked for it.
        settled: whether nothing more is to come of it: the work ends, or has ended.
        again: whether the next signal is ours.
        patience: what will send it.
    """

    asked: int = 0
    settled: bool = False
    again: bool = False
    patience: threading.Timer | None = None


_interruption = _Interruption()


def go_on() -> None:
    """Raise KeyboardInterrupt when the command was interrupted: to be called where long work tells how far it is."""
    if _interruption.asked:
        settle()
        raise KeyboardInterrupt


def settle() -> None:
    """Say that the work is done, or has ended: who asked for its end meanwhile asked too late."""
    _interruption.settled = True


@contextmanager
def unless_interrupted() -> Iterator[None]:
    """Let an error out unless the command was interrupted, which may be why: a terminal's Ctrl-C ends children as well.

    Raises KeyboardInterrupt in its place.
    """
    try:
        yield
    except typer.Exit:
        raise
    except Exception:
        go_on()
        settle()
        raise


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End work where it asks whether to go on; where it is not about to, or is told twice, wherever it is.

    Compiled code is no good place: a module that is being loaded may end the process, an exception may get lost.
    """
    ours, _interruption.again = _interruption.again, False
    if ours and _interruption.settled:
        return  # The work ended after patience had.
    _interruption.asked += not ours
    first = _interruption.asked == 1 and not ours
    if first or (_imports(frame) and _interruption.asked < _NO_PATIENCE):
        if first or ours:
            again = threading.Timer(_PATIENCE_S, _once_more, (number,))
            again.daemon = True
            again.start()
            _interruption.patience = again
        return
    settle()
    raise KeyboardInterrupt


def _once_more(number: int) -> None:
    if not _interruption.settled and signal.getsignal(number) is _interrupt:
        _interruption.again = True
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def told() -> Iterator[None]:
    """Tell what a person can mend on standard error, never as a traceback; exit status 1, or 130 when interrupted.

    Whatever ends the command meanwhile is an interruption like Ctrl-C: Terraform, in a session of its own, is then
    ended too and saves its state. To be used on the main thread.
    """
    _interruption.asked, _interruption.settled, _interruption.again, _interruption.patience = 0, False, False, None
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    for number in _ENDINGS:
        # nohup(1) has the command outlive its terminal.
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        with unless_interrupted():
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
        settle()
        if _interruption.patience is not None:
            # No later command is interrupted for this one.
            _interruption.patience.cancel()
            _interruption.patience.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def _refusals() -> tuple[type[Exception], ...]:
    """What boto3 raises; where nothing has loaded it, nothing can have raised it."""
    exceptions = sys.modules.get("botocore.exceptions")
    return (exceptions.ClientError, exceptions.BotoCoreError) if exceptions else ()
