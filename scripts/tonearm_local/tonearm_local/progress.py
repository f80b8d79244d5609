"""How long work tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Where long work stands.

    Attributes:
        title: what is being done, a few words that stay the same for the whole part.
        detail: what it is at just now; may be empty.
        done: how many of `total` are done; both None where that is unknown.
        total: see `done`.
    """

    title: str
    detail: str = ""
    done: int | None = None
    total: int | None = None

    def __str__(self) -> str:
        """Return one readable line."""
        count = f" {self.done} of {self.total}" if self.done is not None and self.total is not None else ""
        return f"{self.title}{count}" + (f": {self.detail}" if self.detail else "")


Progress = Callable[[Step], None]


def quiet(step: Step) -> None:
    """Take the step and show nothing."""
    del step
