"""What can go wrong in the command, told so that its reader can act on it, and what the command then ends with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tonearm.domain.errors import Problem, TonearmError

FAILED = 1
WRONG_USE = 2
REFUSED = 3
NOT_SIGNED_IN = 4
NOT_FOUND = 5
UNREACHABLE = 6
INTERRUPTED = 130

EXIT_STATUSES = {
    0: "done",
    FAILED: "failed: a job that did not succeed, a promise that was not kept, a full disk",
    WRONG_USE: "wrong use: an unknown option, a file that is not there, a file in the way",
    REFUSED: "the audio or the recipe was refused (track.*, recipe.*)",
    NOT_SIGNED_IN: "not signed in (auth.*)",
    NOT_FOUND: "there is no such track or job of yours",
    UNREACHABLE: "the deployment does not answer",
    INTERRUPTED: "interrupted",
}

_PASSING = frozenset({"service.transient", "http.429", "http.502", "http.503", "http.504"})


class CliError(Exception):
    """Something that is told in a line, and where there is more to say of it, in a few.

    Attributes:
        exit_status: what the command ends with.
        code: stable; programs may depend on it.
        value: what was found.
        limit: what it was held against.
        mend: what to do.
        document: what else a program wants to know that reads the error as JSON.
    """

    exit_status = FAILED
    code = "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        value: str | float | None = None,
        limit: str | float | None = None,
        mend: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.value = value
        self.limit = limit
        self.mend = mend
        self.document: Mapping[str, Any] = {}

    @property
    def lines(self) -> tuple[str, dict[str, str | float | None]]:
        """What is told: a headline, and what stands below it, by name."""
        # Without a mend the headline holds all that there is to say.
        rows = {"code": self.code, "value": self.value, "limit": self.limit, "mend": self.mend} if self.mend else {}
        return str(self), rows

    @property
    def problem_document(self) -> dict[str, Any]:
        """The same for a program."""
        rows = {"value": self.value, "limit": self.limit, "mend": self.mend}
        return {"code": self.code, "detail": self.detail} | {
            name: value for name, value in rows.items() if value not in {None, ""}
        }

    @property
    def detail(self) -> str:
        """What is wrong."""
        return str(self)


class WrongUse(CliError):
    """What was asked for cannot be done as it was asked; nothing was started."""

    exit_status = WRONG_USE
    code = "usage"


class NotSignedIn(CliError):
    """There is no login, or it does not count any more."""

    exit_status = NOT_SIGNED_IN
    code = "auth.not_signed_in"


class Unreachable(CliError):
    """Nobody answers there."""

    exit_status = UNREACHABLE
    code = "deployment.unreachable"


class Refused(CliError):
    """The system refused a request, rejected a track or failed a job, and says why in a Problem."""

    def __init__(self, what: str, problem: Problem) -> None:
        super().__init__(
            f"{what}: {problem.detail}",
            code=problem.code,
            value=problem.value,
            limit=problem.limit,
            mend=problem.mend,
        )
        self.what = what
        self.problem = problem

    @property
    def lines(self) -> tuple[str, dict[str, str | float | None]]:
        """The headline says what was refused, and the rows why."""
        rows = {"code": self.code, "why": self.detail, "value": self.value, "limit": self.limit, "mend": self.mend}
        return f"{self.what}.", rows

    @property
    def detail(self) -> str:
        """Why it was refused."""
        return self.problem.detail


def exit_status_of(error: CliError) -> int:
    """What a command ends with: for what the system refused, by the code that it gave."""
    if not isinstance(error, Refused):
        return error.exit_status
    kind = error.code.partition(".")[0]
    if error.code.endswith(".not_found") or error.code == "http.404":
        return NOT_FOUND
    if error.code in _PASSING:
        return UNREACHABLE
    return {"auth": NOT_SIGNED_IN, "track": REFUSED, "recipe": REFUSED}.get(kind, FAILED)


@contextmanager
def refusing(what: str | Callable[[TonearmError], str]) -> Iterator[None]:
    """Turn what the domain and the engine refuse into Refused: what it was, or how to tell that from the refusal."""
    from tonearm.domain.errors import TonearmError

    try:
        yield
    except TonearmError as error:
        raise Refused(what if isinstance(what, str) else what(error), error.problem) from error
