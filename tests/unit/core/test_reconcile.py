"""Reconcile: the rows agree with what really happened."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.core.make import ADA, a_job, a_recipe
from tests.unit.core.world import NOISE, World
from tonearm.domain.job import Job, JobStatus
from tonearm.domain.track import SETTLED_AFTER, TrackStatus
from tonearm.ports import ExecutionState
from tonearm.services.reconcile import GRACE, UPLOAD_PATIENCE


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

    def test_a_running_job_whose_execution_is_forgotten_is_ended(self, world: World, job: Job) -> None:
        # An emulator that was killed forgets executions; AWS does after 90 days.
        world.deliver(world.queue.messages.pop())
        world.render_track(job.step_input)
        world.workflow.states.clear()
        later(world)
        assert world.reconcile.sweep() == {"job_ended": 1}
        assert world.job(job.job_id).status is JobStatus.FAILED

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
