"""Job and Track: each transition can be repeated, ends are final, and nothing runs backwards."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.core.make import NOON, a_job, a_track
from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Render
from tonearm.domain.errors import JobAlreadyEnded, Problem
from tonearm.domain.job import TERMINAL, Job, JobEvent, JobStatus, Stage
from tonearm.domain.track import Track, TrackStatus
from tonearm.domain.values import Entity

PROBE = Probe(
    container="WAV",
    codec="pcm",
    sample_rate_hz=44100,
    channels=2,
    frames=44100,
    duration_s=1.0,
    size_bytes=9,
    content_sha256="0" * 64,
)
ANALYSIS = AnalysisSummary(engine_version="1", duration_s=1.0, tempo_confidence=0.0)
RENDER = Render(
    key="k",
    certificate_key="c",
    codec="mp3",
    content_type="audio/mpeg",
    size_bytes=1,
    duration_s=1.0,
    pcm_sha256="0" * 64,
    recipe_hash="0" * 16,
    engine_version="1",
)
Kind = TypeVar("Kind", bound=Entity)
# Clocks of other machines are behind or ahead.
skews = st.integers(-3600, 3600).map(lambda seconds: NOON + timedelta(seconds=seconds))
problems = st.sampled_from([Problem(code="a", detail="a"), Problem(code="b", detail="b", value=1.5)])


def changed_once_and_again(row: Kind, transition: Callable[[Kind], Kind]) -> Kind:
    once = transition(row)
    assert transition(once) is once, "a transition that is repeated changes nothing"
    assert once.updated_at >= row.updated_at, "time on a row never runs backwards"
    return once


class JobLife(RuleBasedStateMachine):
    """A Job, to which anything may happen in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.job: Job = a_job()
        self.ended: tuple[object, ...] | None = None

    def change(self, transition: Callable[[Job], Job]) -> None:
        before = self.job
        try:
            self.job = changed_once_and_again(before, transition)
        except JobAlreadyEnded:
            assert before.is_terminal
        assert self.job.percent >= before.percent, "percent never runs backwards"
        assert (self.job.job_id, self.job.created_at) == (before.job_id, before.created_at)

    @rule(now=skews, stage=st.sampled_from(Stage), fraction=st.floats(-1, 2))
    def progressed(self, now, stage, fraction):  # type: ignore[no-untyped-def]
        self.change(lambda job: job.progressed(now, stage=stage, fraction=fraction))

    @rule(now=skews)
    def rendered(self, now):  # type: ignore[no-untyped-def]
        self.change(lambda job: job.rendered(now, render=RENDER))

    @rule(now=skews)
    def succeeded(self, now):  # type: ignore[no-untyped-def]
        self.change(lambda job: job.succeeded(now))

    @rule(now=skews, problem=problems)
    def failed(self, now, problem):  # type: ignore[no-untyped-def]
        self.change(lambda job: job.failed(now, problem=problem))

    @rule(now=skews, problem=problems)
    def cancelled(self, now, problem):  # type: ignore[no-untyped-def]
        self.change(lambda job: job.cancelled(now, problem=problem))

    @rule(now=skews)
    def told(self, now):  # type: ignore[no-untyped-def]
        self.change(lambda job: job.told(now) if job.is_terminal else job)

    @invariant()
    def ends_are_final(self) -> None:
        end = (self.job.status, self.job.problem, self.job.render, self.job.ended_at, JobEvent.of(self.job))
        if self.ended is not None:
            assert end == self.ended
        elif self.job.status in TERMINAL:
            assert self.job.ended_at is not None
            self.ended = end

    @invariant()
    def it_is_open_until_its_end_was_told(self) -> None:
        assert (self.job.open_since is None) == (self.job.is_terminal and self.job.announced)

    @invariant()
    def it_is_whole_only_when_it_succeeded(self) -> None:
        assert (self.job.percent == 100) == (self.job.status is JobStatus.SUCCEEDED)


class TrackLife(RuleBasedStateMachine):
    """A Track, to which anything may happen in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.track: Track = a_track()

    def change(self, transition: Callable[[Track], Track]) -> None:
        before = self.track
        self.track = changed_once_and_again(before, transition)
        moved = (before.status, self.track.status)
        allowed = {
            TrackStatus.AWAITING_UPLOAD: set(TrackStatus) - {TrackStatus.READY},
            TrackStatus.VALIDATING: set(TrackStatus) - {TrackStatus.AWAITING_UPLOAD},
            TrackStatus.READY: {TrackStatus.READY, TrackStatus.EXPIRED},
            TrackStatus.REJECTED: {TrackStatus.REJECTED, TrackStatus.EXPIRED},
            TrackStatus.EXPIRED: {TrackStatus.EXPIRED},
        }
        assert moved[1] in allowed[moved[0]], moved
        if before.upload_version is not None:
            assert self.track.upload_version == before.upload_version, "later uploads do not count"
        assert self.track.expires_at == before.expires_at

    @rule(now=skews, version=st.sampled_from([None, "1", "2"]))
    def upload_arrived(self, now, version):  # type: ignore[no-untyped-def]
        self.change(lambda track: track.upload_arrived(now, upload_version=version))

    @rule(now=skews)
    def validated(self, now):  # type: ignore[no-untyped-def]
        self.change(lambda track: track.validated(now, probe=PROBE))

    @rule(now=skews)
    def analysed(self, now):  # type: ignore[no-untyped-def]
        self.change(lambda track: track.analysed(now, analysis=ANALYSIS))

    @rule(now=skews, problem=problems)
    def rejected(self, now, problem):  # type: ignore[no-untyped-def]
        self.change(lambda track: track.rejected(now, problem=problem))

    @rule(now=skews)
    def expired(self, now):  # type: ignore[no-untyped-def]
        self.change(lambda track: track.expired(now))

    @rule(now=skews, title=st.sampled_from([None, "A", "B"]), tags=st.sampled_from([None, (), ("a",)]))
    def relabelled(self, now, title, tags):  # type: ignore[no-untyped-def]
        self.change(lambda track: track.relabelled(now, title=title, tags=tags))

    @invariant()
    def the_reason_stands_where_it_was_rejected(self) -> None:
        assert (self.track.problem is not None) >= (self.track.status is TrackStatus.REJECTED)

    @invariant()
    def the_analysis_stands_where_it_is_ready(self) -> None:
        assert (self.track.analysis is not None) >= (self.track.status is TrackStatus.READY)


JobLife.TestCase.settings = TrackLife.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestJobLife = JobLife.TestCase
TestTrackLife = TrackLife.TestCase


def test_a_settled_track_is_owed_its_end_and_nothing_before() -> None:
    ready = a_track().upload_arrived(NOON, upload_version=None).analysed(NOON, analysis=ANALYSIS)
    assert ready.open_since == ready.expires_at
    assert not ready.gone(ready.expires_at - timedelta(seconds=1))
    assert ready.gone(ready.expires_at)
