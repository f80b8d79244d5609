"""Start a job: for an upload that arrived, or for a job that was asked for."""

from contextlib import suppress

import pytest

from tests.unit.core.make import a_job, a_recipe
from tests.unit.core.world import NOISE, SONG, Crash, Weather, World
from tonearm.adapters.messages import JobRequested
from tonearm.domain.job import JobKind, JobStatus
from tonearm.domain.track import TrackStatus
from tonearm.services.start_job import upload_of


def test_an_upload_starts_the_ingest_of_its_track(world: World) -> None:
    track = world.new_track(recipe=a_recipe())
    job = world.deliver(world.upload(track))
    assert job is not None
    assert (job.job_id, job.kind, job.status) == (track.ingest_job_id, JobKind.INGEST, JobStatus.QUEUED)
    assert world.track(track).status is TrackStatus.VALIDATING
    step = world.workflow.inputs[job.job_id]
    assert (step.has_recipe, step.correlation_id) == (True, track.correlation_id)


def test_the_same_event_twice_is_one_job_and_one_execution(world: World) -> None:
    track = world.new_track()
    event = world.upload(track)
    first, again = world.deliver(event), world.deliver(event)
    assert first == again
    assert len(world.jobs.all) == len(world.workflow.states) == 1


def test_the_same_event_after_the_end_starts_nothing(world: World) -> None:
    track = world.new_track()
    event = world.upload(track)
    world.deliver(event)
    world.settle()
    before = world.picture()
    assert world.deliver(event) is None
    assert world.picture() == before


@pytest.mark.parametrize("content", [SONG, NOISE])
def test_a_second_upload_after_the_first_was_settled_starts_nothing(world: World, content: bytes) -> None:
    track = world.ready_track(content)
    version = track.upload_version
    assert world.deliver(world.upload(track, b"song that is another")) is None
    assert world.track(track).upload_version == version
    assert len(world.jobs.all) == 1


def test_a_second_upload_while_the_first_is_validated_does_not_count(world: World) -> None:
    # Given two uploads, and the event of the first
    track = world.new_track()
    first = world.upload(track)
    second = world.upload(track, NOISE)
    world.deliver(first)
    world.deliver(second)
    # Then it is the first that is validated
    world.settle()
    assert world.track(track).status is TrackStatus.READY


@pytest.mark.parametrize("work_is_done", [False, True], ids=["before", "after"])
def test_wherever_it_is_cut_off_a_job_that_stands_has_a_track_that_is_being_validated(work_is_done: bool) -> None:
    # Otherwise the job could run through and leave the Track waiting for an upload that has been there long ago.
    for bad_call in range(1, 6):
        world = World(Weather(work_is_done=work_is_done))
        track = world.new_track()
        event = world.upload(track)
        world.weather.bad_call = len(world.weather.calls) + bad_call
        with suppress(Crash):
            world.deliver(event)
        assert world.jobs.all == [] or world.track(track).status is TrackStatus.VALIDATING
    assert world.workflow.states, "the last round went through"


def test_an_upload_of_a_deleted_or_expired_track_starts_nothing(world: World) -> None:
    deleted, expired = world.new_track(), world.new_track()
    events = [world.upload(deleted), world.upload(expired)]
    world.delete_track(deleted.owner_id, deleted.track_id)
    world.clock.advance(days=30)
    assert [world.deliver(event) for event in events] == [None, None]
    assert world.jobs.all == []
    assert world.workflow.states == {}
    assert world.track(expired).status is TrackStatus.AWAITING_UPLOAD


def test_a_job_that_was_asked_for_starts_once(world: World) -> None:
    job = world.new_job(world.ready_track(), a_recipe())
    message = world.queue.messages[0]
    assert world.deliver(message) == world.deliver(message) == job
    assert world.workflow.states[job.job_id] == "running"


def test_a_job_that_is_gone_starts_nothing(world: World) -> None:
    assert world.deliver(JobRequested(owner_id=a_job().owner_id, job_id=a_job().job_id)) is None
    assert world.workflow.states == {}


def test_a_job_that_has_ended_starts_nothing(world: World) -> None:
    job = world.jobs.add(a_job())
    world.jobs.save(job.succeeded(world.clock()))
    world.deliver(JobRequested(owner_id=job.owner_id, job_id=job.job_id))
    assert world.workflow.states == {}


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("uploads/owner/track/source", ("owner", "track")),
        ("uploads/owner/track/source/", None),
        ("uploads/owner/track/source\n", None),
        ("uploads/owner/source", None),
        ("uploads/a/b/c/source", None),
        ("media/owner/track/source", None),
        ("/uploads/owner/track/source", None),
    ],
)
def test_only_the_key_of_an_upload_names_one(key: str, found: tuple[str, str] | None) -> None:
    assert upload_of(key) == found
