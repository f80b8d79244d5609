"""The length that the domain foresees of a render is the length that the engine makes of it."""

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.core.make import a_track
from tests.unit.core.recipes import JSON, conversions, fades, finishes, mixes, pitches, reverbs, spatials
from tonearm.adapters.audio import engine_operations_of
from tonearm.domain import rendering
from tonearm.domain.analysis import Probe
from tonearm.domain.errors import InvalidRequest
from tonearm.domain.recipe import Recipe
from tonearm.domain.rendering import require_room
from tonearm.domain.track import Track
from tonearm_audio.engine import promised_frames
from tonearm_audio.plan import plan

trims = st.tuples(st.floats(0, 400), st.none() | st.floats(1, 1500)).map(
    lambda drawn: {"type": "trim", "start_s": drawn[0], "end_s": None if drawn[1] is None else drawn[0] + drawn[1]}
)
tempos = st.floats(0.5, 2.0).map(lambda factor: {"type": "tempo", "factor": factor})
lengths_s = st.floats(1, 1500)


@st.composite
def operations(draw: st.DrawFn) -> list[JSON]:
    """Up to six of those that change the length, with others between them, and at the end perhaps a loudness."""
    kinds = st.one_of(trims, tempos, reverbs, mixes, conversions, pitches, fades, spatials)
    return draw(st.lists(kinds, min_size=1, max_size=6)) + draw(st.lists(finishes, max_size=1))


def lasting(seconds: float, rate_hz: int, **said: str) -> Track:
    probe = Probe(
        container="flac",
        codec="pcm_16",
        sample_rate_hz=rate_hz,
        channels=2,
        frames=round(seconds * rate_hz),
        duration_s=seconds,
        size_bytes=8,
        content_sha256="0" * 64,
    )
    return a_track(probe=probe, **said)


def foreseen_s(recipe: Recipe, track: Track, others: list[Track]) -> float:
    """What is told to somebody who has no room at all."""
    with (
        patch.object(rendering, "MAX_WORKING_BYTES", -1),
        patch.object(rendering, "MAX_MASTERING_BYTES", -1),
        pytest.raises(InvalidRequest) as refused,
    ):
        require_room(recipe, track, others)
    assert isinstance(refused.value.problem.value, float)
    return refused.value.problem.value


@given(
    chosen=operations(),
    seconds=lengths_s,
    other_s=lengths_s,
    rate_hz=st.sampled_from([22_050, 44_100, 48_000]),
)
@settings(max_examples=200)
def test_the_domain_foresees_the_length_that_the_engine_promises(
    chosen: list[JSON], seconds: float, other_s: float, rate_hz: int
) -> None:
    # Given a recipe that is allowed
    try:
        recipe = Recipe.model_validate({"operations": chosen})
        others = {track_id: Path(track_id) for track_id in recipe.other_track_ids}
        made = plan(engine_operations_of(recipe, others))
    except ValidationError:
        reject()

    # When the domain and the engine tell how long its render is
    tracks = [lasting(other_s, rate_hz, track_id=track_id) for track_id in others]
    foreseen = foreseen_s(recipe, lasting(seconds, rate_hz), tracks)
    out_hz = made.sample_rate_hz(rate_hz)
    with patch("tonearm_audio.mix._frames", lambda _path, rate: round(other_s * rate)):
        frames = promised_frames(made, round(seconds * rate_hz), source_rate_hz=rate_hz, rate_hz=out_hz)

    # Then they differ by no more than each step's rounding to whole frames
    assert foreseen == pytest.approx(frames / out_hz, abs=0.01)
