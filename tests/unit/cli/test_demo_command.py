"""`tonearm demo` as it is typed: what is wrong is said before anything starts, and the exit status tells the end."""

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.cli import answers
from tests.unit.cli.test_summary import made
from tonearm.domain.errors import Problem
from tonearm_audio.packets import FORMATS_READ
from tonearm_cli import demo, main
from tonearm_cli.errors import CliError, Refused
from tonearm_local.errors import StackError


@pytest.fixture(autouse=True)
def _away_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the stack is touched, the test fails."""

    def touched(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the stack was started")

    monkeypatch.setattr(demo, "run", touched)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main.app, ["demo", *arguments])


@pytest.mark.usefixtures("nothing_starts")
class TestBeforeAnythingStarts:
    def refused(self, *arguments: str) -> str:
        result = run(*arguments)
        lines = result.stderr.splitlines()
        assert result.exit_code == 2, result.output
        assert len(lines) == 1
        assert result.stdout == ""
        assert lines[0].startswith("tonearm: ")
        return str(lines[0])

    def test_a_file_that_is_not_there(self) -> None:
        assert "There is no file nowhere.mp3" in self.refused("--song", "nowhere.mp3")

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder" in self.refused("--song", str(tmp_path))

    def test_something_that_is_neither(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert "is no file" in self.refused("--song", "pipe")

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "empty.mp3").touch()
        assert "is empty" in self.refused("--song", "empty.mp3")

    def test_a_file_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "secret.mp3").write_bytes(b"1")
        # Root, who may run the tests, may read every file.
        monkeypatch.setattr(os, "access", lambda path, mode, **_: (Path(path).name, mode) != ("secret.mp3", os.R_OK))
        assert "cannot be read" in self.refused("--song", "secret.mp3")

    @pytest.mark.parametrize(
        ("recipe", "mend"),
        [
            ("louder=11", "Is loudness meant?"),
            ("1.1", "tempo=1.1,pitch=2"),
            ("tempo", "Write it like tempo=1.1"),
            ("tempo=fast", "between 0.25 and 4"),
            ("pitch=99", "between -24 and 24"),
            ("", "names no operations"),
            ("format=ogg", "names no operations"),
        ],
    )
    def test_an_unreadable_recipe(self, recipe: str, mend: str) -> None:
        assert mend in self.refused("--recipe", recipe)

    def test_a_file_where_the_results_should_go(self, tmp_path: Path) -> None:
        (tmp_path / "taken").touch()
        assert "--out" in self.refused("--out", "taken")

    def test_square_brackets_are_shown_as_they_are(self) -> None:
        assert "[bold]song.mp3" in self.refused("--song", "[bold]song.mp3")


def ends_with(monkeypatch: pytest.MonkeyPatch, end: BaseException | Any) -> list[demo.Wish]:
    wishes: list[demo.Wish] = []

    def stand_in(wish: demo.Wish, _stack: Any, _steps: Any) -> Any:
        wishes.append(wish)
        if isinstance(end, BaseException):
            raise end
        return end

    monkeypatch.setattr(demo, "run", stand_in)
    return wishes


def test_success_shows_the_figures_and_how_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = ends_with(monkeypatch, made())
    result = run("--recipe", "tempo=0.5,format=flac")
    assert result.exit_code == 0, result.output
    assert "882,000 frames" in result.stdout
    assert "`make down` stops it" in result.stdout
    assert [operation.type for operation in wishes[0].recipe.operations] == ["tempo"]
    assert wishes[0].recipe.output.codec == "flac"
    assert wishes[0].song is None
    assert wishes[0].out.is_dir()


def test_another_stack_is_stopped_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(monkeypatch, made())
    assert "`tonearm stack down --name other` stops it" in run("--name", "other").stdout


def test_a_rejected_song_shows_code_value_limit_and_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(monkeypatch, Refused("The track was rejected", Problem.model_validate(answers.problem())))
    result = run()
    assert result.exit_code == 1
    shown = [" ".join(line.split()) for line in result.stderr.splitlines() if line]
    assert shown == [
        "tonearm: The track was rejected.",
        "code track.not_audio",
        "why This file is a PNG picture, not a song in a format that Tonearm reads.",
        "value a PNG picture",
        f"limit {FORMATS_READ}",
        f"mend Upload {FORMATS_READ}.",
    ]


@pytest.mark.parametrize(
    ("end", "status", "words"),
    [
        (CliError("No mail came."), 1, "No mail came."),
        (StackError("Port 4566 is taken by java (pid 1)."), 1, "Port 4566 is taken"),
        (KeyboardInterrupt(), 130, "run the same command again"),
    ],
)
def test_every_end_has_a_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch, end: BaseException, status: int, words: str
) -> None:
    ends_with(monkeypatch, end)
    result = run()
    assert result.exit_code == status
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_earlier_results_are_gone_before_a_new_song_goes_in_but_never_the_song_itself(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("render.mp3", "render.wav", "analysis.json", "certificate.json", "notes.txt"):
        (out / name).write_text("x")
    wish = demo.Wish.checked(song=out / "render.wav", recipe="pitch=1", out=out)
    demo.forget_earlier_results(wish)
    assert sorted(file.name for file in out.iterdir()) == ["notes.txt", "render.wav"]


def test_the_command_has_its_groups() -> None:
    result = CliRunner().invoke(main.app, ["--help"])
    assert {"demo", "stack", "build"} <= set(result.stdout.split())
    assert "up" in CliRunner().invoke(main.app, ["stack", "--help"]).stdout
