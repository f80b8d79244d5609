"""Recipe: one canonical form, one hash, and a short form that people type."""

import json
import math
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tonearm.domain.errors import InvalidRequest
from tonearm.domain.recipe import (
    MAX_OPERATIONS,
    PITCH_SEMITONES_MAX,
    SPATIAL_SEED_MAX,
    SPATIAL_SPEED_HZ_MAX,
    SPATIAL_SPEED_HZ_MIN,
    TEMPO_FACTOR_MAX,
    TEMPO_FACTOR_MIN,
    Codec,
    Operation,
    OutputFormat,
    Pitch,
    Recipe,
    Spatial,
    Tempo,
)
from tonearm_audio import operations

tempos = st.floats(0.25, 4.0).map(lambda factor: {"type": "tempo", "factor": factor})
pitches = st.floats(-24, 24).map(lambda semitones: {"type": "pitch", "semitones": semitones})
portions = st.floats(0, 1)
spatials = st.fixed_dictionaries(
    {"type": st.just("spatial")},
    optional={
        "seed": st.integers(0, 2**32 - 1),
        "speed_hz": st.floats(0.02, 1.0),
        "depth": portions,
        "room": portions,
        "mix": portions,
    },
)
outputs = st.fixed_dictionaries(
    {},
    optional={
        "codec": st.sampled_from(["mp3", "wav", "flac", "ogg"]),
        "bitrate_kbps": st.sampled_from([128, 192, 256, 320]),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A recipe as JSON: one to three operations, and sometimes an output."""
    operations = draw(
        st.lists(st.one_of(tempos, pitches, spatials), min_size=1, max_size=3, unique_by=lambda o: str(o["type"]))
    )
    return {"operations": operations, **draw(st.fixed_dictionaries({}, optional={"output": outputs}))}


def shuffled(document: Any) -> Any:
    """The same JSON with every object's keys the other way round."""
    if isinstance(document, dict):
        return {key: shuffled(value) for key, value in reversed(document.items())}
    return [shuffled(value) for value in document] if isinstance(document, list) else document


class TestCanonicalForm:
    @given(documents())
    def test_the_same_recipe_in_another_order_of_keys_has_the_same_hash(self, document: dict[str, Any]) -> None:
        there, here = Recipe.model_validate(document), Recipe.model_validate(shuffled(document))
        assert there.canonical_json() == here.canonical_json()
        assert there.content_hash == here.content_hash

    @given(documents(), documents())
    def test_recipes_are_equal_exactly_when_their_hashes_are(self, one: dict[str, Any], two: dict[str, Any]) -> None:
        def counts(recipe: Recipe) -> tuple[Any, ...]:
            output = recipe.output
            return recipe.operations, output.codec, output.bitrate_kbps if output.codec == "mp3" else None

        first, second = Recipe.model_validate(one), Recipe.model_validate(two)
        assert (counts(first) == counts(second)) == (first.content_hash == second.content_hash)

    @given(documents())
    def test_what_is_written_reads_back_as_it_was(self, document: dict[str, Any]) -> None:
        recipe = Recipe.model_validate(document)
        read = Recipe.model_validate_json(recipe.canonical_json())
        assert (read.operations, read.output.codec) == (recipe.operations, recipe.output.codec)
        assert Recipe.model_validate_json(recipe.canonical_json()).canonical_json() == recipe.canonical_json()

    def test_the_bit_rate_counts_where_it_has_an_effect(self) -> None:
        def hashes(codec: str) -> set[str]:
            return {
                Recipe.model_validate(
                    {"operations": [{"type": "tempo", "factor": 2}], "output": {"codec": codec, "bitrate_kbps": kbps}}
                ).content_hash
                for kbps in (128, 320)
            }

        assert [len(hashes(codec)) for codec in ("mp3", "flac", "wav", "ogg")] == [2, 1, 1, 1]

    def test_the_order_of_operations_counts(self) -> None:
        one, two = Tempo(factor=1.1), Pitch(semitones=2)
        assert Recipe(operations=(one, two)).content_hash != Recipe(operations=(two, one)).content_hash

    def test_a_default_that_is_written_out_is_the_same_recipe(self) -> None:
        short = Recipe.model_validate({"operations": [{"type": "tempo", "factor": 1}]})
        spelt = Recipe.model_validate(
            {"operations": [{"type": "tempo", "factor": 1.0}], "output": {"codec": "mp3", "bitrate_kbps": 320}}
        )
        assert short.content_hash == spelt.content_hash

    @pytest.mark.parametrize(
        ("one", "same"), [(0.0, -0.0), (2.0, 2.0000001), (0.0, 1e-200), (0.0, 5e-324), (0.3, 0.1 + 0.2)]
    )
    def test_figures_that_nobody_can_tell_apart_are_one(self, one: float, same: float) -> None:
        first, second = (Recipe(operations=(Pitch(semitones=figure),)) for figure in (one, same))
        assert first.canonical_json() == second.canonical_json()

    def test_the_hash_never_changes(self) -> None:
        # Renders lie under it: a change of the canonical form makes every one of them again.
        recipe = Recipe(operations=(Tempo(factor=1.1), Pitch(semitones=-2.5)))
        assert recipe.canonical_json() == (
            '{"operations":[{"factor":1.1,"type":"tempo"},{"semitones":-2.5,"type":"pitch"}],'
            '"output":{"bitrate_kbps":320,"codec":"mp3"}}'
        )
        assert recipe.content_hash == "1b71c2321cfeec1f"

    def test_every_default_of_a_path_is_written_out(self) -> None:
        assert Recipe(operations=(Spatial(),)).canonical_json() == (
            '{"operations":[{"depth":1.0,"mix":1.0,"room":0.2,"seed":0,"speed_hz":0.1,"type":"spatial"}],'
            '"output":{"bitrate_kbps":320,"codec":"mp3"}}'
        )


class TestLimits:
    @pytest.mark.parametrize("factor", [0.2499, 4.001, 0, -1, math.nan, math.inf])
    def test_a_tempo_out_of_range_is_refused(self, factor: float) -> None:
        with pytest.raises(ValidationError):
            Tempo(factor=factor)

    @pytest.mark.parametrize("semitones", [24.001, -25, math.nan, -math.inf])
    def test_a_pitch_out_of_range_is_refused(self, semitones: float) -> None:
        with pytest.raises(ValidationError):
            Pitch(semitones=semitones)

    @pytest.mark.parametrize(
        "settings",
        [{"seed": -1}, {"seed": 2**32}, {"seed": 0.5}, {"speed_hz": 0.019}, {"speed_hz": 1.01}]
        + [{name: figure} for name in ("depth", "room", "mix") for figure in (-0.01, 1.01, math.nan)],
        ids=str,
    )
    def test_a_path_out_of_range_is_refused(self, settings: dict[str, float]) -> None:
        with pytest.raises(ValidationError):
            Spatial.model_validate(settings)

    @pytest.mark.parametrize(
        ("operations", "said"),
        [
            ([Tempo(factor=0.25)] * 2, "all tempo factors together are 0.0625"),
            ([Tempo(factor=4)] * MAX_OPERATIONS, "all tempo factors together"),
            ([Pitch(semitones=24), Pitch(semitones=0.5)], "all pitches together are 24.5"),
            ([Spatial(), Tempo(factor=1), Spatial(seed=1)], "2 spatial operations"),
            ([], "at least 1"),
            ([Tempo(factor=1)] * (MAX_OPERATIONS + 1), "at most 16"),
        ],
    )
    def test_operations_that_together_ask_for_too_much_are_refused(self, operations: list[Any], said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            Recipe(operations=tuple(operations))

    def test_operations_that_undo_each_other_are_taken(self) -> None:
        assert Recipe(operations=(Tempo(factor=4), Tempo(factor=0.25), Tempo(factor=0.25))).operations

    def test_an_unknown_field_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            Recipe.model_validate({"operations": [{"type": "tempo", "factor": 1, "fator": 2}]})


def typed_form(operation: Operation) -> str:
    match operation:
        case Tempo(factor=factor):
            return f"tempo={factor!r}"
        case Pitch(semitones=semitones):
            return f"pitch={semitones!r}"
        case Spatial():
            return ":".join(["spatial", *(f" {key} = {value!r}" for key, value in operation if key != "type")])


class TestShortForm:
    @given(documents())
    def test_what_is_typed_is_what_is_meant(self, document: dict[str, Any]) -> None:
        recipe = Recipe.model_validate(document)
        parts = [typed_form(operation) for operation in recipe.operations]
        typed = " , ".join([*parts, f"format = {recipe.output.codec}", f"bitrate={recipe.output.bitrate_kbps}"])
        assert Recipe.parse_text(typed) == recipe

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            " , ",
            "tempo",
            "tempo=",
            "tempo=fast",
            "tempo=nan",
            "tempo=0.1",
            "tempo=0.5,tempo=0.25",
            "pitch=25",
            "reverb=1",
            "spatial,spatial",
            "spatial=1",
            "spatial:",
            "spatial:seed",
            "spatial:seed=",
            "spatial:seed=x",
            "spatial:seed=1.5",
            "spatial:seed=1:seed=1",
            "spatial:sped_hz=1",
            "spatial:type=tempo",
            "spatial:speed_hz=2",
            "spatially",
            "tempo:seed=1",
            "tempo=1:seed=1",
            "tempo=1,format=m4a",
            "tempo=1,bitrate=100",
            "tempo=1,bitrate=²",
            "tempo=1,bitrate=" + "9" * 5000,
            "=1",
            "1.1",
        ],
    )
    def test_what_cannot_be_read_is_refused_with_a_mend(self, typed: str) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            Recipe.parse_text(typed)
        assert refusal.value.problem.code == "recipe.invalid"
        assert refusal.value.problem.mend
        assert json.loads(str(refusal.value))["code"] == "recipe.invalid"

    def test_a_figure_that_cannot_be_used_is_named(self) -> None:
        with pytest.raises(InvalidRequest, match="speed_hz: Input should be less than or equal to 1"):
            Recipe.parse_text("tempo=1.1,spatial:seed=7:speed_hz=2")

    @given(st.text())
    def test_no_text_makes_it_fall(self, typed: str) -> None:
        with suppress(InvalidRequest):
            assert Recipe.parse_text(typed).operations


def test_the_engine_takes_what_a_recipe_may_ask_for() -> None:
    # The audio package stands alone, so the ranges stand twice; here they meet.
    assert operations.TEMPO_RANGE == (TEMPO_FACTOR_MIN, TEMPO_FACTOR_MAX)
    assert operations.PITCH_RANGE_SEMITONES == (-PITCH_SEMITONES_MAX, PITCH_SEMITONES_MAX)
    assert operations.SPATIAL_SEED_RANGE == (0, SPATIAL_SEED_MAX)
    assert operations.SPATIAL_SPEED_RANGE_HZ == (SPATIAL_SPEED_HZ_MIN, SPATIAL_SPEED_HZ_MAX)
    defaults = Spatial().model_dump(exclude={"type"})
    assert operations.Spatial(**defaults) == operations.Spatial()
    assert set(get_args(Codec)) == set(get_args(operations.Codec))
    for bitrate_kbps in (128, 192, 256, 320):
        OutputFormat(bitrate_kbps=bitrate_kbps)
        operations.OutputFormat(codec="mp3", bitrate_kbps=bitrate_kbps)
