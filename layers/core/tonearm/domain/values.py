"""What every domain value is: immutable, validated, and written as JSON in one way."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value that refuses fields it does not know.

    What may be None is None unless given: rows and messages leave it out, and must read back as they were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Entity(Value):
    """A row that changes over time: each change makes a new value."""

    updated_at: datetime

    def _at(self, now: datetime, **changes: object) -> Self:
        """This row with `changes`, or the row itself when they change nothing, so that repeating writes nothing."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return self
        # The clock of another machine may be behind: time on a row never runs backwards.
        return self.model_copy(update={**changes, "updated_at": max(now, self.updated_at)})
