"""The page's words for what the engine tells by name."""

import ast
import re

from tests.support.page_tools import WEB

PROMISES = WEB.parent / "layers" / "audio" / "tonearm_audio" / "promises.py"


def promise_names() -> set[str]:
    """What the engine calls its promises: the first argument wherever it makes one, or what that goes through."""
    nodes = list(ast.walk(ast.parse(PROMISES.read_text())))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    made = [call.args[0] for call in calls if getattr(call.func, "id", None) in ("Promise", "_near") and call.args]
    variables = {name.id for name in made if isinstance(name, ast.Name)}
    for loop in (node for node in nodes if isinstance(node, ast.For) and isinstance(node.target, ast.Tuple)):
        if isinstance(loop.iter, ast.Tuple) and getattr(loop.target.elts[0], "id", None) in variables:
            made += [row.elts[0] for row in loop.iter.elts if isinstance(row, ast.Tuple)]
    return {name.value for name in made if isinstance(name, ast.Constant) and isinstance(name.value, str)}


def test_the_page_has_a_word_for_every_promise_and_for_nothing_else() -> None:
    # Given the names of the engine
    names = promise_names()
    assert {"channels", "loudness", "mono", "fade_in"} <= names
    # Then the table of the certificate has a word for each
    table = re.search(r"const NAMES[^{]*\{(.*?)\}", (WEB / "src/listen/Promises.tsx").read_text(), re.DOTALL)
    assert table is not None
    assert set(re.findall(r"^\s*(\w+):", table[1], re.MULTILINE)) == names
