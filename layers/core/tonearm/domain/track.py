"""Track: audio that a user owns, and the only ways in which it changes state."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.errors import Conflict, Problem
from tonearm.domain.ids import JobId, OwnerId, TrackId
from tonearm.domain.recipe import Recipe
from tonearm.domain.tier import Tier
from tonearm.domain.values import Entity, at_most

# A form lives five minutes, a slow upload that began in time may take longer; after this nothing will come.
UPLOAD_PATIENCE = timedelta(hours=6)
# No step takes as long as the longest upload.
SETTLED_AFTER = UPLOAD_PATIENCE
# Control characters, and marks that turn the direction of what follows: a name may not change how a page reads.
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]*$"
_MOST_TAGS = 20

Filename = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=_PRINTABLE)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=_PRINTABLE)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_PRINTABLE)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=_MOST_TAGS), at_most(_MOST_TAGS)]


class TrackStatus(StrEnum):
    """Where a Track stands."""

    AWAITING_UPLOAD = "awaiting_upload"
    VALIDATING = "validating"
    READY = "ready"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Track(Entity):
    """Audio a user owns, private."""

    track_id: TrackId
    owner_id: OwnerId
    ingest_job_id: JobId
    filename: str
    title: Title
    tags: Tags = ()
    # Whose limits hold for it: a row of before there were tiers says none.
    tier: Tier = Tier.FREE
    size_bytes: int
    declared_sha256: str | None = None
    recipe: Recipe | None = None
    status: TrackStatus = TrackStatus.AWAITING_UPLOAD
    problem: Problem | None = None
    upload_version: str | None = None
    probe: Probe | None = None
    analysis: AnalysisSummary | None = None
    has_peaks: bool = False
    has_spectrogram: bool = False
    correlation_id: str
    created_at: datetime
    ended_at: datetime | None = None
    expires_at: datetime
    version: int = 0

    @property
    def upload_key(self) -> str:
        """The key of the raw upload in the uploads bucket; it never holds user text."""
        return f"{self.upload_prefix}source"

    @property
    def upload_prefix(self) -> str:
        """What every key of this Track in the uploads bucket begins with."""
        return f"uploads/{self.owner_id}/{self.track_id}/"

    @property
    def media_prefix(self) -> str:
        """What every key of this Track in the media bucket begins with."""
        return f"media/{self.owner_id}/{self.track_id}/"

    @property
    def analysis_key(self) -> str:
        """The key of the whole Analysis in the media bucket."""
        return f"{self.media_prefix}analysis.json"

    @property
    def peaks_key(self) -> str:
        """The key of the source's waveform in the media bucket; a Track of before there were peaks has none."""
        return f"{self.media_prefix}peaks.json"

    @property
    def peaks_detail_key(self) -> str:
        """The key of the same waveform drawn finer, for a part of the source."""
        return f"{self.media_prefix}peaks-detail.json"

    @property
    def spectrogram_key(self) -> str:
        """The key of the source's spectrogram, a PNG."""
        return f"{self.media_prefix}spectrogram.png"

    @property
    def open_since(self) -> datetime:
        """Since when this Track has waited to be moved on; a settled one waits for nothing but its end."""
        settled = {TrackStatus.READY, TrackStatus.REJECTED}
        return self.expires_at if self.status in settled else self.updated_at

    @property
    def is_unfinished(self) -> bool:
        """Whether this Track waits for its upload; from then on its Job is what is unfinished."""
        return self.status is TrackStatus.AWAITING_UPLOAD

    def upload_arrived(self, now: datetime, *, upload_version: str | None) -> Self:
        """The bytes are in the bucket: `awaiting_upload → validating`. Later uploads do not count."""
        if self.status is not TrackStatus.AWAITING_UPLOAD:
            return self
        return self._at(now, status=TrackStatus.VALIDATING, upload_version=upload_version)

    def validated(self, now: datetime, *, probe: Probe) -> Self:
        """The upload is audio that we take; what was found in it is kept. Still `validating` until analysed."""
        return self._at(now, probe=probe) if self.status is TrackStatus.VALIDATING else self

    def analysed(self, now: datetime, *, analysis: AnalysisSummary) -> Self:
        """The Analysis is there, and the waveforms and the spectrogram: `validating → ready`."""
        if self.status is not TrackStatus.VALIDATING:
            return self
        return self._at(now, status=TrackStatus.READY, analysis=analysis, has_peaks=True, has_spectrogram=True)

    def ingested_anew(self, now: datetime, *, ingest_job_id: JobId) -> Self:
        """Its ingest is begun again, by another Job: the first one ended well, and what it wrote here was lost."""
        return self._at(now, ingest_job_id=ingest_job_id) if self.status is TrackStatus.VALIDATING else self

    def rejected(self, now: datetime, *, problem: Problem) -> Self:
        """The upload cannot be used, and why: `validating → rejected`."""
        if self.status not in {TrackStatus.VALIDATING, TrackStatus.AWAITING_UPLOAD}:
            return self
        return self._at(now, status=TrackStatus.REJECTED, problem=problem)

    def expired(self, now: datetime) -> Self:
        """The end: reads answer 404 from now on, and nothing that its owner wrote is kept; objects and rows go next."""
        if self.status is TrackStatus.EXPIRED:
            return self
        return self._at(
            now, status=TrackStatus.EXPIRED, ended_at=now, filename="", title="Deleted", tags=(), recipe=None
        )

    def settled(self, now: datetime) -> bool:
        """Whether nothing that was under way when this Track ended can still write or upload anything of it."""
        return self.ended_at is not None and now - self.ended_at >= SETTLED_AFTER

    def relabelled(self, now: datetime, *, title: str | None, tags: tuple[str, ...] | None) -> Self:
        """The owner changes the title, the tags or both."""
        return self._at(now, title=self.title if title is None else title, tags=self.tags if tags is None else tags)

    def gone(self, now: datetime) -> bool:
        """Whether reads must answer 404."""
        return self.status is TrackStatus.EXPIRED or now >= self.expires_at

    def require_ready(self) -> None:
        """Raise `Conflict` unless this Track can be heard and rendered."""
        if self.status is not TrackStatus.READY:
            raise Conflict(
                "track.not_ready",
                f"Track {self.track_id} is {self.status}; this needs it ready.",
                value=self.status.value,
                limit=TrackStatus.READY.value,
                mend="Wait until it is ready, or upload the file again if it was rejected.",
            )


def expiry(created_at: datetime, *, retention: timedelta) -> datetime:
    """When a row made at `created_at` ends, to the second (what a TTL attribute can hold)."""
    return (created_at + retention).replace(microsecond=0)
