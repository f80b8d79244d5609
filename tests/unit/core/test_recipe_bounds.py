"""What a recipe may come to at any of its steps, and how little one that asks for too much costs."""

from itertools import permutations
from typing import Any

import pytest
from pydantic import ValidationError

from tonearm.adapters.audio import engine_operations_of
from tonearm.domain.operations import MOST_BANDS, MOST_MIX_TRACKS, Fade, Pitch, Tempo
from tonearm.domain.output_format import OutputFormat
from tonearm.domain.recipe import MAX_OPERATIONS, Recipe
from tonearm_audio import AudioError, plan


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        (
            [Tempo(factor=0.25), Fade(), Tempo(factor=0.25), Fade(), Tempo(factor=4), Tempo(factor=4)],
            "tempo factor of the first 3 operations together is 0.0625",
        ),
        (
            [Pitch(semitones=20), Pitch(semitones=5), Fade(), Pitch(semitones=-5)],
            "pitch shift of the first 2 operations together is 25",
        ),
        (
            [Tempo(factor=4), Fade(), Tempo(factor=0.25), Tempo(factor=0.25)],
            "tempo factor of operations 3 to 4 together is 0.0625",
        ),
        (
            [Pitch(semitones=-24), Fade(), Tempo(factor=1), Pitch(semitones=20), Pitch(semitones=20)],
            "pitch shift of operations 3 to 5 together is 40",
        ),
    ],
)
def test_what_a_step_may_not_come_to_is_refused_in_the_same_words_as_the_engines(
    operations: list[Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as here:
        Recipe(operations=tuple(operations))
    whatever = Recipe.model_construct(operations=tuple(operations), output=OutputFormat())
    with pytest.raises(AudioError) as there:
        plan.plan(engine_operations_of(whatever, {}))
    assert there.value.detail in str(here.value)


@pytest.mark.parametrize("semitones", permutations((11.9, 10.3, 1.8)))
@pytest.mark.parametrize("between", [[], [Fade()]], ids=["side by side", "apart"])
def test_a_sum_at_the_limit_is_taken_in_every_order_here_and_by_the_engine(
    semitones: tuple[float, ...], between: list[Any]
) -> None:
    recipe = Recipe(operations=tuple(each for shift in semitones for each in (Pitch(semitones=shift), *between)))
    assert plan.plan(engine_operations_of(recipe, {}))


@pytest.mark.parametrize(
    ("operations", "most"),
    [
        ([{"type": "louder"}] * 100_000, MAX_OPERATIONS),
        ([{"type": "equalize", "bands": [{}] * 100_000}], MOST_BANDS),
        ([{"type": "mix", "tracks": [{}] * 100_000}], MOST_MIX_TRACKS),
    ],
    ids=["operations", "bands", "tracks"],
)
def test_of_a_list_that_is_too_long_nothing_is_looked_at(operations: list[Any], most: int) -> None:
    with pytest.raises(ValidationError, match=f"at most {most} items.*, not 100000") as refused:
        Recipe.model_validate({"operations": operations})
    # Not one error for each of them: at most that the list around it has nothing in it that can be used
    assert refused.value.error_count() <= 2
    assert len(str(refused.value)) < 1000
