"""How the command tells what it is at: one line a step, redrawn on a terminal, plain where a file or CI reads it."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tonearm_local.told import go_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

_TITLE_WIDTH = 22
_BAR_WIDTH = 24
_COUNT = re.compile(r" *\d+ of \d+")
# Seconds between two plain lines about the same step.
_PLAIN_INTERVAL_S = 10.0


@dataclass
class Step:
    """One step: what it is called, what it is at, how far it is, and at the end what it took.

    Attributes:
        detail: a few words on what is going on, or on what came out.
        part: 0.0 to 1.0, or None where that is unknown.
        seconds: what it took; None while it runs.
    """

    title: str
    detail: str = ""
    part: float | None = None
    seconds: float | None = None
    _console: Console | None = field(default=None, repr=False)
    _printed_at: float = field(default=0.0, repr=False)
    _printed: str = field(default="", repr=False)

    def at(self, detail: str, part: float | None = None) -> None:
        """Say what the step is at: what goes on, and after a colon, in which detail.

        Raises KeyboardInterrupt when the command was interrupted and the work did not notice.
        """
        go_on()
        self.detail, self.part = detail, part
        if self._console is None:
            return
        # Counts and what follows the colon change all the time; a log wants what goes on, and now and then the rest.
        going_on = _COUNT.sub("", detail.partition(":")[0])
        if going_on != self._printed or time.monotonic() - self._printed_at > _PLAIN_INTERVAL_S:
            self._printed, self._printed_at = going_on, time.monotonic()
            self._console.print(Text(f"  {self.title}: {detail}"), soft_wrap=True)

    def came_to(self, outcome: str) -> None:
        """Say what came out; it stands beside the time that the step took."""
        self.detail, self.part = outcome, None


class Steps:
    """The steps of one command, in order."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.done: list[Step] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while its work is done; what an error interrupts is left marked as such."""
        step = Step(title, _console=None if self._console.is_terminal else self._console)
        started = time.monotonic()
        finished = False
        try:
            if self._console.is_terminal:
                with Live(console=self._console, transient=True, get_renderable=lambda: _live(step, started)):
                    yield step
            else:
                yield step
            finished = True
        finally:
            step.seconds = time.monotonic() - started
            self.done.append(step)
            mark, style = ("✓", "green") if finished else ("✗", "red")
            line = Text.assemble((f"{mark} ", style), f"{title:<{_TITLE_WIDTH}}{step.seconds:>7.1f} s   ", step.detail)
            self._console.print(line, soft_wrap=True)


def _live(step: Step, started: float) -> RenderableType:
    waited = time.monotonic() - started
    row = Table.grid(padding=(0, 1))
    what = Text(f"{step.title:<{_TITLE_WIDTH}}{waited:>6.0f} s")
    columns: list[RenderableType] = [Spinner("dots", what, style="cyan")]
    # Where a terminal is narrow, the detail alone gives way.
    row.add_column(width=len(what) + len("⠋ "))
    if step.part is not None:
        columns.append(ProgressBar(total=1.0, completed=step.part))
        row.add_column(width=_BAR_WIDTH)
    columns.append(Text(step.detail, overflow="ellipsis", no_wrap=True))
    row.add_column()
    row.add_row(*columns)
    return row
