"""What every domain value is: immutable, validated, and written as JSON in one way."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value that refuses fields it does not know.

    What may be None is None unless given: rows and messages leave it out, and must read back as they were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
