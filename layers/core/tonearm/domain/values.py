"""What every domain value is: immutable, validated, and written as JSON in one way."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticKnownError


def at_most(limit: int) -> BeforeValidator:
    """Refuse a longer list before anything in it is looked at: pydantic counts what is valid, and tells the rest."""

    def short(said: Any) -> Any:
        if isinstance(said, list | tuple) and len(said) > limit:
            context = {"field_type": "List", "max_length": limit, "actual_length": len(said)}
            raise PydanticKnownError("too_long", context)
        return said

    return BeforeValidator(short)


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
