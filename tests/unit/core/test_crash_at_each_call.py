"""Whatever call of the outside fails, or loses its answer: in the end all is as if it had not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.core.make import ADA, a_recipe
from tests.unit.core.world import DRIFTING, NOISE, SONG, Crash, Weather, World
from tonearm.domain.ids import new_job_id, new_track_id

TRACK_ID, JOB_ID = new_track_id(), new_job_id()
Story = Callable[[World, Callable[..., Any]], None]


def ingests(content: bytes, **said: Any) -> Story:
    """Ada uploads a file."""

    def story(world: World, persist: Callable[..., Any]) -> None:
        track = persist(lambda: world.new_track(content, track_id=TRACK_ID, **said))
        event = world.upload(track, content)
        persist(lambda: world.deliver(event))
        world.settle()

    return story


def renders(content: bytes) -> Story:
    """Ada uploads a file and then asks for a render of it."""

    def story(world: World, persist: Callable[..., Any]) -> None:
        ingests(content)(world, persist)
        track = world.tracks.get(ADA, TRACK_ID)
        persist(lambda: world.new_job(track, a_recipe(), job_id=JOB_ID))  # type: ignore[arg-type]
        world.settle()

    return story


def relabels(world: World, persist: Callable[..., Any]) -> None:
    """Ada gives her Track a title."""
    track = persist(lambda: world.new_track(track_id=TRACK_ID))
    persist(lambda: world.relabel_track(ADA, track.track_id, title="New", tags=("a",), if_version=None))


def loses_the_event(world: World, persist: Callable[..., Any]) -> None:
    """Ada uploads a file, and no event tells of it."""
    world.upload(persist(lambda: world.new_track(track_id=TRACK_ID)), SONG)
    world.clock.advance(minutes=5)
    persist(world.reconcile.sweep)
    world.settle()


def loses_the_row(world: World, persist: Callable[..., Any]) -> None:
    """Ada uploads a file; its row is lost with its event."""
    track = persist(lambda: world.new_track(track_id=TRACK_ID, recipe=a_recipe()))
    world.upload(track, SONG)
    world.tracks.remove(track)
    world.clock.advance(minutes=5)
    persist(world.reconcile.sweep)
    world.settle()


def loses_the_execution(world: World, persist: Callable[..., Any]) -> None:
    """Ada's job is under way when its execution is forgotten."""
    track = persist(lambda: world.new_track(track_id=TRACK_ID, recipe=a_recipe()))
    event = world.upload(track, SONG)
    job = persist(lambda: world.deliver(event))
    persist(lambda: world.validate_upload(job.step_input))
    world.workflow.states.clear()
    world.clock.advance(minutes=5)
    persist(world.reconcile.sweep)
    world.settle()


def expires(world: World, persist: Callable[..., Any]) -> None:
    """Ada's Track comes to its end."""
    ingests(SONG, recipe=a_recipe())(world, persist)
    world.clock.advance(days=31)
    persist(world.reconcile.sweep)
    world.settle()


STORIES: dict[str, Story] = {
    "a song": ingests(SONG),
    "a song with a recipe": ingests(SONG, recipe=a_recipe()),
    "noise": ingests(NOISE),
    "a broken promise": ingests(DRIFTING, recipe=a_recipe()),
    "a render": renders(SONG),
    "labels": relabels,
    "a lost event": loses_the_event,
    "a lost row": loses_the_row,
    "a lost execution": loses_the_execution,
    "the end": expires,
}


def told(story: Story, weather: Weather) -> World:
    """The story in this weather; who is let down asks once more."""
    world = World(weather)

    def persist(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except* Crash:
            pass
        return ask()

    story(world, persist)
    return world


@pytest.mark.parametrize("work_is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_the_end_is_the_same_whichever_call_crashes(story: Story, work_is_done: bool) -> None:
    # Given the story in fair weather
    fair = told(story, Weather())
    expected, calls = fair.picture(), fair.weather.calls
    assert len(calls) >= 3
    # When each call in turn crashes, before its work is done or after
    for bad_call, name in enumerate(calls, start=1):
        world = told(story, Weather(bad_call=bad_call, work_is_done=work_is_done))
        # Then the end is the same, and it crashed where we meant it to
        assert world.weather.calls[:bad_call] == calls[:bad_call]
        assert world.picture() == expected, f"call {bad_call}: {name}"
