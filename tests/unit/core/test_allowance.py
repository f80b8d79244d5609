"""What one owner may have under way at once."""

import pytest

from tests.unit.core.make import ADA, BOB, a_recipe
from tests.unit.core.world import NOISE, World
from tonearm.domain.errors import LimitReached
from tonearm.domain.tier import Tier
from tonearm.services.allowance import MAX_OPEN_WORK
from tonearm.services.create_track import NewTrack


def fill(world: World, *, leave: int = 0) -> None:
    """Ada has all under way that she may, but for `leave`."""
    while world.allowance.work.count(ADA, at_most=MAX_OPEN_WORK) < MAX_OPEN_WORK - leave:
        world.new_track()


def test_the_last_place_is_given_and_none_after_it(world: World) -> None:
    fill(world, leave=1)
    world.new_track()
    with pytest.raises(LimitReached) as refusal:
        world.new_track()
    problem = refusal.value.problem
    assert (problem.code, problem.value, problem.limit) == ("owner.too_much_open_work", 500, 500)
    assert problem.mend
    assert len(world.tracks.all) == 500


def test_uploads_and_jobs_count_together_and_each_once(world: World) -> None:
    # Given a track that is being ingested, and uploads that leave one place
    ready = world.ready_track()
    world.uploaded_track()
    fill(world, leave=1)
    # When a render takes it, Then there is no other
    world.new_job(ready, a_recipe())
    with pytest.raises(LimitReached):
        world.new_job(ready, a_recipe(factor=2))


def test_what_ends_makes_room_however_it_ends(world: World) -> None:
    ready = world.ready_track()
    waiting = world.new_track()
    rendering = world.new_job(ready, a_recipe())
    wrong = world.new_track(NOISE)
    ends = {
        "succeeded": lambda: world.finish_job.end(ADA, rendering.job_id, None),
        "deleted": lambda: world.delete_track(ADA, waiting.track_id),
        "rejected": lambda: (world.deliver(world.upload(wrong, NOISE)), world.settle()),
    }
    for how, end in ends.items():
        fill(world)
        with pytest.raises(LimitReached):
            world.new_track()
        end()
        assert world.new_track(), how


def test_what_came_before_is_answered_all_the_same(world: World) -> None:
    # Given an owner without room, who does not know whether the last request arrived
    ready = world.ready_track()
    job = world.new_job(ready, a_recipe())
    track = world.new_track()
    fill(world)
    # When it is sent again, Then it is answered as before
    assert world.new_track(track_id=track.track_id) == track
    assert world.new_job(ready, a_recipe(), job_id=job.job_id) == job


def test_nobody_takes_anothers_room(world: World) -> None:
    fill(world)
    song = NewTrack(filename="song.mp3", size_bytes=4)
    track_id = "trk_01jd3v8w2q5r7s9t1v3x5y7z9a"
    track, _ = world.create_track(BOB, song, tier=Tier.FREE, track_id=track_id, correlation_id="request-1")
    assert track.owner_id == BOB
