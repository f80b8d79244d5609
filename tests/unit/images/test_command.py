"""`tonearm images` without an engine: a plain line, and an exit status that stops nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tonearm_local.images import cli
from tonearm_local.images.engine import NoEngine

if TYPE_CHECKING:
    from pathlib import Path

MISSING = "none answers, and there is no dockerd. Start Docker."


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a machine without a container engine."""

    def refuse(root: Path) -> None:
        raise NoEngine(MISSING)

    monkeypatch.setattr("tonearm_local.images.engine.borrowed_engine", refuse)


@pytest.mark.usefixtures("without_engine")
class TestWithoutAnEngine:
    def test_the_test_is_skipped_and_says_why(self) -> None:
        done = CliRunner().invoke(cli.app, ["test"])
        assert done.exit_code == 0
        assert done.output == f"SKIPPED: no container engine: {MISSING}\n"

    def test_a_build_fails_and_says_why(self) -> None:
        done = CliRunner().invoke(cli.app, ["build"])
        assert done.exit_code == 1
        assert done.stderr == f"tonearm: no container engine: {MISSING}\n"
