"""What can go wrong in the command, told so that its reader can act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tonearm.domain.errors import Problem

FAILED = 1
WRONG_USE = 2


class CliError(Exception):
    """Something that is told in a line; `exit_status` is what the command ends with."""

    def __init__(self, message: str, *, exit_status: int = FAILED) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class WrongUse(CliError):
    """What was asked for cannot be done as it was asked; nothing was started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_status=WRONG_USE)


class Refused(CliError):
    """The system refused a request, rejected a track or failed a job, and says why in a Problem."""

    def __init__(self, what: str, problem: Problem) -> None:
        super().__init__(f"{what}: {problem.detail}")
        self.what = what
        self.problem = problem
