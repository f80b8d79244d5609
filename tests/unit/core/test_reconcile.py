"""Reconcile: the rows agree with what really happened."""

import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.core.make import ADA, NOON, a_job, a_recipe, a_track
from tests.unit.core.world import NOISE, SONG, World
from tonearm.domain.job import Job, JobStatus, Stage
from tonearm.domain.track import SETTLED_AFTER, TrackStatus
from tonearm.ports import ExecutionState
from tonearm.services.reconcile import GRACE, UPLOAD_PATIENCE

CHANCE = random.Random(3)  # noqa: S311  # the same letters in every run


@pytest.fixture
def job(world: World) -> Job:
    """Given a job that was asked for and whose message lies in the queue."""
    return world.new_job(world.ready_track(), a_recipe())


def later(world: World, grace: timedelta = GRACE) -> None:
    world.clock.now += grace + timedelta(seconds=1)


class TestExecutionEnded:
    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ("failed", "job.execution_failed"),
            ("timed_out", "job.execution_timed_out"),
            ("aborted", "job.execution_aborted"),
            ("succeeded", "job.execution_failed"),
        ],
    )
    def test_a_job_that_nobody_ended_fails_with_what_became_of_it(
        self, world: World, job: Job, state: ExecutionState, code: str
    ) -> None:
        ended = world.reconcile.execution_ended(ADA, job.job_id, state)
        assert ended is not None
        assert ended.problem is not None
        assert (ended.status, ended.problem.code) == (JobStatus.FAILED, code)
        assert f"{job.job_id}.failed" in world.announcer.sent

    def test_a_job_that_has_ended_stays_as_it_ended(self, world: World, job: Job) -> None:
        ended = world.finish_job(job.step_input)
        assert world.reconcile.execution_ended(ADA, job.job_id, "failed") == ended

    def test_an_end_that_was_written_and_not_announced_is_announced(self, world: World, job: Job) -> None:
        world.jobs.save(job.succeeded(world.clock()))
        ended = world.reconcile.execution_ended(ADA, job.job_id, "failed")
        assert ended is not None
        assert (ended.status, ended.problem, ended.announced) == (JobStatus.SUCCEEDED, None, True)
        assert f"{job.job_id}.succeeded" in world.announcer.sent

    def test_a_job_that_is_gone_is_nothing_to_end(self, world: World) -> None:
        assert world.reconcile.execution_ended(ADA, a_job().job_id, "failed") is None

    def test_an_ingest_that_died_rejects_its_track(self, world: World) -> None:
        track, step = world.uploaded_track()
        world.workflow.states[step.job_id] = "timed_out"
        world.reconcile.execution_ended(ADA, step.job_id, "timed_out")
        rejected = world.track(track)
        assert rejected.problem is not None
        assert (rejected.status, rejected.problem.code) == (TrackStatus.REJECTED, "job.execution_timed_out")


class TestSweepOfJobs:
    def test_young_work_is_left_alone(self, world: World, job: Job) -> None:
        world.clock.now += GRACE
        assert world.reconcile.sweep() == {}
        assert world.job(job.job_id) == job

    def test_a_job_that_was_never_queued_is_queued(self, world: World, job: Job) -> None:
        world.queue.messages.clear()
        later(world)
        assert world.reconcile.sweep() == {"job_queued_again": 1}
        assert [message.job_id for message in world.queue.messages] == [job.job_id]  # type: ignore[union-attr]

    def test_a_job_that_runs_is_left_running(self, world: World, job: Job) -> None:
        world.deliver(world.queue.messages.pop())
        later(world)
        assert world.reconcile.sweep() == {"job_left_running": 1}
        assert world.job(job.job_id) == job

    @pytest.mark.parametrize("state", ["failed", "timed_out", "aborted", "succeeded"])
    def test_a_job_whose_execution_ended_unheard_is_ended(self, world: World, job: Job, state: ExecutionState) -> None:
        world.deliver(world.queue.messages.pop())
        world.workflow.states[job.job_id] = state
        later(world)
        assert world.reconcile.sweep() == {"job_ended": 1}
        assert world.job(job.job_id).status is JobStatus.FAILED

    def test_a_running_job_whose_execution_is_forgotten_is_started_again(self, world: World, job: Job) -> None:
        # An emulator that was killed forgets executions; AWS does after 90 days.
        world.deliver(world.queue.messages.pop())
        world.render_track(job.step_input)
        world.workflow.states.clear()
        later(world)
        assert world.reconcile.sweep() == {"job_queued_again": 1}
        world.settle()
        assert world.job(job.job_id).status is JobStatus.SUCCEEDED
        assert world.engine.calls["render"] == 1

    def test_a_job_whose_execution_ended_well_has_ended_well_where_all_that_it_made_is_there(
        self, world: World, job: Job
    ) -> None:
        # Given a table that was restored to a moment before the last write
        world.deliver(world.queue.messages.pop())
        world.run_execution(job.step_input)
        ended = world.job(job.job_id)
        world.jobs.save(ended.model_copy(update={"status": JobStatus.RUNNING, "ended_at": None, "announced": False}))
        later(world)
        assert world.reconcile.sweep() == {"job_ended": 1}
        assert world.job(job.job_id).status is JobStatus.SUCCEEDED
        assert list(world.announcer.sent).count(f"{job.job_id}.succeeded") == 1

    def test_a_job_that_cannot_be_started_is_tried_again_less_and_less_often_and_then_fails(
        self, world: World, job: Job
    ) -> None:
        # Given that no message ever starts it
        asked_at = []
        begun = world.clock.now
        while not world.job(job.job_id).is_terminal:
            world.queue.messages.clear()
            world.clock.advance(minutes=5)
            world.reconcile.sweep()
            if world.queue.messages:
                asked_at.append((world.clock.now - begun) / timedelta(minutes=1))
            assert world.clock.now - begun < timedelta(hours=2)
        assert asked_at == [5, 10, 20, 40, 60]
        failed = world.job(job.job_id)
        assert (failed.status, failed.problem.code if failed.problem else "") == (JobStatus.FAILED, "job.not_started")
        assert f"{job.job_id}.failed" in world.announcer.sent

    def test_a_job_that_says_nothing_for_longer_than_its_execution_may_run_is_stopped(
        self, world: World, job: Job
    ) -> None:
        world.deliver(world.queue.messages.pop())
        begun = world.clock.now
        while not world.job(job.job_id).is_terminal:
            assert world.workflow.states[job.job_id] == "running"
            world.clock.advance(minutes=5)
            world.reconcile.sweep()
        stalled = world.job(job.job_id)
        assert (stalled.status, stalled.problem.code if stalled.problem else "") == (JobStatus.FAILED, "job.stalled")
        assert world.workflow.states[job.job_id] == "aborted"
        assert timedelta(hours=1) < world.clock.now - begun < timedelta(hours=2)

    def test_a_job_that_moves_is_not_asked_after(self, world: World, job: Job) -> None:
        world.deliver(world.queue.messages.pop())
        for minute in range(90):
            world.clock.advance(minutes=1)
            world.jobs.save(
                world.job(job.job_id).progressed(world.clock(), stage=Stage.TRANSFORM, fraction=minute / 90)
            )
            assert world.reconcile.sweep() == {}

    def test_an_end_that_was_written_and_not_announced_is_announced(self, world: World, job: Job) -> None:
        world.jobs.save(job.succeeded(world.clock()))
        later(world)
        assert world.reconcile.sweep() == {"job_announced": 1}
        assert f"{job.job_id}.succeeded" in world.announcer.sent
        assert world.job(job.job_id).announced
        assert world.reconcile.sweep() == {}


class TestSweepOfTracks:
    def test_an_upload_whose_event_was_lost_is_told_again_in_its_version(self, world: World) -> None:
        track = world.new_track()
        event = world.upload(track)
        later(world)
        assert world.reconcile.sweep() == {"upload_queued_again": 1}
        assert world.queue.messages == [event]

    def test_a_track_without_upload_is_left_waiting_and_in_the_end_deleted(self, world: World) -> None:
        track = world.new_track()
        later(world)
        assert world.reconcile.sweep() == {"track_left_waiting": 1}
        assert world.track(track) == track
        later(world, UPLOAD_PATIENCE)
        assert world.reconcile.sweep() == {"track_without_upload_deleted": 1}
        later(world, SETTLED_AFTER)
        assert world.reconcile.sweep() == {"track_deletion_finished": 1}
        assert world.tracks.all == []

    def test_a_validating_track_whose_job_was_never_written_is_told_again(self, world: World) -> None:
        track = world.new_track()
        event = world.upload(track)
        world.tracks.save(track.upload_arrived(world.clock(), upload_version=event.upload_version))
        later(world)
        assert world.reconcile.sweep() == {"upload_queued_again": 1}
        world.settle()
        assert world.track(track).status is TrackStatus.READY

    def test_a_validating_track_whose_job_runs_is_left_validating(self, world: World) -> None:
        track, _ = world.uploaded_track()
        later(world)
        assert world.reconcile.sweep() == {"job_left_running": 1, "track_left_validating": 1}
        assert world.track(track).status is TrackStatus.VALIDATING

    def test_a_validating_track_whose_job_failed_without_it_is_rejected(self, world: World) -> None:
        # Given a job that was ended and announced, by a process that died before it came to the Track
        track, step = world.uploaded_track(NOISE)
        world.run_execution(step)
        rejected = world.track(track)
        world.tracks.save(rejected.model_copy(update={"status": TrackStatus.VALIDATING, "problem": None}))
        later(world)
        assert world.reconcile.sweep() == {"track_ended": 1}
        assert (world.track(track).status, world.track(track).problem) == (TrackStatus.REJECTED, rejected.problem)

    @pytest.mark.parametrize("said", [{}, {"recipe": a_recipe()}])
    def test_an_expired_track_goes_with_all_that_was_made_from_it(self, world: World, said: dict[str, Any]) -> None:
        track = world.ready_track(**said)
        world.clock.now = track.expires_at
        later(world)
        assert world.reconcile.sweep() == {"track_deletion_finished": 1}
        assert world.jobs.all == []
        assert (world.uploads.versions, world.media.objects) == ({}, {})
        # And its emptied row when nothing can come after it any more
        later(world, SETTLED_AFTER)
        world.reconcile.sweep()
        assert world.tracks.all == []

    def test_a_rejected_track_goes_when_it_expires(self, world: World) -> None:
        track = world.ready_track(NOISE)
        world.clock.now = track.expires_at
        later(world)
        assert world.reconcile.sweep() == {"track_deletion_finished": 1}
        later(world, SETTLED_AFTER)
        world.reconcile.sweep()
        assert world.tracks.all == []


def test_an_end_that_is_told_of_a_running_execution_is_not_believed(world: World) -> None:
    _, job = world.uploaded_track()
    world.reconcile.execution_ended(job.owner_id, job.job_id, "failed")
    assert not world.job(job.job_id).is_terminal


def test_one_broken_row_does_not_keep_the_others(world: World, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an older job, after whose execution one cannot ask
    broken = world.jobs.add(a_job(created_at=job.created_at - timedelta(hours=1)))
    state = world.workflow.state

    def broken_state(asked: Job) -> ExecutionState | None:
        if asked.job_id == broken.job_id:
            raise PermissionError("not this one")
        return state(asked)

    monkeypatch.setattr(world.workflow, "state", broken_state)
    world.queue.messages.clear()
    later(world)
    # When the sweep comes, Then it says what went wrong, and the others were looked at
    with pytest.raises(ExceptionGroup) as failed:
        world.reconcile.sweep()
    assert [str(failure) for failure in failed.value.exceptions] == ["not this one"]
    assert [message.job_id for message in world.queue.messages] == [job.job_id]  # type: ignore[union-attr]


def _written_by_chance(length: int) -> str:
    """Text that no compression makes shorter."""
    return "".join(chr(CHANCE.randrange(0x4E00, 0x9FA5)) for _ in range(length))


class TestUploadsWithoutARow:
    """Given a bucket that remembers more than the table: it was restored to a moment ago, or its machine was killed."""

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"recipe": a_recipe(), "title": "Océan ☃", "tags": ("a", "b"), "filename": "Lied.flac"},
            {"title": _written_by_chance(200), "tags": tuple(_written_by_chance(40) for _ in range(20))},
        ],
    )
    def test_a_track_that_was_lost_is_written_anew_and_goes_its_way(self, world: World, said: dict[str, Any]) -> None:
        # Given an upload whose row and event are lost
        track = world.new_track(**said)
        world.upload(track)
        world.tracks.remove(track)
        later(world)
        # When the sweep comes
        assert world.reconcile.sweep() == {"track_written_anew": 1}
        world.settle()
        # Then the Track is there as it was asked for, except for labels that were too long to keep, and is ready
        anew = world.track(track)
        assert anew.status is TrackStatus.READY
        kept = {"owner_id", "ingest_job_id", "filename", "size_bytes", "recipe", "correlation_id", "created_at"}
        kept |= {"expires_at", "declared_sha256", "title", "tier"} | (set() if len(track.tags) == 20 else {"tags"})
        assert anew.model_dump(include=kept) == track.model_dump(include=kept)
        assert world.job(track.ingest_job_id).status is JobStatus.SUCCEEDED
        assert world.reconcile.sweep() == {}

    def test_a_young_one_is_left_alone(self, world: World) -> None:
        track = world.new_track()
        world.upload(track)
        world.tracks.remove(track)
        assert world.reconcile.sweep() == {}

    def test_a_deleted_track_stays_deleted_though_its_upload_came_late(self, world: World) -> None:
        track = world.ready_track()
        world.delete_track(ADA, track.track_id)
        world.upload(track)
        for _ in range(3):
            later(world)
            world.reconcile.sweep()
        assert world.queue.messages == []
        assert world.track(track).status is TrackStatus.EXPIRED
        world.clock.now += SETTLED_AFTER
        world.settle()
        assert (world.tracks.all, world.uploads.versions) == ([], {})
        assert world.reconcile.sweep() == {}

    def test_an_expired_track_stays_expired_and_its_upload_goes(self, world: World) -> None:
        track = world.ready_track()
        world.tracks.remove(track)
        world.clock.now = track.expires_at
        assert world.reconcile.sweep() == {"expired_upload_deleted": 1}
        assert world.tracks.all == []
        assert world.uploads.versions == {}

    def test_one_without_a_note_is_counted_and_left(self, world: World) -> None:
        world.uploads.upload(a_track().upload_key, SONG)
        later(world)
        assert world.reconcile.sweep() == {"upload_without_track_or_note": 1}
        assert world.tracks.all == []

    def test_a_note_that_cannot_be_read_is_told_and_keeps_nothing(self, world: World) -> None:
        # Given an upload with somebody else's note, and one that was lost
        strange, lost = a_track(), world.new_track()
        world.uploads.form(strange.upload_key, size_bytes=1, note="eJwDAAAAAAE=", now=world.clock())
        for track in (strange, lost):
            world.uploads.upload(track.upload_key, SONG)
        world.tracks.remove(lost)
        later(world)
        with pytest.raises(ExceptionGroup) as failed:
            world.reconcile.sweep()
        assert "no note" in str(failed.value.exceptions[0])
        assert world.track(lost).status is TrackStatus.AWAITING_UPLOAD

    def test_a_deleted_track_stays_deleted_however_slow_its_upload_was(self, world: World) -> None:
        # Given a track that was deleted while its upload was under way, and sweeps since
        track = world.new_track()
        world.delete_track(track.owner_id, track.track_id)
        for wait in (timedelta(hours=1, minutes=5), UPLOAD_PATIENCE - timedelta(hours=2)):
            later(world, wait)
            world.reconcile.sweep()
        # When the upload has come at last, Then nothing of it stays
        world.upload(track)
        world.queue.messages.clear()
        later(world, timedelta(hours=1))
        world.reconcile.sweep()
        assert world.tracks.all == []
        assert world.uploads.versions == {}

    def test_a_walk_through_many_goes_on_where_it_stopped(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tonearm.services.reconcile.UPLOADS_A_SWEEP", 2)
        tracks = [world.new_track() for _ in range(5)]
        for track in tracks:
            world.upload(track)
            world.tracks.remove(track)
        later(world)
        assert [world.reconcile.sweep()["track_written_anew"] for _ in range(4)] == [2, 2, 1, 0]
        assert len(world.tracks.all) == 5


def test_a_ready_track_that_is_validating_again_is_ingested_anew(world: World) -> None:
    # Given a table that was restored to a moment before the Track was ready, but not before its job had ended
    track = world.ready_track()
    first = track.ingest_job_id
    world.tracks.save(track.model_copy(update={"status": TrackStatus.VALIDATING, "analysis": None}))
    later(world)
    assert world.reconcile.sweep() == {"upload_queued_again": 1}
    world.settle()
    ready = world.track(track)
    assert (ready.status, ready.analysis) == (TrackStatus.READY, track.analysis)
    assert ready.ingest_job_id != first
    assert world.job(ready.ingest_job_id).status is JobStatus.SUCCEEDED


def test_an_upload_that_nobody_can_start_ends_with_a_reason(world: World) -> None:
    # Given that every message about it ends in the dead-letter queue
    track = world.new_track()
    world.upload(track)
    begun = world.clock.now
    while world.track(track).status is TrackStatus.AWAITING_UPLOAD:
        world.clock.advance(minutes=5)
        world.reconcile.sweep()
        world.queue.messages.clear()
        assert world.clock.now - begun < timedelta(hours=2)
    rejected = world.track(track)
    assert (rejected.status, rejected.problem.code if rejected.problem else "") == (
        TrackStatus.REJECTED,
        "job.not_started",
    )
    assert world.job(track.ingest_job_id).status is JobStatus.FAILED
    assert f"{track.ingest_job_id}.failed" in world.announcer.sent


class TestManyRows:
    """Given more than one sweep has time for."""

    def test_a_sweep_that_is_cut_short_is_gone_on_with_until_all_were_looked_at_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given thirty jobs that run, and a minute for each look
        jobs = [world.jobs.add(a_job()) for _ in range(30)]
        asked: list[str] = []

        def state(job: Job) -> ExecutionState:
            asked.append(job.job_id)
            world.clock.advance(minutes=0.1)
            return "running"

        monkeypatch.setattr(world.workflow, "state", state)
        later(world)
        # When sweeps come that have time for ten
        for _ in range(3):
            swept = world.reconcile.sweep(within=timedelta(minutes=0.95))
            assert swept["job_left_running"] == 10
        # Then each was asked after once
        assert sorted(asked) == sorted(job.job_id for job in jobs)

    def test_rows_that_always_fail_do_not_keep_the_others_from_their_turn(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given old rows that cannot be read, more than a sweep has time for, and a younger one
        broken = {world.jobs.add(a_job(updated_at=NOON - timedelta(hours=1))).job_id for _ in range(10)}
        job = world.jobs.add(a_job())
        get = world.jobs.get

        def unreadable(owner_id: str, job_id: str) -> Job | None:
            world.clock.advance(seconds=6)
            if job_id in broken:
                raise ValueError("no row of ours")
            return get(owner_id, job_id)

        monkeypatch.setattr(world.jobs, "get", unreadable)
        later(world)
        for _ in range(3):
            with suppress(ExceptionGroup):
                world.reconcile.sweep(within=timedelta(seconds=30))
        assert [message.job_id for message in world.queue.messages] == [job.job_id]  # type: ignore[union-attr]
