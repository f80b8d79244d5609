"""Ids for what a request creates: the same Idempotency-Key gets the same id, so the same thing is made once."""

from typing import TYPE_CHECKING, Any

from tonearm.adapters.idempotency import Once
from tonearm.domain.ids import new_job_id, new_track_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def _make(*, request: dict[str, Any]) -> str:
    return new_track_id() if request["kind"] == "track" else new_job_id()


class NewIds:
    """Gives out ids."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._once = Once(
            dynamodb, table, purpose="create", function=_make, key="[owner_id, kind, key]", compared="body"
        )

    def track(self, owner_id: str, key: str | None, body: str) -> str:
        """An id for a Track that `body` asks for. Raises `InvalidRequest`, `TransientError`."""
        return self._id("track", owner_id, key, body)

    def job(self, owner_id: str, key: str | None, body: str) -> str:
        """An id for a Job that `body` asks for. Raises `InvalidRequest`, `TransientError`."""
        return self._id("job", owner_id, key, body)

    def _id(self, kind: str, owner_id: str, key: str | None, body: str) -> str:
        request = {"owner_id": owner_id, "kind": kind, "key": key, "body": body}
        return str(_make(request=request) if key is None else self._once(request))
