"""The page's words for what the engine tells by name."""

import re
from typing import get_args

from tests.support.page_tools import WEB
from tonearm_audio.promise import PromiseName

ENGINE = WEB.parent / "layers" / "audio" / "tonearm_audio"


def test_the_page_has_a_word_for_every_promise_and_for_nothing_else() -> None:
    # Given the names of the engine, which takes no other
    names = set(get_args(PromiseName))
    assert {"channels", "loudness", "mono", "fade_in"} <= names
    # Then the table of the certificate has a word for each
    table = re.search(r"const NAMES[^{]*\{(.*?)\}", (WEB / "src/listen/Promises.tsx").read_text(), re.DOTALL)
    assert table is not None
    assert set(re.findall(r"^\s*(\w+):", table[1], re.MULTILINE)) == names


def test_the_engine_makes_every_promise_that_it_has_a_name_for() -> None:
    made = "".join(path.read_text() for path in ENGINE.glob("promises*.py"))
    assert [name for name in get_args(PromiseName) if f'"{name}",' not in made] == []
