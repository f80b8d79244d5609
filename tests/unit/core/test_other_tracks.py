"""Recipes that name other Tracks: the owner's own, ready, when a Job is asked for and again when its steps run."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.core.make import ADA, BOB
from tests.unit.core.memory import MemoryUploads
from tests.unit.core.recipes import TRACK
from tests.unit.core.world import NOISE, SONG, World
from tonearm.domain.errors import Conflict, InvalidRequest, NotFound, RecipeRefused, TonearmError
from tonearm.domain.job import Job, JobStatus
from tonearm.domain.operations import Band, Equalize, Master, Mix, MixTrack, Reverb
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track, TrackStatus
from tonearm.services import ownership

VOICE = b"song without words"


def mixed_with(*others: Track) -> Recipe:
    return Recipe(operations=(Mix(tracks=tuple(MixTrack(track_id=other.track_id) for other in others)),))


def mastered_like(other: Track) -> Recipe:
    return Recipe(operations=(Master(reference_track_id=other.track_id),))


def ended(world: World, job: Job) -> Job:
    """The Job once its execution is through."""
    world.deliver(world.queue.messages.pop())
    world.run_execution(job.step_input)
    return world.job(job.job_id)


@pytest.mark.parametrize("recipe_of", [mixed_with, mastered_like], ids=["mix", "reference"])
class TestWhichMayBeNamed:
    def test_the_owners_own_tracks_are_given_to_the_engine(
        self, world: World, recipe_of: Callable[[Track], Recipe]
    ) -> None:
        track, voice = world.ready_track(), world.ready_track(VOICE)
        job = ended(world, world.new_job(track, recipe_of(voice)))
        assert job.status is JobStatus.SUCCEEDED
        assert job.render is not None
        assert world.media.objects[job.render.key].endswith(b" with " + VOICE)

    def test_anothers_and_none_are_refused_alike(self, world: World, recipe_of: Callable[[Track], Recipe]) -> None:
        voice = world.ready_track(VOICE)
        theirs = voice.model_copy(update={"owner_id": BOB, "track_id": TRACK, "version": 0})
        world.tracks.add(theirs)

        def refusal(recipe: Recipe) -> str:
            with pytest.raises(NotFound) as refused:
                world.create_job(ADA, voice.track_id, recipe, job_id="job_x", correlation_id="c")
            assert refused.value.problem.code == "recipe.track_not_found"
            assert refused.value.problem.mend
            return str(refused.value)

        nowhere = voice.model_copy(update={"track_id": f"{TRACK[:-1]}b"})
        assert refusal(recipe_of(theirs)) == refusal(recipe_of(nowhere)).replace(nowhere.track_id, TRACK)
        assert world.queue.messages == []

    def test_one_that_is_not_ready_is_refused(self, world: World, recipe_of: Callable[[Track], Recipe]) -> None:
        track, waiting = world.ready_track(), world.new_track()
        rejected = world.ready_track(NOISE)
        for other, status in ((waiting, TrackStatus.AWAITING_UPLOAD), (rejected, TrackStatus.REJECTED)):
            with pytest.raises(Conflict) as refused:
                world.new_job(track, recipe_of(other))
            assert (refused.value.problem.code, refused.value.problem.value) == ("track.not_ready", status.value)

    def test_the_recipe_of_an_upload_is_held_to_the_same(
        self, world: World, recipe_of: Callable[[Track], Recipe]
    ) -> None:
        voice = world.ready_track(VOICE)
        before = len(world.tracks.all)
        with pytest.raises(NotFound):
            world.new_track(recipe=recipe_of(voice.model_copy(update={"track_id": TRACK})))
        assert len(world.tracks.all) == before
        # And one that keeps to it is rendered as soon as the upload has been analysed
        track, step = world.uploaded_track(recipe=recipe_of(voice))
        world.run_execution(step)
        assert world.job(track.ingest_job_id).status is JobStatus.SUCCEEDED


def test_all_of_them_together_have_a_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    track, others = world.ready_track(), [world.ready_track(VOICE) for _ in range(3)]
    monkeypatch.setattr(ownership, "MAX_OTHER_TRACKS_BYTES", 2 * len(VOICE))
    assert world.new_job(track, mixed_with(*others[:2], others[0]))
    with pytest.raises(InvalidRequest) as refused:
        world.new_job(track, mixed_with(*others))
    problem = refused.value.problem
    assert (problem.code, problem.value, problem.limit) == (
        "recipe.tracks_too_large",
        3 * len(VOICE),
        2 * len(VOICE),
    )
    assert problem.mend


class TestAtRunTime:
    """Much can happen while a Job waits."""

    def test_one_that_was_deleted_meanwhile_ends_the_job_in_words(self, world: World) -> None:
        track, voice = world.ready_track(), world.ready_track(VOICE)
        job = world.new_job(track, mixed_with(voice))
        world.delete_track(ADA, voice.track_id)
        failed = ended(world, job)
        assert failed.status is JobStatus.FAILED
        assert failed.problem is not None
        assert (failed.problem.code, failed.problem.value) == ("recipe.track_not_found", voice.track_id)
        assert failed.problem.mend
        # And the execution has found a fault in what it was given: nothing for operators to look into
        assert world.workflow.states[job.job_id] == "succeeded"
        assert world.track(track).status is TrackStatus.READY

    def test_one_that_is_deleted_while_it_is_fetched_is_told_in_the_same_words(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given a delete between the look and the fetch
        track, voice = world.ready_track(), world.ready_track(VOICE)
        job = world.new_job(track, mixed_with(voice))
        fetch = MemoryUploads.fetch

        def deleted_first(uploads: MemoryUploads, key: str, *given: Any, **named: Any) -> None:
            if key == voice.upload_key:
                world.delete_track(ADA, voice.track_id)
            fetch(uploads, key, *given, **named)

        monkeypatch.setattr(MemoryUploads, "fetch", deleted_first)
        with pytest.raises(RecipeRefused) as refused:
            world.render_track(job.step_input)
        assert refused.value.problem.code == "recipe.track_not_found"

    def test_what_goes_wrong_otherwise_is_not_explained_away(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        track, voice = world.ready_track(), world.ready_track(VOICE)
        job = world.new_job(track, mixed_with(voice))

        def broken(*_: Any, **__: Any) -> None:
            raise OSError("no space left")

        monkeypatch.setattr(MemoryUploads, "fetch", broken)
        with pytest.raises(OSError, match="no space left"):
            world.render_track(job.step_input)

    def test_one_that_is_gone_before_the_render_is_certified_ends_the_job_in_words(self, world: World) -> None:
        track, voice = world.ready_track(), world.ready_track(VOICE)
        job = world.new_job(track, mixed_with(voice))
        world.render_track(job.step_input)
        world.delete_track(ADA, voice.track_id)
        with pytest.raises(RecipeRefused) as refused:
            world.certify_render(job.step_input)
        assert refused.value.problem.code == "recipe.track_not_found"
        assert world.job(job.job_id).render is None

    def test_an_ingest_whose_other_track_is_gone_leaves_its_own_ready(self, world: World) -> None:
        voice = world.ready_track(VOICE)
        track, step = world.uploaded_track(recipe=mixed_with(voice))
        world.delete_track(ADA, voice.track_id)
        world.run_execution(step)
        assert world.job(step.job_id).status is JobStatus.FAILED
        assert world.track(track).status is TrackStatus.READY


def with_bands(count: int) -> Recipe:
    """A mix of so many tracks, each with an equalizer whose figures nothing can compress."""
    chance = np.random.default_rng(7)
    return Recipe(
        operations=(
            Mix(
                tracks=tuple(
                    MixTrack(
                        track_id=f"trk_01jd3v8w2q5r7s9t1v3x5y7z{n:02d}",
                        gain_db=-n / 7,
                        start_s=n * 1.234567,
                        equalize=Equalize(
                            bands=tuple(
                                Band(
                                    kind="peak",
                                    frequency_hz=chance.uniform(20, 20_000),
                                    gain_db=chance.uniform(-24, 24),
                                    q=chance.uniform(0.1, 10),
                                )
                                for _ in range(8)
                            )
                        ),
                        reverb=Reverb(decay_s=0.1 + n / 9),
                    )
                    for n in range(count)
                )
            ),
        )
    )


def test_a_recipe_that_does_not_fit_beside_an_upload_is_refused_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.ownership), "others", lambda *_: [])
    assert world.new_track(recipe=with_bands(4))
    before = list(world.tracks.all)
    with pytest.raises(TonearmError) as refused:
        world.new_track(recipe=with_bands(15))
    problem = refused.value.problem
    assert (problem.code, problem.limit) == ("recipe.too_large_for_upload", 1900)
    assert isinstance(problem.value, int)
    assert problem.value > 1900
    assert "when it is ready" in problem.mend
    assert world.tracks.all == before
    # And a Job takes it
    assert world.new_job(world.ready_track(SONG), with_bands(15))
    assert json.loads(with_bands(15).canonical_json())["operations"]
