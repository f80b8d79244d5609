"""The page's own checks, with the tools that its lock names: types, style, accessibility, unit tests, licences."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.page_tools import LOCK, WEB, installed_tools
from tonearm_local.page import node

# What may be part of the page, and of what builds and checks it.
PERMISSIVE = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT", "Python-2.0"}
# Unchanged, in tests only, and never part of the page.
MAY_CHECK = {
    "axe-core": "MPL-2.0",
    "caniuse-lite": "CC-BY-4.0",
    "language-subtag-registry": "CC0-1.0",
    "type-fest": "(MIT OR CC0-1.0)",
}


@pytest.fixture(scope="module")
def tools() -> Path:
    """Given what the lock names."""
    return installed_tools()


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([node(), *command], cwd=WEB, capture_output=True, text=True, check=False)


def locked() -> dict[str, dict[str, Any]]:
    """Package → its entry in the lock."""
    packages: dict[str, dict[str, Any]] = json.loads(LOCK.read_text())["packages"]
    return {path.rpartition("node_modules/")[2]: entry for path, entry in packages.items() if path}


def test_types_hold_against_the_apis_own_document(tools: Path) -> None:
    # Given the document's types, made anew
    made = run(tools / "openapi-typescript/bin/cli.js", "../docs/openapi.json", "-o", "src/api/schema.d.ts")
    assert made.returncode == 0, made.stderr
    # Then whatever the page takes from the API is there
    checked = run(tools / "typescript/bin/tsc", "--noEmit")
    assert checked.returncode == 0, checked.stdout
    # And its style and its accessibility are as agreed (which needs the types)
    linted = run(tools / "eslint/bin/eslint.js", "--max-warnings", "0", ".")
    assert linted.returncode == 0, linted.stdout


def test_the_pages_own_tests_pass(tools: Path) -> None:
    tested = run(tools / "vitest/vitest.mjs", "run", "--no-color")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_package_has_a_permissive_licence() -> None:
    strangers = {
        name: entry.get("license")
        for name, entry in locked().items()
        if entry.get("license") not in PERMISSIVE and not (entry.get("dev") and MAY_CHECK.get(name) == entry["license"])
    }
    assert strangers == {}


def test_the_lock_names_no_host_and_every_package_by_its_hash() -> None:
    packages = locked()
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []


def test_the_lock_serves_every_platform() -> None:
    """What a build runs natively comes as a package a platform, and npm leaves out those it could not find."""
    for tool, wanted in (("rollup", "@rollup/rollup-"), ("esbuild", "@esbuild/")):
        entry = locked()[tool]
        named = {name for name in entry["optionalDependencies"] if name.startswith(wanted)}
        assert len(named) > 10
        assert named - locked().keys() == set()
