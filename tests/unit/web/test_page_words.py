"""The page's words for what the engine tells by name."""

import ast
import re

from tests.support.page_tools import WEB

CERTIFICATE = WEB.parent / "layers" / "audio" / "tonearm_audio" / "certificate.py"


def promise_names() -> set[str]:
    """What the engine calls its promises: the first argument wherever it makes one."""
    calls = [node for node in ast.walk(ast.parse(CERTIFICATE.read_text())) if isinstance(node, ast.Call)]
    made = [call.args[0] for call in calls if getattr(call.func, "id", None) in ("Promise", "_near") and call.args]
    return {name.value for name in made if isinstance(name, ast.Constant) and isinstance(name.value, str)}


def test_the_page_has_a_word_for_every_promise_and_for_nothing_else() -> None:
    # Given the names of the engine
    names = promise_names()
    assert {"channels", "loudness", "mono"} <= names
    # Then the table of the certificate has a word for each
    table = re.search(r"const NAMES[^{]*\{(.*?)\}", (WEB / "src/listen/Promises.tsx").read_text(), re.DOTALL)
    assert table is not None
    assert set(re.findall(r"^\s*(\w+):", table[1], re.MULTILINE)) == names
