"""Where the `tonearm` command begins: an interruption has nothing to tell before there is a command to interrupt."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command; Ctrl-C while it is being put together ends the process at once, without a traceback."""
    pythons_own = signal.getsignal(signal.SIGINT)
    # What a shell starts in the background ignores Ctrl-C, and goes on ignoring it.
    if pythons_own is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from typer.main import get_command

    from tonearm_cli.main import app

    command = get_command(app)
    signal.signal(signal.SIGINT, pythons_own)
    command()
