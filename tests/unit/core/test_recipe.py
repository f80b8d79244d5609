"""Recipe: one canonical form, one hash, and limits that the engine's are held to."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from annotated_types import Ge, Le
from hypothesis import given
from pydantic import ValidationError

from tests.unit.core.recipes import TRACK, documents
from tonearm.adapters.audio import engine_operations_of
from tonearm.domain import operations as ours
from tonearm.domain.operations import OPERATIONS, Band, Equalize, Loudness, Master, Mix, MixTrack, Pitch, Spatial, Tempo
from tonearm.domain.output_format import BitDepth, BitrateKbps, Codec, OutputFormat
from tonearm.domain.recipe import MAX_OPERATIONS, Recipe
from tonearm_audio import AudioError, output_format, plan
from tonearm_audio import operations as engine


def shuffled(document: Any) -> Any:
    """The same JSON with every object's keys the other way round."""
    if isinstance(document, dict):
        return {key: shuffled(value) for key, value in reversed(document.items())}
    return [shuffled(value) for value in document] if isinstance(document, list) else document


def a_recipe(*operations: Any, **output: Any) -> Recipe:
    return Recipe(operations=operations, output=OutputFormat(**output))


class TestCanonicalForm:
    @given(documents())
    def test_the_same_recipe_in_another_order_of_keys_has_the_same_hash(self, document: dict[str, Any]) -> None:
        there, here = Recipe.model_validate(document), Recipe.model_validate(shuffled(document))
        assert there.canonical_json() == here.canonical_json()
        assert there.content_hash == here.content_hash

    @given(documents(), documents())
    def test_recipes_are_equal_exactly_when_their_hashes_are(self, one: dict[str, Any], two: dict[str, Any]) -> None:
        def counts(recipe: Recipe) -> tuple[Any, ...]:
            return recipe.operations, recipe.output.effective

        first, second = Recipe.model_validate(one), Recipe.model_validate(two)
        assert (counts(first) == counts(second)) == (first.content_hash == second.content_hash)

    @given(documents())
    def test_what_is_written_reads_back_as_it_was(self, document: dict[str, Any]) -> None:
        recipe = Recipe.model_validate(document)
        read = Recipe.model_validate_json(recipe.canonical_json())
        assert (read.operations, read.output.effective) == (recipe.operations, recipe.output.effective)
        assert read.canonical_json() == recipe.canonical_json()

    @pytest.mark.parametrize(
        ("setting", "values", "codecs"),
        [
            ("bitrate_kbps", (128, 320), {"mp3", "opus", "m4a"}),
            ("variable", (False, True), {"mp3"}),
            ("bit_depth", (16, 24), {"wav", "flac"}),
        ],
    )
    def test_a_setting_of_the_format_counts_where_it_has_an_effect(
        self, setting: str, values: tuple[Any, Any], codecs: set[str]
    ) -> None:
        def matters(codec: str) -> bool:
            one, two = (a_recipe(Tempo(factor=2), codec=codec, **{setting: value}) for value in values)
            return one.content_hash != two.content_hash

        assert {codec for codec in get_args(Codec) if matters(codec)} == codecs

    def test_the_order_of_operations_counts(self) -> None:
        one, two = Tempo(factor=1.1), Pitch(semitones=2)
        assert a_recipe(one, two).content_hash != a_recipe(two, one).content_hash

    def test_which_other_tracks_are_used_counts(self) -> None:
        mixes = [a_recipe(Mix(tracks=(MixTrack(track_id=track_id),))) for track_id in (TRACK, TRACK[:-1] + "b")]
        masters = [a_recipe(Master(reference_track_id=track_id)) for track_id in (TRACK, TRACK[:-1] + "b")]
        assert len({recipe.content_hash for recipe in (*mixes, *masters)}) == 4
        assert [recipe.other_track_ids for recipe in (mixes[0], masters[1])] == [(TRACK,), (TRACK[:-1] + "b",)]

    @pytest.mark.parametrize("said", [{}, {"preset": None}, {"preset": "streaming"}], ids=str)
    def test_a_master_without_a_word_is_one_for_streaming(self, said: dict[str, Any]) -> None:
        recipe = Recipe.model_validate({"operations": [{"type": "master", **said}]})
        assert recipe == a_recipe(Master(preset="streaming")) == Recipe.parse_text("master") == a_recipe(Master())
        assert recipe.content_hash == a_recipe(Master(preset="streaming")).content_hash
        assert engine_operations_of(recipe, {}) == [engine.Master()] == [engine.Master("streaming")]

    def test_each_other_track_is_named_once(self) -> None:
        mix = Mix(tracks=(MixTrack(track_id=TRACK), MixTrack(track_id=TRACK, start_s=2)))
        assert a_recipe(mix, Master(reference_track_id=TRACK)).other_track_ids == (TRACK,)

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
        first, second = (a_recipe(Pitch(semitones=figure)) for figure in (one, same))
        assert first.canonical_json() == second.canonical_json()

    def test_the_hash_never_changes(self) -> None:
        # Renders lie under it: a change of the canonical form makes every one of them again.
        recipe = a_recipe(Tempo(factor=1.1), Pitch(semitones=-2.5))
        assert recipe.canonical_json() == (
            '{"operations":[{"factor":1.1,"type":"tempo"},{"formants":"move","semitones":-2.5,"type":"pitch"}],'
            '"output":{"bitrate_kbps":320,"codec":"mp3","variable":false}}'
        )
        assert recipe.content_hash == "09d4766d76720e56"

    def test_every_default_is_written_out_and_nothing_that_was_not_said(self) -> None:
        recipe = a_recipe(Spatial(), Mix(tracks=(MixTrack(track_id=TRACK),)), codec="wav")
        assert json.loads(recipe.canonical_json()) == {
            "operations": [
                {
                    "type": "spatial",
                    "seed": 0,
                    "speed_hz": 0.1,
                    "depth": 1.0,
                    "room": 0.2,
                    "mix": 1.0,
                    "path": "orbit",
                    "listening": "anywhere",
                },
                {
                    "type": "mix",
                    "gain_db": 0.0,
                    "pan": 0.0,
                    "tracks": [{"track_id": TRACK, "gain_db": 0.0, "pan": 0.0, "start_s": 0.0}],
                },
            ],
            "output": {"codec": "wav", "bit_depth": 16},
        }


class TestLimits:
    @pytest.mark.parametrize("factor", [0.2499, 4.001, 0, -1, math.nan, math.inf])
    def test_a_tempo_out_of_range_is_refused(self, factor: float) -> None:
        with pytest.raises(ValidationError):
            Tempo(factor=factor)

    @pytest.mark.parametrize(
        "operation",
        [
            {"type": "pitch", "semitones": 24.001},
            {"type": "pitch", "semitones": -math.inf},
            {"type": "pitch", "semitones": 1, "formants": "lose"},
            {"type": "trim", "start_s": 5, "end_s": 5},
            {"type": "trim", "start_s": -1},
            {"type": "spatial", "seed": 0.5},
            {"type": "spatial", "path": "straight"},
            {"type": "equalize", "bands": []},
            {"type": "equalize", "bands": [{"kind": "peak", "frequency_hz": 1000}] * 11},
            {"type": "equalize", "bands": [{"kind": "high_pass", "frequency_hz": 80, "gain_db": 3}]},
            {"type": "mix", "tracks": []},
            {"type": "mix", "tracks": [{"track_id": TRACK}] * 16},
            {"type": "mix", "tracks": [{"track_id": "../../song"}]},
            {"type": "mix", "tracks": [{"track_id": TRACK, "path": "/etc/passwd"}]},
            {"type": "convert", "sample_rate_hz": 44101},
            {"type": "convert", "channels": 6},
            {"type": "master", "preset": "warm", "reference_track_id": TRACK},
            {"type": "tempo", "factor": 1, "fator": 2},
            {"type": "louder"},
        ],
        ids=str,
    )
    def test_what_no_engine_could_do_is_refused(self, operation: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Recipe.model_validate({"operations": [operation]})

    @pytest.mark.parametrize(
        ("operations", "said"),
        [
            ([Tempo(factor=0.25)] * 2, "tempo factor of all operations together is 0.0625"),
            ([Tempo(factor=4)] * MAX_OPERATIONS, "tempo factor of all operations together"),
            ([Pitch(semitones=24), Pitch(semitones=0.5)], "pitch shift of all operations together is 24.5"),
            ([Spatial(), Tempo(factor=1), Spatial(seed=1)], "The recipe has 2 spatial operations; it may have 1."),
            ([Mix(tracks=(MixTrack(track_id=TRACK),))] * 2, "The recipe has 2 mix operations; it may have 1."),
            ([Loudness(), Master(preset="warm")], "The recipe has 2 loudness or master operations; it may have 1."),
            ([Loudness(), Tempo(factor=1)], "loudness is followed by other operations; it must be the last."),
            ([Master(preset="warm"), Pitch(semitones=1)], "master is followed by other operations"),
            ([], "at least 1"),
            ([Tempo(factor=1)] * (MAX_OPERATIONS + 1), "at most 16"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_operations_that_together_ask_for_too_much_are_refused(self, operations: list[Any], said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            a_recipe(*operations)

    def test_operations_that_undo_each_other_are_taken(self) -> None:
        assert a_recipe(Tempo(factor=4), Tempo(factor=0.25), Tempo(factor=0.25)).operations


class TestTheEngine:
    """The audio package stands alone, so names, ranges, defaults and rules stand twice; here they meet."""

    @pytest.mark.parametrize("kind", [*OPERATIONS, Band, MixTrack], ids=lambda kind: kind.__name__)
    def test_has_the_same_operations_with_the_same_fields_and_defaults(self, kind: Any) -> None:
        theirs = {field.name: field for field in dataclasses.fields(getattr(engine, kind.__name__))}
        names = {"track_id": "path", "reference_track_id": "reference"}
        fields = {names.get(name, name): field for name, field in kind.model_fields.items() if name != "type"}
        assert set(fields) == set(theirs)
        for name, field in fields.items():
            if field.is_required():
                assert theirs[name].default is dataclasses.MISSING, name
            else:
                assert theirs[name].default == field.default, name

    @given(documents())
    def test_takes_whatever_a_recipe_may_say(self, document: dict[str, Any]) -> None:
        recipe = Recipe.model_validate(document)
        others = {track_id: Path(track_id) for track_id in recipe.other_track_ids}
        taken = engine_operations_of(recipe, others)
        assert [type(operation).__name__.lower() for operation in taken] == [each.type for each in recipe.operations]
        assert plan.plan(taken)
        assert output_format.OutputFormat(**recipe.output.model_dump())

    @pytest.mark.parametrize("kind", [*OPERATIONS, Band, MixTrack], ids=lambda kind: kind.__name__)
    def test_refuses_what_a_recipe_may_not_say(self, kind: Any) -> None:
        # Given each figure of an operation, a little beyond its limits
        required: dict[str, Any] = {
            "Tempo": {"factor": 1.0},
            "Pitch": {"semitones": 0.0},
            "Band": {"kind": "peak", "frequency_hz": 1000.0},
            "MixTrack": {"path": Path("song")},
            "Mix": {"tracks": (engine.MixTrack(Path("song")),)},
            "Equalize": {"bands": (engine.Band("peak", 1000.0),)},
        }.get(kind.__name__, {})
        made: Callable[..., Any] = getattr(engine, kind.__name__)
        for name, least, most in limits(kind):
            # Then the engine takes the limits, and refuses what lies beyond them
            if (kind.__name__, name) not in {("Trim", "end_s"), ("Trim", "start_s")}:
                made(**{**required, name: least})
            made(**{**required, name: most})
            for beyond in (least - 0.001, most + 0.001):
                with pytest.raises(AudioError) as refusal:
                    made(**{**required, name: beyond})
                assert refusal.value.code == "recipe.invalid"

    def test_knows_the_same_words(self) -> None:
        for name in ("FadeShape", "Formants", "SpatialPath", "Listening", "BandKind", "Preset"):
            assert get_args(getattr(ours, name)) == get_args(getattr(engine, name)), name
        assert get_args(ours.SampleRateHz) == engine.CONVERT_SAMPLE_RATES_HZ
        assert (ours.MOST_BANDS, ours.MOST_MIX_TRACKS) == (engine.MOST_BANDS, engine.MOST_MIX_TRACKS)
        assert get_args(Codec) == get_args(output_format.Codec)
        assert get_args(BitrateKbps) == output_format.BITRATES_KBPS
        assert get_args(BitDepth) == output_format.BIT_DEPTHS

    @pytest.mark.parametrize(
        "operations",
        [
            [Spatial(), Spatial()],
            [Mix(tracks=(MixTrack(track_id=TRACK),))] * 2,
            [Loudness(), Master(preset="warm")],
            [Loudness(), Tempo(factor=1)],
            [Tempo(factor=4), Tempo(factor=4)],
            [Pitch(semitones=24), Pitch(semitones=1)],
            [Equalize(bands=(Band(kind="peak", frequency_hz=100),)), Master(preset="warm"), Spatial()],
        ],
        ids=lambda operations: "+".join(each.type for each in operations),
    )
    def test_refuses_the_same_orders_in_the_same_words(self, operations: list[Any]) -> None:
        with pytest.raises(ValidationError) as here:
            a_recipe(*operations)
        whatever = Recipe.model_construct(operations=tuple(operations), output=OutputFormat())
        with pytest.raises(AudioError) as there:
            plan.plan(engine_operations_of(whatever, {TRACK: Path("other")}))
        assert there.value.detail in str(here.value)


def limits(kind: Any) -> list[tuple[str, float, float]]:
    """Each figure of an operation with its least and its greatest."""
    found: list[tuple[str, float, float]] = []
    for name, field in kind.model_fields.items():
        bounds: list[Any] = [*field.metadata]
        for side in get_args(field.annotation):
            for extra in getattr(side, "__metadata__", ()):
                bounds += getattr(extra, "metadata", [])
        least: list[Any] = [bound.ge for bound in bounds if isinstance(bound, Ge)]
        most: list[Any] = [bound.le for bound in bounds if isinstance(bound, Le)]
        if least and most:
            found.append((name, float(str(least[0])), float(str(most[0]))))
    return found


def test_each_figure_has_limits() -> None:
    # Or the tests above would hold less than they say.
    assert sum(len(limits(kind)) for kind in (*OPERATIONS, Band, MixTrack)) == 33
