"""Create a Track and the form with which its owner uploads the bytes straight to the bucket."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Conflict, InvalidRequest
from tonearm.domain.ids import new_job_id
from tonearm.domain.recipe import Recipe
from tonearm.domain.tier import Tier, TierTable
from tonearm.domain.track import Track, expiry
from tonearm.domain.upload_note import UploadNote
from tonearm.ports import Tracks, UploadForm, Uploads
from tonearm.services.allowance import Allowance
from tonearm.services.ownership import Ownership


@dataclass(frozen=True)
class NewTrack:
    """What an owner says of a file before uploading it."""

    filename: str
    size_bytes: int
    sha256: str | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    recipe: Recipe | None = None


@dataclass(frozen=True)
class CreateTrack:
    """Write the row first, so that an upload always finds its Track."""

    tracks: Tracks
    uploads: Uploads
    ownership: Ownership
    allowance: Allowance
    clock: Clock
    tiers: TierTable
    retention: timedelta

    def __call__(
        self, owner_id: str, new: NewTrack, *, tier: Tier, track_id: str, correlation_id: str
    ) -> tuple[Track, UploadForm]:
        """The Track and its upload form; the same `track_id` again answers the same Track with a fresh form.

        Raises:
            InvalidRequest: ``track.too_large`` when the file is over the limit of `tier`, ``recipe.tracks_too_large``,
                ``recipe.too_large_for_upload``.
            NotFound: ``recipe.track_not_found``.
            LimitReached: ``owner.too_much_open_work``; a `track_id` that came before is answered all the same.
            Conflict: ``track.deleted`` when the same `track_id` came before and its Track is gone;
                ``track.not_ready`` of a track that the recipe names.
        """
        self.tiers.require_size(tier, new.size_bytes, called=new.filename, refusal=InvalidRequest)
        if new.recipe is not None:
            self.ownership.others(owner_id, new.recipe)
        if not self.allowance.has_room(owner_id) and self.tracks.get(owner_id, track_id) is None:
            raise self.allowance.used_up()
        now = self.clock()
        wished = Track(
            track_id=track_id,
            owner_id=owner_id,
            ingest_job_id=new_job_id(),
            filename=new.filename,
            title=new.title or PurePosixPath(new.filename).stem[:200].strip() or "Untitled",
            tags=new.tags,
            tier=tier,
            size_bytes=new.size_bytes,
            declared_sha256=new.sha256,
            recipe=new.recipe,
            correlation_id=correlation_id,
            created_at=now,
            updated_at=now,
            expires_at=expiry(now, retention=self.retention),
        )
        # Before the row is written: a Track whose note does not fit could never be uploaded.
        UploadNote.of(wished).text()
        track = self.tracks.add(wished)
        if track.gone(now):
            raise Conflict(
                "track.deleted",
                "The track that this Idempotency-Key made was deleted.",
                value=track.track_id,
                mend="Use a new key for a new track.",
            )
        return track, self._form(track, now)

    def _form(self, track: Track, now: datetime) -> UploadForm:
        note = UploadNote.of(track).text()
        return self.uploads.form(track.upload_key, size_bytes=track.size_bytes, note=note, now=now)
