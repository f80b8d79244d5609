"""Change a row as its transition says: read, decide, write, and decide again when somebody else was first."""

from collections.abc import Callable

from tonearm.domain.errors import StaleWrite
from tonearm.ports import Repository, Row

_ATTEMPTS = 8


def change(repository: Repository[Row], owner_id: str, row_id: str, transition: Callable[[Row], Row]) -> Row | None:
    """The row after `transition`, or None when there is no such row.

    A transition that returns the row itself changes nothing and writes nothing, so that an event that comes
    twice costs one read.

    Raises:
        StaleWrite: others were first eight times running.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        row = repository.get(owner_id, row_id)
        if row is None:
            return None
        changed = transition(row)
        if changed is row:
            return row
        try:
            return repository.save(changed)
        except StaleWrite:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")
