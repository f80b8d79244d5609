"""How long a render becomes, and whether there is room to work on it."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core.make import a_track
from tests.unit.core.recipes import TRACK
from tests.unit.core.world import SONG, World
from tonearm.domain import rendering
from tonearm.domain.analysis import Probe
from tonearm.domain.errors import InvalidRequest, RecipeRefused
from tonearm.domain.operations import Convert, Loudness, Master, Mix, MixTrack, Reverb, Tempo, Trim
from tonearm.domain.recipe import Recipe
from tonearm.domain.rendering import MAX_MASTERING_BYTES, MAX_WORKING_BYTES, require_room

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = MAX_WORKING_BYTES / 8 / 44_100


def lasting(seconds: float, **changes: Any) -> Any:
    """A track of so many seconds at 44.1 kHz."""
    probe = Probe(
        container="flac",
        codec="pcm_16",
        sample_rate_hz=44_100,
        channels=2,
        frames=round(seconds * 44_100),
        duration_s=seconds,
        size_bytes=8,
        content_sha256="0" * 64,
    )
    return a_track(probe=probe, **changes)


def mix(**said: Any) -> Mix:
    return Mix(tracks=(MixTrack(track_id=TRACK, **said),))


@pytest.mark.parametrize(
    ("operations", "seconds"),
    [
        ([Convert()], 1000.0),
        ([Trim(start_s=100, end_s=300)], 200.0),
        ([Trim(start_s=900)], 100.0),
        ([Trim(start_s=2000)], 0.0),
        ([Tempo(factor=0.5), Tempo(factor=0.8)], 2500.0),
        ([Trim(end_s=100), Tempo(factor=2)], 50.0),
        ([Reverb(decay_s=3, pre_delay_ms=100)], 1003.1),
        ([Reverb(decay_s=3, mix=0)], 1000.0),
        ([mix()], 1000.0),
        ([mix(start_s=990)], 1040.0),
        ([mix(start_s=990, reverb=Reverb(decay_s=2, pre_delay_ms=0))], 1042.0),
        ([mix(start_s=990), Tempo(factor=2)], 520.0),
    ],
)
def test_a_render_is_as_long_as_its_operations_make_it(
    operations: list[Any], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(operations=tuple(operations))
    track, other = lasting(1000), lasting(50, track_id=TRACK)
    for room_s, fits in ((seconds + 0.01, True), (seconds - 0.01, False)):
        monkeypatch.setattr(rendering, "MAX_WORKING_BYTES", room_s * 8 * 44_100)
        if fits:
            require_room(recipe, track, [other])
            continue
        with pytest.raises(InvalidRequest) as refused:
            require_room(recipe, track, [other])
        problem = refused.value.problem
        assert (problem.code, problem.value) == ("recipe.too_long", pytest.approx(seconds))
        assert problem.limit == pytest.approx(room_s)
        assert problem.mend


def test_a_higher_rate_needs_more_room() -> None:
    track = lasting(LIMIT_S - 1)
    require_room(Recipe(operations=(Convert(),)), track, [])
    require_room(Recipe(operations=(Convert(sample_rate_hz=22_050), Tempo(factor=0.5))), track, [])
    require_room(Recipe(operations=(Convert(sample_rate_hz=96_000), Convert(sample_rate_hz=44_100))), track, [])
    with pytest.raises(InvalidRequest, match="at 96,000 Hz"):
        require_room(Recipe(operations=(Convert(sample_rate_hz=96_000), Convert(channels=1))), track, [])


@pytest.mark.parametrize(
    "master", [Master(preset="warm"), Master(reference_track_id=TRACK)], ids=["preset", "reference"]
)
def test_what_is_mastered_lies_on_the_disk_twice(master: Master) -> None:
    # Given a render that has room once, and not twice
    limit_s = MAX_MASTERING_BYTES / 16 / 44_100
    assert limit_s < LIMIT_S
    require_room(Recipe(operations=(Loudness(),)), lasting(limit_s + 1), [])
    with pytest.raises(InvalidRequest, match=r"recipe\.too_long") as refused:
        require_room(Recipe(operations=(master,)), lasting(limit_s + 1), [])
    assert refused.value.problem.limit == pytest.approx(limit_s, abs=0.001)
    # And two hours at the rate of films
    require_room(Recipe(operations=(Convert(sample_rate_hz=48_000), master)), lasting(7200), [])


def test_the_disk_of_the_step_that_renders_holds_all_of_it() -> None:
    # Given the disk of the step, a song and other tracks at their largest, and renders at 24 bits
    functions = (ROOT / "terraform" / "functions.tf").read_text()
    said = re.search(r"transform = \{.*?ephemeral_storage_mb = (\d+)", functions, re.DOTALL)
    assert said is not None
    left = int(said[1]) * 1_000_000 - 2_000_000_000
    for working_bytes, bytes_a_frame in ((MAX_WORKING_BYTES, 8), (MAX_MASTERING_BYTES, 16)):
        assert working_bytes + working_bytes / bytes_a_frame * 6 <= left


def test_a_track_that_was_not_probed_is_let_through() -> None:
    require_room(Recipe(operations=(mix(start_s=43_200),)), a_track(), [])


def test_who_asks_for_too_long_a_render_is_refused_at_once(world: World) -> None:
    track, other = world.ready_track(), world.ready_track(SONG)
    late = Recipe(operations=(Mix(tracks=(MixTrack(track_id=other.track_id, start_s=43_200),)),))
    with pytest.raises(InvalidRequest, match=r"recipe\.too_long"):
        world.new_job(track, late)
    # And one that comes with an upload when it can be told
    _, step = world.uploaded_track(recipe=late)
    world.validate_upload(step)
    world.analyze_track(step)
    with pytest.raises(RecipeRefused, match=r"recipe\.too_long"):
        world.render_track(step)
