"""Delete a Track: nothing of it is left, wherever the delete was cut off."""

from datetime import timedelta

import pytest

from tests.unit.core.make import ADA, a_recipe
from tests.unit.core.world import SONG, Crash, Weather, World
from tonearm.domain.job import JobStatus
from tonearm.domain.track import SETTLED_AFTER, Track, TrackStatus


def with_a_full_house(world: World) -> Track:
    """Ada's Track with a render, a job that runs and one that waits; and another Track, which must stay."""
    kept = world.ready_track(recipe=a_recipe())
    track = world.ready_track(recipe=a_recipe())
    running = world.new_job(track, a_recipe(factor=2))
    world.deliver(world.queue.messages.pop())
    world.render_track(running.step_input)
    world.new_job(track, a_recipe(factor=3))
    world.uploads.upload(track.upload_key, SONG)
    assert len(world.jobs.all) == 4
    assert kept.track_id != track.track_id
    return track


def test_rows_objects_and_executions_go_and_the_neighbours_stay(world: World) -> None:
    track = with_a_full_house(world)
    world.delete_track(ADA, track.track_id)
    (left,) = (other for other in world.tracks.all if other.track_id != track.track_id)
    emptied = world.track(track)
    assert emptied.status is TrackStatus.EXPIRED
    assert (emptied.title, emptied.filename, emptied.tags, emptied.recipe) == ("Deleted", "", (), None)
    kept = [job for job in world.jobs.all if job.track_id != left.track_id]
    assert [(job.status, job.recipe) for job in kept] == [(JobStatus.CANCELLED, None)] * 2
    assert all(job.expires_at <= world.clock() for job in kept)
    assert all(left.track_id in key for key in [*world.uploads.versions, *world.media.objects])
    assert sorted(world.workflow.states.values()) == ["aborted", "succeeded", "succeeded"]


def test_the_jobs_that_it_cancels_are_announced_and_go_with_the_row(world: World) -> None:
    track = with_a_full_house(world)
    world.delete_track(ADA, track.track_id)
    cancelled = [job.job_id for job in world.jobs.all if job.status is JobStatus.CANCELLED]
    world.settle()
    assert {f"{job_id}.cancelled" for job_id in cancelled} < set(world.announcer.sent)
    world.clock.now += SETTLED_AFTER
    world.settle()
    assert not any(job.track_id == track.track_id for job in world.jobs.all)


def test_the_end_of_an_execution_that_it_stopped_announces_the_job_at_once(world: World) -> None:
    track, step = world.uploaded_track()
    world.delete_track(ADA, track.track_id)
    world.reconcile.execution_ended(ADA, step.job_id, "aborted")
    assert list(world.announcer.sent) == [f"{step.job_id}.cancelled"]


def test_what_was_still_under_way_is_deleted_when_it_must_have_ended(world: World) -> None:
    # Given a delete, after which a step and an upload that had begun before it still write
    track = with_a_full_house(world)
    world.delete_track(ADA, track.track_id)
    world.media.put_json(track.analysis_key, {"late": True})
    world.uploads.upload(track.upload_key, SONG)
    world.settle()
    # When the reconciler comes by, soon and after all must have ended
    for wait in (timedelta(minutes=5), SETTLED_AFTER):
        world.clock.now += wait
        world.reconcile.sweep()
    # Then nothing is left of it
    assert track.track_id not in {other.track_id for other in world.tracks.all}
    assert not any(track.track_id in key for key in [*world.uploads.versions, *world.media.objects])


def test_deleting_again_changes_nothing(world: World) -> None:
    track = with_a_full_house(world)
    world.delete_track(ADA, track.track_id)
    before = world.picture()
    world.delete_track(ADA, track.track_id)
    assert world.picture() == before


def test_a_job_that_was_cancelled_says_why(world: World) -> None:
    # Given a delete that was cut off after the job was cancelled
    track = world.ready_track()
    job = world.new_job(track, a_recipe())
    world.weather.bad_call = len(world.weather.calls) + 7
    with pytest.raises(Crash, match=r"before MemoryWorkflow\.stop"):
        world.delete_track(ADA, track.track_id)
    cancelled = world.job(job.job_id)
    assert cancelled.problem is not None
    assert (cancelled.status, cancelled.problem.code) == (JobStatus.CANCELLED, "track.deleted")


def test_more_jobs_than_a_page_holds_are_all_deleted(world: World) -> None:
    track = world.ready_track()
    for _ in range(150):
        world.new_job(track, a_recipe())
    world.delete_track(ADA, track.track_id)
    assert {job.status for job in world.jobs.all} == {JobStatus.CANCELLED}
    world.settle()
    world.clock.now += SETTLED_AFTER
    world.settle()
    assert world.jobs.all == []


def test_an_ingest_job_that_the_index_does_not_show_yet_is_deleted_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    track, _ = world.uploaded_track()
    monkeypatch.setattr(world.jobs, "of_track", lambda *_, **__: world.jobs.page("nobody", after=None, limit=1))
    world.delete_track(ADA, track.track_id)
    assert [job.status for job in world.jobs.all] == [JobStatus.CANCELLED]
    world.clock.now += SETTLED_AFTER
    world.delete_track(ADA, track.track_id)
    assert world.jobs.all == []


@pytest.mark.parametrize("work_is_done", [False, True], ids=["before", "after"])
def test_a_delete_that_was_cut_off_anywhere_is_finished_by_the_reconciler(work_is_done: bool) -> None:
    undisturbed = World()
    track = with_a_full_house(undisturbed)
    begun = len(undisturbed.weather.calls)
    undisturbed.delete_track(ADA, track.track_id)
    calls = len(undisturbed.weather.calls) - begun
    assert calls >= 15
    for bad_call in range(1, calls + 1):
        world = World(Weather(work_is_done=work_is_done))
        track = with_a_full_house(world)
        world.weather.bad_call = len(world.weather.calls) + bad_call
        with pytest.raises(Crash):
            world.delete_track(ADA, track.track_id)
        standing = world.tracks.get(ADA, track.track_id)
        if standing is not None and standing.status is not TrackStatus.EXPIRED:
            world.delete_track(ADA, track.track_id)  # it has not begun: its owner has no answer, and asks again
        # When the machines go on and the sweep comes, and comes again when nothing can come after it
        world.settle()
        world.clock.now += SETTLED_AFTER
        world.settle()
        # Then nothing of it is left
        picture = world.picture()
        left = [picture[kind] for kind in ("tracks", "jobs", "uploads", "media", "queue")]
        assert track.track_id not in str(left), world.weather.calls[world.weather.bad_call - 1]
        assert "running" not in picture["executions"]
        assert len(world.tracks.all) == len(world.jobs.all) == 1
