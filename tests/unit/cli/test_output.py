"""A command: what comes too late, and what an interruption breaks."""

from __future__ import annotations

import signal
import time

import pytest
import typer

from tests.support.patience import Patience
from tonearm_cli.errors import CliError
from tonearm_cli.output import command


def test_an_interruption_that_comes_when_the_work_is_done_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(monkeypatch)
    # Given work that is interrupted as it ends, and a reader who takes its time
    with command(as_json=True, quiet=False) as output:
        signal.raise_signal(signal.SIGTERM)
        output.done({"frames": 1}, lambda _: None)
        patience.ends()
    # Then there is one document
    assert capsys.readouterr().out == '{"frames":1}\n'


def test_an_error_after_an_interruption_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks() -> None:
        signal.raise_signal(signal.SIGTERM)
        raise CliError("The program failed.")

    with pytest.raises(typer.Exit) as ended, command(as_json=True, quiet=False):
        breaks()
    assert ended.value.exit_code == 130
    assert '"code":"interrupted"' in capsys.readouterr().out
    # And the next command of the process is not meant, however long it takes
    with command(as_json=True, quiet=False):
        time.sleep(0.4)


def test_the_message_of_an_error_is_not_interrupted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(monkeypatch)

    # Given somebody who loses patience while an error is told, and a slow terminal
    def slowly(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        patience.ends()
        typer.echo("told", err=True)

    monkeypatch.setattr("tonearm_cli.output.tell", slowly)
    with pytest.raises(typer.Exit) as ended, command(as_json=False, quiet=False):
        raise CliError("The song is too long.")
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "told\n"
