"""What the services need from outside, as protocols; the adapters are what they are in AWS."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Certificate
from tonearm.domain.ids import TrackId
from tonearm.domain.job import Job, JobEvent
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track

Row = TypeVar("Row", Track, Job)
RowKind = Literal["TRACK", "JOB"]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, newest first, and the id after which the next page begins."""

    rows: Sequence[Row]
    next_after: str | None


class Repository(Protocol[Row]):
    """Rows of one kind. Every write is conditional, and one whose answer was lost is recognised, not repeated."""

    def add(self, row: Row) -> Row:
        """Write a new row; where one with this id stands already, answer that one, unchanged."""

    def get(self, owner_id: str, row_id: str) -> Row | None:
        """The row, read consistently, or None."""

    def save(self, row: Row) -> Row:
        """Replace the row of `row.version`; answers it with the next version. Raises `StaleWrite`."""

    def remove(self, row: Row) -> None:
        """Delete the row, if it stands."""

    def page(self, owner_id: str, *, after: str | None, limit: int) -> Page[Row]:
        """The owner's rows, newest first."""


class Tracks(Repository[Track], Protocol):
    """The Tracks."""


class Jobs(Repository[Job], Protocol):
    """The Jobs."""

    def of_track(self, owner_id: str, track_id: str, *, after: str | None, limit: int) -> Page[Job]:
        """The owner's Jobs of one Track, newest first (eventually consistent)."""


@dataclass(frozen=True)
class OpenRow:
    """A row that is not at its end, by name: reading it may fail, and must then not hide the others.

    Attributes:
        since: when it was last written or put off.
        looks: how often it was put off since it was last written.
    """

    kind: RowKind
    owner_id: str
    row_id: str
    since: datetime
    looks: int


class OwnersWork(Protocol):
    """What is unfinished, of one owner."""

    def count(self, owner_id: str, *, at_most: int) -> int:
        """How many unfinished rows the owner has; counting stops at `at_most` (eventually consistent)."""


class OpenWork(Protocol):
    """What is not at its end, of every owner."""

    def waiting(self, before: datetime) -> Iterator[OpenRow]:
        """The rows that have waited since before `before`, longest first; read as they are asked for."""

    def put_off(self, row: OpenRow, until: datetime) -> None:
        """The row was looked at and waits since `until`; one that was written meanwhile stays as it is."""


class Bookmark(Protocol):
    """How far a walk has come that takes longer than one invocation."""

    def place(self) -> str | None:
        """Where to go on, or None for the beginning."""

    def move(self, place: str | None, *, seen: str | None) -> None:
        """Go on at `place` next time, unless somebody else has moved it from where it was `seen`."""


@dataclass(frozen=True)
class UploadForm:
    """A presigned S3 POST: send `fields` and then the file to `url` before `expires_at`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class DownloadLink:
    """A presigned GET, of a part of the object too, that no longer works after `expires_at`."""

    url: str
    filename: str
    expires_at: datetime


@dataclass(frozen=True)
class StoredUpload:
    """An object in the bucket of raw uploads, in its newest version (None in a bucket without versions)."""

    size_bytes: int
    version: str | None
    note: str | None = None


@dataclass(frozen=True)
class ListedUpload:
    """An object in the bucket of raw uploads, as lists show it."""

    key: str
    arrived_at: datetime


class Uploads(Protocol):
    """The bucket of raw uploads."""

    def form(self, key: str, *, size_bytes: int, note: str, now: datetime) -> UploadForm:
        """A form that takes exactly `size_bytes` bytes at exactly `key`, and keeps exactly `note` with them."""

    def listed(self, *, after: str | None) -> Iterator[ListedUpload]:
        """All objects whose key comes after `after`, by key; read as they are asked for."""

    def find(self, key: str) -> StoredUpload | None:
        """The object at the key, or None."""

    def fetch(self, key: str, destination: Path, *, upload_version: str | None) -> None:
        """Copy the object, in the version that counts, to a file."""

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
        """A short-lived link that plays the object as `content_type` and saves it as `filename`."""

    def delete_all(self, prefix: str) -> None:
        """Delete every object under the prefix, in every version."""


class Media(Protocol):
    """The bucket of renders and analyses."""

    def put_file(self, key: str, source: Path, *, content_type: str) -> None:
        """Copy a file to the key; it is there whole or not at all."""

    def put_json(self, key: str, document: dict[str, Any]) -> None:
        """Write a JSON document."""

    def read_json(self, key: str) -> dict[str, Any] | None:
        """Read a JSON document, or None when there is none."""

    def fetch(self, key: str, destination: Path) -> None:
        """Copy the object to a file."""

    def link(self, key: str, *, filename: str, now: datetime, not_after: datetime) -> DownloadLink:
        """A short-lived link that saves the object as `filename`."""

    def delete_all(self, prefix: str) -> None:
        """Delete every object under the prefix, in every version."""


class JobQueue(Protocol):
    """The queue before the workflow; a message may arrive twice."""

    def send_job(self, job: Job) -> None:
        """Ask for this job to be started."""

    def send_upload(self, track: Track, upload: StoredUpload) -> None:
        """Say again that this Track's upload is in the bucket."""


ExecutionState = Literal["running", "succeeded", "failed", "timed_out", "aborted"]


class Workflow(Protocol):
    """The state machine."""

    def start(self, job: Job) -> None:
        """Start the job's execution; starting it again changes nothing."""

    def stop(self, job: Job, *, reason: str) -> None:
        """Stop the job's execution, if it runs."""

    def state(self, job: Job) -> ExecutionState | None:
        """What became of the job's execution, or None when it was never started."""


class Announcer(Protocol):
    """What tells the world of a job's end, once per event id."""

    def announce(self, event: JobEvent) -> None:
        """Publish the event unless it was published before."""


@dataclass(frozen=True)
class Analysed:
    """What the engine measured on a Track: the figures for its row, the whole document, the waveform's at two zooms,
    and the spectrogram as a PNG file."""

    summary: AnalysisSummary
    document: dict[str, Any]
    peaks: dict[str, Any]
    peaks_detail: dict[str, Any]
    spectrogram: bytes


@dataclass(frozen=True)
class Rendered:
    """What the engine made."""

    duration_s: float
    pcm_sha256: str


@dataclass(frozen=True)
class Certified:
    """What the engine measured on a render: its promises, the whole document, and the waveform's."""

    certificate: Certificate
    document: dict[str, Any]
    peaks: dict[str, Any]


class AudioEngine(Protocol):
    """The audio engine, in the domain's words."""

    version: str

    def probe(self, path: Path, *, max_duration_s: float, content_sha256: str) -> Probe:
        """Decode all of it. Raises `TrackRejected`."""

    def analyze(self, path: Path, *, on_progress: Progress) -> Analysed:
        """Measure a Track."""

    def render(
        self,
        source: Path,
        destination: Path,
        *,
        recipe: Recipe,
        others: Mapping[TrackId, Path],
        on_progress: Progress,
    ) -> Rendered:
        """Make the render; `others` are the files of the other Tracks that the recipe names.

        Raises `TrackRejected`, `RecipeRefused`.
        """

    def certify(
        self, source: Path, render: Path, *, recipe: Recipe, others: Mapping[TrackId, Path], on_progress: Progress
    ) -> Certified:
        """Measure the render against its recipe's promises. Raises `PromiseBroken`."""
