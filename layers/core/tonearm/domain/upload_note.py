"""What an upload says of its Track: enough to write the row anew, where that was lost and the upload was not."""

import base64
import binascii
import zlib
from datetime import datetime
from typing import Self

from pydantic import ValidationError

from tonearm.domain.errors import InvalidRequest
from tonearm.domain.ids import JobId, OwnerId, TrackId
from tonearm.domain.recipe import Recipe
from tonearm.domain.tier import Tier
from tonearm.domain.track import Tags, Title, Track
from tonearm.domain.values import Value

# S3 keeps 2,048 bytes of metadata with an object, names and values together.
MAX_NOTE_BYTES = 1_900
# A note that unpacks to more was not made here.
_MAX_UNPACKED_BYTES = 65_536
_UNTITLED = "Untitled"


class UploadNote(Value):
    """A Track as it was asked for; its ids are in the upload's key and its size is the upload's own."""

    ingest_job_id: JobId
    filename: str
    title: Title
    tags: Tags = ()
    tier: Tier = Tier.FREE
    declared_sha256: str | None = None
    recipe: Recipe | None = None
    correlation_id: str
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, track: Track) -> Self:
        """The note that goes with the Track's upload."""
        return cls(**{name: getattr(track, name) for name in cls.model_fields})

    def text(self) -> str:
        """The note as at most 1,900 letters, digits, ``-``, ``_`` and ``=``.

        Labels that do not fit are left out, tags first: two hundred emoji are a title that no compression helps. The
        tier goes last; the Track that is written anew without it is free.

        Raises:
            InvalidRequest: ``recipe.too_large_for_upload``: a mix of many tracks with many bands does not fit.
        """
        shorter: tuple[dict[str, object], ...] = (
            {},
            {"tags": ()},
            {"tags": (), "title": _UNTITLED},
            {"tags": (), "title": _UNTITLED, "filename": _UNTITLED},
            {"tags": (), "title": _UNTITLED, "filename": _UNTITLED, "tier": Tier.FREE},
        )
        texts = (self.model_copy(update=left_out)._packed() for left_out in shorter)
        fitting = next((text for text in texts if len(text) <= MAX_NOTE_BYTES), None)
        if fitting is None:
            shortest = len(self.model_copy(update=shorter[-1])._packed())
            raise InvalidRequest(
                "recipe.too_large_for_upload",
                f"The recipe is too large to go with an upload: {shortest:,} bytes, packed; "
                f"the limit is {MAX_NOTE_BYTES:,} bytes.",
                value=shortest,
                limit=MAX_NOTE_BYTES,
                mend="Upload the track without a recipe, and ask for the render when it is ready.",
            )
        return fitting

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `text` wrote.

        Raises:
            ValueError: it is no note.
        """
        try:
            unpacking = zlib.decompressobj()
            document = unpacking.decompress(base64.urlsafe_b64decode(text), _MAX_UNPACKED_BYTES)
            return cls.model_validate_json(document)
        except (binascii.Error, zlib.error, ValidationError) as error:
            raise ValueError(f"no note of an upload: {error}") from error

    def track(self, *, owner_id: OwnerId, track_id: TrackId, size_bytes: int, now: datetime) -> Track:
        """The Track, as if it had just been created and not been uploaded yet."""
        return Track(
            **{name: getattr(self, name) for name in type(self).model_fields},
            owner_id=owner_id,
            track_id=track_id,
            size_bytes=size_bytes,
            updated_at=now,
        )

    def _packed(self) -> str:
        unsaid = {"tier"} if self.tier is Tier.FREE else set()
        document = self.model_dump_json(exclude_none=True, exclude=unsaid).encode()
        return base64.urlsafe_b64encode(zlib.compress(document, level=9)).decode()
