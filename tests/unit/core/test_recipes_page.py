"""docs/recipes.md: its examples are read, and say the same in both forms; its table leaves nothing out."""

import json
import re
from typing import Any, get_args

import pytest

from tests.unit.repository.checkout import ROOT
from tonearm.domain import recipe_text
from tonearm.domain.operations import OPERATIONS, Band, MixTrack
from tonearm.domain.output_format import OutputFormat
from tonearm.domain.recipe import MAX_OPERATIONS, Recipe
from tonearm.domain.rendering import MAX_WORKING_BYTES
from tonearm.domain.upload_note import MAX_NOTE_BYTES
from tonearm.services.ownership import MAX_OTHER_TRACKS_BYTES

PAGE = (ROOT / "docs" / "recipes.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```recipe\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
ROWS = {
    re.split(r"\W", row)[0]: row
    for row in re.findall(r"^\| `(.*)\|$", PAGE.partition("## Examples")[0], flags=re.MULTILINE)
    if not row.startswith("mix=song")
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_is_a_recipe(text: str) -> None:
    recipe = Recipe.parse_text(text)
    assert Recipe.parse_text(recipe.text).canonical_json() == recipe.canonical_json()


def test_the_first_example_says_the_same_as_json() -> None:
    (document,) = re.findall(r"^```json\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert Recipe.model_validate(json.loads(document)) == Recipe.parse_text(EXAMPLES[0])


def test_examples_show_every_operation() -> None:
    shown = {operation.type for text in EXAMPLES for operation in Recipe.parse_text(text).operations}
    assert shown == {kind.model_fields["type"].default for kind in OPERATIONS}


def test_the_table_has_a_row_for_everything_with_its_settings_and_limits() -> None:
    assert set(ROWS) == set(recipe_text.EXAMPLES)
    kinds: list[tuple[str, Any]] = [(kind.model_fields["type"].default, kind) for kind in OPERATIONS]
    for name, kind in [*kinds, ("equalize", Band), ("mix", MixTrack)]:
        row = ROWS[name].replace(",", "")
        for limits in re.findall(r"=(-?[\d.]+ to -?[\d.]+)", recipe_text.usage(name)):
            assert limits in row, (name, limits)
        for field, info in kind.model_fields.items():
            if info.annotation is not None and field != "type":
                assert all(str(choice) in row for choice in get_args(info.annotation) if isinstance(choice, str))
    for choices in (OutputFormat.model_fields[name].annotation for name in OutputFormat.model_fields):
        assert all(str(choice) in PAGE for choice in get_args(choices))


def test_its_limits_are_those_of_the_code() -> None:
    assert f"1 to {MAX_OPERATIONS} operations" in PAGE
    assert f"{MAX_OTHER_TRACKS_BYTES:,} bytes" in PAGE
    assert f"{MAX_NOTE_BYTES:,} bytes" in PAGE
    assert f"{MAX_WORKING_BYTES:,} bytes" in PAGE
    minutes = MAX_WORKING_BYTES / 8 / 44_100 / 60
    assert f"{minutes // 60:.0f} h {minutes % 60:.0f} min at 44,100 Hz" in PAGE
