"""The two buckets: raw uploads, and media (renders, analyses, peaks, certificates)."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from tonearm.adapters.aws import error_code
from tonearm.ports import DownloadLink, ListedUpload, StoredUpload, UploadForm

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOAD_FORM_LIFE = timedelta(minutes=5)
DOWNLOAD_LINK_LIFE = timedelta(minutes=5)
_NOTE = "track"
_NOTE_FIELD = f"x-amz-meta-{_NOTE}"
_UPLOADS = "uploads/"
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


class _Bucket:
    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def delete_all(self, prefix: str) -> None:
        """Delete every object under the prefix, in every version."""
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                self._client.delete_object(Bucket=self._bucket, Key=version["Key"], VersionId=version["VersionId"])

    def _link(self, key: str, *, filename: str, now: datetime, not_after: datetime, **asked: str) -> DownloadLink:
        # A link lives at least a second, the least that S3 can say; who asks has checked that `not_after` is to come.
        life = max(min(DOWNLOAD_LINK_LIFE, not_after - now), timedelta(seconds=1))
        # An attachment plays in a page's <audio> as well: the header only speaks to who goes to the link itself.
        saved = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        url = self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, "ResponseContentDisposition": saved, **asked},
            ExpiresIn=int(life.total_seconds()),
        )
        return DownloadLink(url, filename, now + life)


class S3Uploads(_Bucket):
    """The bucket of raw uploads."""

    def form(self, key: str, *, size_bytes: int, note: str, now: datetime) -> UploadForm:
        """A form that takes exactly `size_bytes` bytes at exactly `key` and keeps exactly `note`, for five minutes."""
        post = self._client.generate_presigned_post(
            self._bucket,
            key,
            Fields={_NOTE_FIELD: note},
            Conditions=[["content-length-range", size_bytes, size_bytes], {_NOTE_FIELD: note}],
            ExpiresIn=int(UPLOAD_FORM_LIFE.total_seconds()),
        )
        return UploadForm(post["url"], dict(post["fields"]), now + UPLOAD_FORM_LIFE)

    def find(self, key: str) -> StoredUpload | None:
        """The object at the key, or None."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        return StoredUpload(found["ContentLength"], found.get("VersionId"), found["Metadata"].get(_NOTE))

    def listed(self, *, after: str | None) -> Iterator[ListedUpload]:
        """All objects whose key comes after `after`, by key; read as they are asked for."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=_UPLOADS, StartAfter=after or _UPLOADS):
            for found in page.get("Contents", []):
                yield ListedUpload(found["Key"], found["LastModified"])

    def fetch(self, key: str, destination: Path, *, upload_version: str | None) -> None:
        """Copy the object, in the version that counts, to a file."""
        extra = {"VersionId": upload_version} if upload_version else None
        self._client.download_file(self._bucket, key, str(destination), ExtraArgs=extra)

    def link(
        self,
        key: str,
        *,
        upload_version: str | None,
        filename: str,
        content_type: str,
        now: datetime,
        not_after: datetime,
    ) -> DownloadLink:
        """A link that plays the object as `content_type` and saves it as `filename`.

        It lives five minutes, and never beyond `not_after`. Browsers say nothing of a file's type when they upload it.
        """
        asked = {"ResponseContentType": content_type, **({"VersionId": upload_version} if upload_version else {})}
        return self._link(key, filename=filename, now=now, not_after=not_after, **asked)


class S3Media(_Bucket):
    """The bucket of renders and analyses."""

    def put_file(self, key: str, source: Path, *, content_type: str) -> None:
        """Copy a file to the key; it is there whole or not at all."""
        self._client.upload_file(str(source), self._bucket, key, ExtraArgs={"ContentType": content_type})

    def put_json(self, key: str, document: dict[str, Any]) -> None:
        """Write a JSON document."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=json.dumps(document, allow_nan=False, separators=(",", ":")).encode(),
            ContentType="application/json",
        )

    def read_json(self, key: str) -> dict[str, Any] | None:
        """Read a JSON document, or None when there is none."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        document: dict[str, Any] = json.loads(body)
        return document

    def fetch(self, key: str, destination: Path) -> None:
        """Copy the object to a file."""
        self._client.download_file(self._bucket, key, str(destination))

    def link(self, key: str, *, filename: str, now: datetime, not_after: datetime) -> DownloadLink:
        """A link that saves the object as `filename`; it lives five minutes, and never beyond `not_after`."""
        return self._link(key, filename=filename, now=now, not_after=not_after)
