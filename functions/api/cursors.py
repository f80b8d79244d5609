"""Cursors: where the next page of a list begins, in a form that says nothing.

A cursor holds the id of the last row seen and no owner: the owner is always the caller's, so a cursor that was
made up or borrowed can only move the caller about in the caller's own list. It needs no signature.
"""

import base64
import binascii
import re

from tonearm.domain.errors import InvalidRequest

_ROW_ID = re.compile(r"(trk|job)_[0-9a-z]{26}")


def encode(after: str | None) -> str | None:
    """The cursor of the page that begins after this row."""
    return None if after is None else base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def decode(cursor: str | None, kind: str) -> str | None:
    """The row's id. Raises `InvalidRequest`, ``cursor.invalid``, for one that this list has not given out."""
    if cursor is None:
        return None
    try:
        row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        row_id = ""
    if not _ROW_ID.fullmatch(row_id) or not row_id.startswith(kind):
        raise InvalidRequest(
            "cursor.invalid",
            "This cursor is none that this list has given out.",
            value=cursor[:100],
            mend="Leave the cursor out to begin again.",
        )
    return row_id
