"""Every way that Tonearm refuses or fails, each with a stable code, the value, the limit and the mend."""

import json
from typing import Self

from pydantic import ConfigDict

from tonearm.domain.values import Value


class Problem(Value):
    """What went wrong, in words that its reader can act on.

    It is what a rejected Track and a failed Job keep, what the API answers, and what one step of the
    workflow tells the next.
    """

    # A newer engine may say more than an older reader knows: what it adds is dropped, not refused.
    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    detail: str
    value: str | int | float | None = None
    limit: str | int | float | None = None
    mend: str = ""


class TonearmError(Exception):
    """A failure that has a Problem; its text is the Problem as JSON, which crosses from Lambda to workflow."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        value: str | float | None = None,
        limit: str | float | None = None,
        mend: str = "",
    ) -> None:
        self.problem = Problem(code=code, detail=detail, value=value, limit=limit, mend=mend)
        super().__init__(json.dumps(self.problem.model_dump(exclude_none=True), separators=(",", ":")))


class InvalidRequest(TonearmError):
    """What was asked for cannot be done as it was asked."""


class NotFound(TonearmError):
    """There is no such thing, or it is another owner's: the two answer alike."""


class Conflict(TonearmError):
    """The thing is not in a state in which this can be done."""


class LimitReached(TonearmError):
    """The owner has as much of something as anyone may have at once; there is room again later."""


class StaleWrite(TonearmError):
    """Somebody else changed the row since it was read; read again and decide again."""

    def __init__(self, what: str) -> None:
        super().__init__("write.stale", f"{what} changed while it was being changed.", mend="Try again.")


class TrackRejected(TonearmError):
    """The upload is not audio that Tonearm takes; trying again gives the same answer.

    Attributes:
        other_track_id: of the track that a recipe names and that is rejected; None where it is the source.
    """

    other_track_id: str | None = None


class RecipeRefused(TonearmError):
    """What the recipe asks for cannot be done with these tracks; trying again gives the same answer."""

    @classmethod
    def because_of(cls, problem: Problem) -> Self:
        """The refusal of a step for what its request would be refused for as well."""
        return cls(problem.code, problem.detail, value=problem.value, limit=problem.limit, mend=problem.mend)


class PromiseBroken(TonearmError):
    """The render does not keep what its recipe promises; rendering again gives the same answer."""


class JobAlreadyEnded(TonearmError):
    """The job is terminal or gone: nothing is left to do for it."""

    def __init__(self, job_id: str) -> None:
        super().__init__("job.already_ended", f"Job {job_id} has ended already or is gone.", value=job_id)


class TransientError(TonearmError):
    """A service did not answer as it should; the same call may well go through later."""

    def __init__(self, detail: str) -> None:
        super().__init__("service.transient", detail, mend="Try again in a few seconds.")
