"""Tracks and Jobs in the `studio` table: every write conditional, every lost answer recognised by its token."""

import heapq
import json
import uuid
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from tonearm.adapters.aws import error_code
from tonearm.domain.errors import StaleWrite
from tonearm.domain.job import Job
from tonearm.domain.track import Track
from tonearm.ports import OpenRow, Page, Row, RowKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

OPEN_SHARDS = 8
# The table's own time to live is a backstop: by then the sweep has deleted the row, and its objects before it.
TTL_AFTER_END = timedelta(days=7)
_OPEN_PAGE = 100
_CONTROL = frozenset({"pk", "sk", "track_jobs_pk", "open_pk", "open_since", "looks", "unfinished_since", "write_token"})
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize

Item = dict[str, Any]


def _key(owner_id: str, kind: RowKind, row_id: str) -> Item:
    return {"pk": {"S": f"OWNER#{owner_id}"}, "sk": {"S": f"{kind}#{row_id}"}}


class DynamoRows(Generic[Row]):
    """Rows of one kind, as `tonearm.ports.Repository` promises."""

    def __init__(self, client: "DynamoDBClient", table: str, *, model: type[Row], kind: RowKind) -> None:
        self._client = client
        self._table = table
        self._model: type[Row] = model
        self._kind = kind
        self._id_field = f"{kind.lower()}_id"

    def add(self, row: Row) -> Row:
        """Write a new row; where one with this id stands already, answer that one, unchanged."""
        row = row.model_copy(update={"version": 1})
        standing = self._put(row, "attribute_not_exists(#version)")
        return row if standing is None else self._row(standing)

    def get(self, owner_id: str, row_id: str) -> Row | None:
        """The row, read consistently, or None."""
        answer = self._client.get_item(TableName=self._table, Key=self._key(owner_id, row_id), ConsistentRead=True)
        return self._row(answer["Item"]) if "Item" in answer else None

    def save(self, row: Row) -> Row:
        """Replace the row of `row.version`; answers it with the next version. Raises `StaleWrite`."""
        saved = row.model_copy(update={"version": row.version + 1})
        standing = self._put(saved, "#version = :expected", {":expected": {"N": str(row.version)}})
        if standing is not None:
            raise StaleWrite(f"{self._kind} {self._id(row)}")
        return saved

    def remove(self, row: Row) -> None:
        """Delete the row, if it stands."""
        self._client.delete_item(TableName=self._table, Key=self._key(row.owner_id, self._id(row)))

    def page(self, owner_id: str, *, after: str | None, limit: int) -> Page[Row]:
        """The owner's rows, newest first."""
        partition = f"OWNER#{owner_id}"
        return self._page(
            limit,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :kind)",
            ExpressionAttributeValues={":pk": {"S": partition}, ":kind": {"S": f"{self._kind}#"}},
            **self._start({"pk": partition}, after),
        )

    def _page(self, limit: int, **query: Any) -> Page[Row]:
        answer = self._client.query(TableName=self._table, ScanIndexForward=False, Limit=limit, **query)
        rows = [self._row(item) for item in answer["Items"]]
        more = "LastEvaluatedKey" in answer and bool(rows)
        return Page(rows, self._id(rows[-1]) if more else None)

    def _start(self, key: dict[str, str], after: str | None) -> dict[str, Item]:
        if after is None:
            return {}
        key = {**key, "sk": f"{self._kind}#{after}"}
        return {"ExclusiveStartKey": {name: {"S": value} for name, value in key.items()}}

    def _put(self, row: Row, condition: str, values: Item | None = None) -> Item | None:
        """None when the row is written, by this call or by one whose answer was lost; else what stands there."""
        token = uuid.uuid4().hex
        request: PutItemInputTypeDef = {
            "TableName": self._table,
            "Item": self._item(row, token),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#version": "version"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            request["ExpressionAttributeValues"] = values
        try:
            self._client.put_item(**request)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            standing: Item = error.response.get("Item", {})  # type: ignore[assignment]  # not in the stubs
            # The client tries again by itself when an answer is lost: then what stands there is this very write.
            return None if standing.get("write_token", {}).get("S") == token else standing
        return None

    def _item(self, row: Row, token: str) -> Item:
        document = json.loads(row.model_dump_json(exclude_none=True), parse_float=Decimal)
        document["ends_at"] = document["expires_at"]
        document["expires_at"] = int((row.expires_at + TTL_AFTER_END).timestamp())
        document["write_token"] = token
        if row.open_since is not None:
            document["open_pk"] = f"OPEN#{zlib.crc32(self._id(row).encode()) % OPEN_SHARDS}"
            document["open_since"] = row.open_since.isoformat()
        if row.is_unfinished:
            document["unfinished_since"] = row.created_at.isoformat()
        if isinstance(row, Job):
            document["track_jobs_pk"] = f"TRACK#{row.track_id}"
        item = {name: _serialize(value) for name, value in document.items()}
        return {**item, **self._key(row.owner_id, self._id(row))}

    def _row(self, item: Item) -> Row:
        document = {name: _deserialize(value) for name, value in item.items() if name not in _CONTROL}
        document["expires_at"] = document.pop("ends_at")
        row: Row = self._model.model_validate(document)
        return row

    def _key(self, owner_id: str, row_id: str) -> Item:
        return _key(owner_id, self._kind, row_id)

    def _id(self, row: Row) -> str:
        return str(getattr(row, self._id_field))


class DynamoTracks(DynamoRows[Track]):
    """The Tracks."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        super().__init__(client, table, model=Track, kind="TRACK")


class DynamoJobs(DynamoRows[Job]):
    """The Jobs."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        super().__init__(client, table, model=Job, kind="JOB")

    def of_track(self, owner_id: str, track_id: str, *, after: str | None, limit: int) -> Page[Job]:
        """The owner's Jobs of one Track, newest first (eventually consistent)."""
        partition = f"TRACK#{track_id}"
        return self._page(
            limit,
            IndexName="jobs_by_track",
            KeyConditionExpression="track_jobs_pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            **self._start({"pk": f"OWNER#{owner_id}", "track_jobs_pk": partition}, after),
        )


class DynamoOwnersWork:
    """What is unfinished of one owner: the sparse index `unfinished`, which holds keys alone."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def count(self, owner_id: str, *, at_most: int) -> int:
        """How many unfinished rows the owner has; counting stops at `at_most` (eventually consistent)."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="unfinished",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"OWNER#{owner_id}"}},
            Select="COUNT",
            Limit=at_most,
        )
        return answer["Count"]


class DynamoOpenWork:
    """What is not at its end: the sparse index `open_work`, whose sort key is when a row was last moved or put off."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def waiting(self, before: datetime) -> Iterator[OpenRow]:
        """The rows that have waited since before `before`, longest first; read as they are asked for."""
        shards = (self._shard(shard, before) for shard in range(OPEN_SHARDS))
        return heapq.merge(*shards, key=lambda row: row.since)

    def put_off(self, row: OpenRow, until: datetime) -> None:
        """The row was looked at and waits since `until`; one that was written meanwhile stays as it is.

        The row's version stays too: for its owner nothing has changed. A lost answer is not seen: when the client asks
        again the condition fails, and the row is as it should be.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(row.owner_id, row.kind, row.row_id),
                UpdateExpression="SET open_since = :until, looks = :looks",
                ConditionExpression="open_since = :since",
                ExpressionAttributeValues={
                    ":until": {"S": until.isoformat()},
                    ":looks": {"N": str(row.looks + 1)},
                    ":since": {"S": row.since.isoformat()},
                },
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def _shard(self, shard: int, before: datetime) -> Iterator[OpenRow]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="open_work",
            KeyConditionExpression="open_pk = :pk AND open_since < :before",
            ExpressionAttributeValues={":pk": {"S": f"OPEN#{shard}"}, ":before": {"S": before.isoformat()}},
            ProjectionExpression="pk, sk, open_since, looks",
            PaginationConfig={"PageSize": _OPEN_PAGE},
        )
        for page in pages:
            for item in page["Items"]:
                kind, _, row_id = item["sk"]["S"].partition("#")
                yield OpenRow(
                    kind="JOB" if kind == "JOB" else "TRACK",
                    owner_id=item["pk"]["S"].removeprefix("OWNER#"),
                    row_id=row_id,
                    since=datetime.fromisoformat(item["open_since"]["S"]),
                    looks=int(item.get("looks", {"N": "0"})["N"]),
                )


class DynamoBookmark:
    """How far a walk has come, in a row of its own."""

    def __init__(self, client: "DynamoDBClient", table: str, *, walk: str) -> None:
        self._client = client
        self._table = table
        self._key = {"pk": {"S": f"BOOKMARK#{walk}"}, "sk": {"S": f"BOOKMARK#{walk}"}}

    def place(self) -> str | None:
        """Where to go on, or None for the beginning."""
        answer = self._client.get_item(TableName=self._table, Key=self._key, ConsistentRead=True)
        return answer.get("Item", {}).get("place", {}).get("S")

    def move(self, place: str | None, *, seen: str | None) -> None:
        """Go on at `place` next time, unless somebody else has moved it from where it was `seen`."""
        item = self._key if place is None else {**self._key, "place": {"S": place}}
        request: PutItemInputTypeDef = {"TableName": self._table, "Item": item}
        if seen is None:
            request["ConditionExpression"] = "attribute_not_exists(place)"
        else:
            request["ConditionExpression"] = "place = :seen"
            request["ExpressionAttributeValues"] = {":seen": {"S": seen}}
        try:
            self._client.put_item(**request)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
