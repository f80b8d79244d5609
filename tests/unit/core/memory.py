"""Every port of `tonearm.ports` in memory: real implementations, which keep the same promises as the adapters."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic

from tonearm.adapters.messages import JobRequested, UploadArrived
from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Certificate, Promise
from tonearm.domain.errors import StaleWrite, TrackRejected
from tonearm.domain.ids import TrackId
from tonearm.domain.job import Job, JobEvent
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track
from tonearm.ports import (
    Analysed,
    Certified,
    DownloadLink,
    ExecutionState,
    ListedUpload,
    OpenRow,
    Page,
    Progress,
    Rendered,
    Row,
    RowKind,
    StoredUpload,
    UploadForm,
)


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class MemoryRows(Generic[Row]):
    """`tonearm.ports.Repository`."""

    def __init__(self, id_field: str) -> None:
        self._id_field = id_field
        self._rows: dict[tuple[str, str], Row] = {}

    @property
    def all(self) -> list[Row]:
        return list(self._rows.values())

    def add(self, row: Row) -> Row:
        return self._rows.setdefault(self._key(row), row.model_copy(update={"version": 1}))

    def get(self, owner_id: str, row_id: str) -> Row | None:
        return self._rows.get((owner_id, row_id))

    def save(self, row: Row) -> Row:
        standing = self._rows.get(self._key(row))
        if standing is None or standing.version != row.version:
            raise StaleWrite(f"row {self._key(row)}")
        self._rows[self._key(row)] = saved = row.model_copy(update={"version": row.version + 1})
        return saved

    def remove(self, row: Row) -> None:
        self._rows.pop(self._key(row), None)

    def page(self, owner_id: str, *, after: str | None, limit: int) -> Page[Row]:
        return self._page([row for (owner, _), row in self._rows.items() if owner == owner_id], after, limit)

    def _page(self, rows: list[Row], after: str | None, limit: int) -> Page[Row]:
        ordered = sorted(rows, key=self.named, reverse=True)
        rest = [row for row in ordered if after is None or self.named(row) < after]
        more = len(rest) > limit
        return Page(rest[:limit], self.named(rest[limit - 1]) if more else None)

    def named(self, row: Row) -> str:
        return str(getattr(row, self._id_field))

    def _key(self, row: Row) -> tuple[str, str]:
        return row.owner_id, self.named(row)


class MemoryTracks(MemoryRows[Track]):
    """`tonearm.ports.Tracks`."""

    def __init__(self) -> None:
        super().__init__("track_id")


class MemoryJobs(MemoryRows[Job]):
    """`tonearm.ports.Jobs`."""

    def __init__(self) -> None:
        super().__init__("job_id")

    def of_track(self, owner_id: str, track_id: str, *, after: str | None, limit: int) -> Page[Job]:
        of_it = [job for job in self.all if (job.owner_id, job.track_id) == (owner_id, track_id)]
        return self._page(of_it, after, limit)


@dataclass
class MemoryOwnersWork:
    """`tonearm.ports.OwnersWork`."""

    tracks: MemoryTracks
    jobs: MemoryJobs

    def count(self, owner_id: str, *, at_most: int) -> int:
        rows = [*self.tracks.all, *self.jobs.all]
        return min(at_most, sum(row.is_unfinished for row in rows if row.owner_id == owner_id))


class MemoryOpenWork:
    """`tonearm.ports.OpenWork`."""

    def __init__(self, tracks: MemoryTracks, jobs: MemoryJobs) -> None:
        self._rows: tuple[tuple[RowKind, MemoryTracks | MemoryJobs], ...] = (("TRACK", tracks), ("JOB", jobs))
        self._put_off: dict[tuple[str, str], tuple[int, datetime, int]] = {}

    def waiting(self, before: datetime) -> Iterator[OpenRow]:
        found = [row for kind, rows in self._rows for row in self._open(kind, rows) if row.since < before]
        return iter(sorted(found, key=lambda row: row.since))

    def put_off(self, row: OpenRow, until: datetime) -> None:
        rows = dict(self._rows)[row.kind]
        if row in self._open(row.kind, rows):
            version = next(standing.version for standing in rows.all if rows.named(standing) == row.row_id)
            self._put_off[row.owner_id, row.row_id] = (version, until, row.looks + 1)

    def _open(self, kind: RowKind, rows: MemoryTracks | MemoryJobs) -> list[OpenRow]:
        found = []
        for row in rows.all:
            row_id = rows.named(row)
            version, until, looks = self._put_off.get((row.owner_id, row_id), (None, None, 0))
            if row.open_since is not None:
                unmoved = until is not None and version == row.version
                since, looks = (until, looks) if unmoved and until else (row.open_since, 0)
                found.append(OpenRow(kind=kind, owner_id=row.owner_id, row_id=row_id, since=since, looks=looks))
        return found


class MemoryBookmark:
    """`tonearm.ports.Bookmark`."""

    def __init__(self) -> None:
        self.at: str | None = None

    def place(self) -> str | None:
        return self.at

    def move(self, place: str | None, *, seen: str | None) -> None:
        if self.at == seen:
            self.at = place


class MemoryUploads:
    """`tonearm.ports.Uploads`, a versioned bucket."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._notes: dict[str, str] = {}
        self.versions: dict[str, list[bytes]] = {}
        self.arrived_at: dict[str, datetime] = {}

    def upload(self, key: str, content: bytes) -> str:
        """What a browser does with the form; answers the version."""
        self.versions.setdefault(key, []).append(content)
        self.arrived_at[key] = self._clock()
        return str(len(self.versions[key]))

    def form(self, key: str, *, size_bytes: int, note: str, now: datetime) -> UploadForm:
        self._notes[key] = note
        return UploadForm("memory://uploads", {"key": key, "size": str(size_bytes)}, now + timedelta(minutes=5))

    def listed(self, *, after: str | None) -> Iterator[ListedUpload]:
        keys = sorted(key for key in self.versions if after is None or key > after)
        return iter([ListedUpload(key, self.arrived_at[key]) for key in keys])

    def find(self, key: str) -> StoredUpload | None:
        if key not in self.versions:
            return None
        return StoredUpload(len(self.versions[key][-1]), str(len(self.versions[key])), self._notes.get(key))

    def fetch(self, key: str, destination: Path, *, upload_version: str | None) -> None:
        destination.write_bytes(self.versions[key][int(upload_version) - 1 if upload_version else -1])

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
        url = f"memory://uploads/{key}?version={upload_version}&type={content_type}"
        return DownloadLink(url, filename, min(now + timedelta(minutes=5), not_after))

    def delete_all(self, prefix: str) -> None:
        self.versions = {key: kept for key, kept in self.versions.items() if not key.startswith(prefix)}


class MemoryMedia:
    """`tonearm.ports.Media`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_file(self, key: str, source: Path, *, content_type: str) -> None:
        self.objects[key] = source.read_bytes()

    def put_json(self, key: str, document: dict[str, Any]) -> None:
        self.objects[key] = json.dumps(document, allow_nan=False).encode()

    def read_json(self, key: str) -> dict[str, Any] | None:
        if key not in self.objects:
            return None
        document: dict[str, Any] = json.loads(self.objects[key])
        return document

    def fetch(self, key: str, destination: Path) -> None:
        destination.write_bytes(self.objects[key])

    def link(self, key: str, *, filename: str, now: datetime, not_after: datetime) -> DownloadLink:
        return DownloadLink(f"memory://media/{key}", filename, min(now + timedelta(minutes=5), not_after))

    def delete_all(self, prefix: str) -> None:
        self.objects = {key: kept for key, kept in self.objects.items() if not key.startswith(prefix)}


@dataclass
class MemoryQueue:
    """`tonearm.ports.JobQueue`: the messages as they lie in it."""

    messages: list[JobRequested | UploadArrived] = field(default_factory=list)

    def send_job(self, job: Job) -> None:
        self.messages.append(JobRequested(owner_id=job.owner_id, job_id=job.job_id))

    def send_upload(self, track: Track, upload: StoredUpload) -> None:
        self.messages.append(
            UploadArrived(owner_id=track.owner_id, track_id=track.track_id, upload_version=upload.version)
        )


@dataclass
class MemoryWorkflow:
    """`tonearm.ports.Workflow`: the executions and how they stand."""

    states: dict[str, ExecutionState] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)

    def start(self, job: Job) -> None:
        if job.job_id not in self.states:
            self.states[job.job_id] = "running"
            self.inputs[job.job_id] = job.step_input

    def stop(self, job: Job, *, reason: str) -> None:
        if self.states.get(job.job_id) == "running":
            self.states[job.job_id] = "aborted"

    def state(self, job: Job) -> ExecutionState | None:
        return self.states.get(job.job_id)


class MemoryAnnouncer:
    """`tonearm.ports.Announcer`."""

    def __init__(self) -> None:
        self.sent: dict[str, JobEvent] = {}

    def announce(self, event: JobEvent) -> None:
        self.sent.setdefault(event.event_id, event)


class MemoryEngine:
    """`tonearm.ports.AudioEngine` for songs that are words.

    A file is a song when it begins with ``song``; the render of a song that goes on with ``drifts`` breaks its
    promise of length. `calls` counts what was really worked on.
    """

    version = "memory-1"

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def probe(self, path: Path, *, max_duration_s: float, content_sha256: str) -> Probe:
        self.calls["probe"] += 1
        content = self._song(path)
        duration_s = float(len(content))
        if duration_s > max_duration_s:
            raise TrackRejected(
                "track.too_long", f"{duration_s} s", value=duration_s, limit=max_duration_s, mend="Trim it."
            )
        return Probe(
            container="words",
            codec="utf-8",
            sample_rate_hz=44100,
            channels=2,
            frames=44100 * len(content),
            duration_s=duration_s,
            size_bytes=len(content),
            content_sha256=content_sha256,
        )

    def analyze(self, path: Path, *, on_progress: Progress) -> Analysed:
        self.calls["analyze"] += 1
        content = self._song(path)
        on_progress(0.5)
        summary = AnalysisSummary(
            engine_version=self.version,
            duration_s=float(len(content)),
            tempo_bpm=120.0,
            tempo_confidence=0.75,
            integrated_lufs=-14.5,
            true_peak_dbtp=None,
        )
        return Analysed(
            summary,
            {**summary.model_dump(), "beats_s": [0.5, 1.0]},
            self._peaks(content),
            self._peaks(content * 2),
            b"PNG",
        )

    def render(
        self,
        source: Path,
        destination: Path,
        *,
        recipe: Recipe,
        others: Mapping[TrackId, Path],
        on_progress: Progress,
    ) -> Rendered:
        self.calls["render"] += 1
        made = self._song(source) + b" played by " + recipe.canonical_json().encode()
        for track_id in recipe.other_track_ids:
            made += b" with " + self._song(others[track_id])
        on_progress(0.5)
        destination.write_bytes(made)
        return Rendered(duration_s=float(len(made)), pcm_sha256=hashlib.sha256(made).hexdigest())

    def certify(
        self, source: Path, render: Path, *, recipe: Recipe, others: Mapping[TrackId, Path], on_progress: Progress
    ) -> Certified:
        self.calls["certify"] += 1
        song, made = self._song(source), self._song(render)
        assert set(others) == set(recipe.other_track_ids)
        on_progress(0.5)
        drift = 0.5 if song.startswith(b"song drifts") else 0.0
        promise = Promise(
            name="length",
            operation="tempo",
            unit="s",
            expected=float(len(made)),
            measured=len(made) + drift,
            tolerance=0.01,
            kept=drift == 0.0,
        )
        certificate = Certificate(engine_version=self.version, kept=promise.kept, promises=(promise,))
        return Certified(certificate, certificate.model_dump(mode="json"), self._peaks(made))

    @staticmethod
    def _peaks(content: bytes) -> dict[str, Any]:
        return {"version": 2, "data": list(content)}

    @staticmethod
    def _song(path: Path) -> bytes:
        content = path.read_bytes()
        if not content.startswith(b"song"):
            raise TrackRejected("track.not_audio", "These bytes are no song.", mend="Send a song.")
        return content
