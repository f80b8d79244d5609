"""The whole of Tonearm in memory: its use cases on the ports of `memory`, a client, and a walk through the workflow."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from tests.unit.core.make import ADA
from tests.unit.core.memory import (
    MemoryAnnouncer,
    MemoryBookmark,
    MemoryEngine,
    MemoryJobs,
    MemoryMedia,
    MemoryOpenWork,
    MemoryOwnersWork,
    MemoryQueue,
    MemoryTracks,
    MemoryUploads,
    MemoryWorkflow,
    MovableClock,
)
from tonearm.adapters.messages import JobRequested, UploadArrived
from tonearm.domain.errors import JobAlreadyEnded, PromiseBroken, RecipeRefused, TonearmError, TrackRejected
from tonearm.domain.ids import new_job_id, new_track_id
from tonearm.domain.job import Job, JobKind, StepInput
from tonearm.domain.recipe import Recipe
from tonearm.domain.tier import Tier, TierLimits, TierTable
from tonearm.domain.track import Track
from tonearm.services.allowance import Allowance
from tonearm.services.analyze_track import AnalyzeTrack
from tonearm.services.certify_render import CertifyRender
from tonearm.services.create_downloads import CreateDownloads
from tonearm.services.create_job import CreateJob
from tonearm.services.create_track import CreateTrack, NewTrack
from tonearm.services.delete_track import DeleteTrack
from tonearm.services.fetch_sources import FetchSources
from tonearm.services.finish_job import Failure, FinishJob
from tonearm.services.ownership import Ownership
from tonearm.services.reconcile import Reconcile
from tonearm.services.relabel_track import RelabelTrack
from tonearm.services.render_track import RenderTrack
from tonearm.services.start_job import StartJob
from tonearm.services.step import BeginStage
from tonearm.services.validate_upload import ValidateUpload

MAX_UPLOAD_BYTES = 1_000
MAX_DURATION_S = 500.0
TIERS = TierTable(
    free=TierLimits(max_upload_bytes=MAX_UPLOAD_BYTES, max_duration_s=MAX_DURATION_S),
    pro=TierLimits(max_upload_bytes=3 * MAX_UPLOAD_BYTES, max_duration_s=2 * MAX_DURATION_S),
)
SONG, NOISE, DRIFTING = b"song of the sea", b"noise of the street", b"song drifts away"

Answer = TypeVar("Answer")


class Crash(Exception):
    """The process is gone, or the answer to what it did."""


@dataclass
class Weather:
    """What befalls calls of the outside: the `bad_call`-th one crashes, before its work is done or after."""

    bad_call: int | None = None
    work_is_done: bool = False
    calls: list[str] = field(default_factory=list)

    def around(self, outside: Any) -> Any:
        """The port, in this weather."""
        return _Exposed(outside, self)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        struck = len(self.calls) == self.bad_call
        if struck and not self.work_is_done:
            raise Crash(f"before {name}")
        yield
        if struck:
            raise Crash(f"after {name}")


class _Exposed:
    def __init__(self, outside: Any, weather: Weather) -> None:
        self._outside = outside
        self._weather = weather

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._outside, name)
        if not callable(found):
            return found

        def exposed(*arguments: Any, **named: Any) -> Any:
            with self._weather.call(f"{type(self._outside).__name__}.{name}"):
                return found(*arguments, **named)

        return exposed


class World:
    """Given Tonearm in memory. What is in it is read directly; the use cases reach it through the weather."""

    def __init__(self, weather: Weather | None = None) -> None:
        self.weather = weather or Weather()
        self.clock = MovableClock()
        self.tracks, self.jobs = MemoryTracks(), MemoryJobs()
        self.open_work, self.bookmark = MemoryOpenWork(self.tracks, self.jobs), MemoryBookmark()
        self.uploads, self.media = MemoryUploads(self.clock), MemoryMedia()
        self.queue, self.workflow = MemoryQueue(), MemoryWorkflow()
        self.announcer, self.engine = MemoryAnnouncer(), MemoryEngine()
        self._made_up: dict[str, str] = {}
        around = self.weather.around
        self._tracks, self._jobs = around(self.tracks), around(self.jobs)
        self._owners_work = around(MemoryOwnersWork(self.tracks, self.jobs))
        self._open_work, self._bookmark = around(self.open_work), around(self.bookmark)
        self._uploads, self._media = around(self.uploads), around(self.media)
        self._queue, self._workflow = around(self.queue), around(self.workflow)
        self._announcer, self._engine = around(self.announcer), around(self.engine)

    # ---------------------------------------------------------------- use cases

    @cached_property
    def ownership(self) -> Ownership:
        return Ownership(self._tracks, self._jobs, self.clock)

    @cached_property
    def allowance(self) -> Allowance:
        return Allowance(self._owners_work)

    @cached_property
    def create_track(self) -> CreateTrack:
        return CreateTrack(
            self._tracks,
            self._uploads,
            self.ownership,
            self.allowance,
            self.clock,
            tiers=TIERS,
            retention=timedelta(days=30),
        )

    @cached_property
    def relabel_track(self) -> RelabelTrack:
        return RelabelTrack(self._tracks, self.ownership, self.clock)

    @cached_property
    def delete_track(self) -> DeleteTrack:
        return DeleteTrack(self._tracks, self._jobs, self._uploads, self._media, self._workflow, self.clock)

    @cached_property
    def create_job(self) -> CreateJob:
        return CreateJob(self._jobs, self._queue, self.ownership, self.allowance, self.clock)

    @cached_property
    def create_downloads(self) -> CreateDownloads:
        return CreateDownloads(self.ownership, self._uploads, self._media, self.clock)

    @cached_property
    def start_job(self) -> StartJob:
        return StartJob(self._tracks, self._jobs, self._workflow, self.clock)

    @cached_property
    def begin_stage(self) -> BeginStage:
        return BeginStage(self._tracks, self._jobs, self.clock)

    @cached_property
    def validate_upload(self) -> ValidateUpload:
        return ValidateUpload(
            self.begin_stage,
            self._tracks,
            self._uploads,
            self._engine,
            self.clock,
            tiers=TIERS,
        )

    @cached_property
    def analyze_track(self) -> AnalyzeTrack:
        return AnalyzeTrack(self.begin_stage, self._tracks, self._uploads, self._media, self._engine, self.clock)

    @cached_property
    def fetch_sources(self) -> FetchSources:
        return FetchSources(self.ownership, self._uploads)

    @cached_property
    def render_track(self) -> RenderTrack:
        return RenderTrack(self.begin_stage, self.fetch_sources, self._media, self._engine)

    @cached_property
    def certify_render(self) -> CertifyRender:
        return CertifyRender(self.begin_stage, self._jobs, self.fetch_sources, self._media, self._engine, self.clock)

    @cached_property
    def finish_job(self) -> FinishJob:
        return FinishJob(self._tracks, self._jobs, self._announcer, self.clock)

    @cached_property
    def reconcile(self) -> Reconcile:
        return Reconcile(
            self._tracks,
            self._jobs,
            self._open_work,
            self._uploads,
            self._bookmark,
            self._queue,
            self._workflow,
            self.finish_job,
            self.delete_track,
            self.clock,
        )

    # ---------------------------------------------------------------- what people and AWS do

    def new_track(
        self, content: bytes = SONG, *, track_id: str | None = None, tier: Tier = Tier.FREE, **said: Any
    ) -> Track:
        """Ada creates a Track; nothing is uploaded yet."""
        new = NewTrack(**{"filename": "song.mp3", "size_bytes": len(content), **said})
        track, _ = self.create_track(
            ADA, new, tier=tier, track_id=track_id or new_track_id(), correlation_id="request-1"
        )
        self._made_up[track.ingest_job_id] = f"ingest-of-{track.track_id}"
        return track

    def upload(self, track: Track, content: bytes = SONG) -> UploadArrived:
        """The bytes come; answers the event that S3 tells of them."""
        version = self.uploads.upload(track.upload_key, content)
        return UploadArrived(owner_id=track.owner_id, track_id=track.track_id, upload_version=version)

    def uploaded_track(self, content: bytes = SONG, **said: Any) -> tuple[Track, StepInput]:
        """A Track whose upload has arrived, and what its execution was started with."""
        track = self.new_track(content, **said)
        job = self.deliver(self.upload(track, content))
        assert job is not None
        return self.track(track), job.step_input

    def ready_track(self, content: bytes = SONG, **said: Any) -> Track:
        """A Track whose ingest is through."""
        track, step = self.uploaded_track(content, **said)
        self.run_execution(step)
        return self.track(track)

    def new_job(self, track: Track, recipe: Recipe, *, job_id: str | None = None) -> Job:
        """Ada asks for a render."""
        return self.create_job(
            track.owner_id, track.track_id, recipe, job_id=job_id or new_job_id(), correlation_id="request-2"
        )

    def deliver(self, message: JobRequested | UploadArrived) -> Job | None:
        """`start_job` is given a message."""
        if isinstance(message, JobRequested):
            return self.start_job.job_requested(message.owner_id, message.job_id)
        return self.start_job.upload_arrived(message.owner_id, message.track_id, upload_version=message.upload_version)

    def run_execution(self, step: StepInput) -> None:
        """What statemachines/process_track.asl.json does, with a crash tried again as `Runtime.ExitError`."""
        steps: list[tuple[str, Callable[[StepInput], object]]] = []
        if step.kind is JobKind.INGEST:
            steps += [("Validate upload", self.validate_upload), ("Analyze tempo and duration", self.analyze_track)]
        if step.has_recipe:
            steps += [("Transform", self.render_track), ("Certify render", self.certify_render)]
        failure: Failure | None = None
        for state, use_case in steps:
            try:
                _tried_again(lambda use_case=use_case: use_case(step))  # type: ignore[misc]
            except TonearmError as error:
                failure = Failure(state=state, error=type(error).__name__, cause=lambda_cause(error))
                break
        _tried_again(lambda: self.finish_job(step, failure))
        at_fault = {kind.__name__ for kind in (TrackRejected, RecipeRefused, PromiseBroken, JobAlreadyEnded)}
        if self.workflow.states[step.job_id] == "running":
            ended_well = failure is None or failure.error in at_fault
            self.workflow.states[step.job_id] = "succeeded" if ended_well else "failed"

    def settle(self) -> Counter[str]:
        """Messages are delivered, executions run, and the reconciler sweeps, until nothing is owed to anything."""
        swept: Counter[str] = Counter()
        for _ in range(5):
            while self.queue.messages:
                _tried_again(lambda: self.deliver(self.queue.messages[0]))
                self.queue.messages.pop(0)
            for job_id, state in list(self.workflow.states.items()):
                if state == "running":
                    self.run_execution(self.workflow.inputs[job_id])
            self.clock.advance(minutes=5)
            swept += _tried_again(self.reconcile.sweep)
        return swept

    # ---------------------------------------------------------------- what is there

    def track(self, track: Track) -> Track:
        """The Track as it stands now."""
        found = self.tracks.get(track.owner_id, track.track_id)
        assert found is not None
        return found

    def job(self, job_id: str) -> Job:
        """The Job as it stands now."""
        found = self.jobs.get(ADA, job_id)
        assert found is not None
        return found

    def picture(self) -> dict[str, Any]:
        """All that there is, without what differs between two runs of the same story: times, versions, made-up ids."""
        by_chance = {"created_at", "updated_at", "ended_at", "expires_at", "version", "occurred_at"}

        def told(value: Any) -> Any:
            text = json.dumps(value.model_dump(mode="json", exclude=by_chance), sort_keys=True)
            for name, label in self._made_up.items():
                text = text.replace(name, label)
            return json.loads(text)

        return {
            "tracks": [told(track) for track in self.tracks.all],
            "jobs": [told(job) for job in self.jobs.all],
            "uploads": self.uploads.versions,
            "media": self.media.objects,
            "announced": sorted(told(event)["event_id"] for event in self.announcer.sent.values()),
            "executions": sorted(self.workflow.states.values()),
            "queue": self.queue.messages,
        }


def lambda_cause(error: TonearmError) -> str:
    """How Lambda words an exception for the workflow."""
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": ["  File …"]})


def _tried_again(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except* Crash:
        pass
    return work()
