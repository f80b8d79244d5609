"""`tonearm render` and `tonearm analyze`: no cloud, no network, the workflow's engine, and never half a file."""

import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.command import TONEARM
from tests.unit.cli.world import Terminal
from tonearm.adapters.audio import TonearmAudio
from tonearm.domain.recipe import Recipe
from tonearm_cli.demo_song import compose_demo_song


@pytest.fixture(scope="session")
def made_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    compose_demo_song(path, duration_s=6.0, tempo_bpm=120.0, seed=7)
    return path


@pytest.fixture
def song(made_song: Path, tonearm: Terminal) -> Path:
    """Given a song in the folder where the command runs."""
    Path("song.wav").write_bytes(made_song.read_bytes())
    return Path("song.wav")


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def test_a_render_is_what_the_workflow_makes_of_the_same_recipe(tonearm: Terminal, song: Path, tmp_path: Path) -> None:
    # Given what the workflow's engine makes
    recipe = Recipe.parse_text("tempo=1.25,pitch=-2.5,format=flac")
    expected = TonearmAudio().render(
        song, tmp_path / "expected.flac", recipe=recipe, others={}, on_progress=lambda _: None
    )
    # When
    document = tonearm.json("render", "song.wav", "out.flac", "--tempo", "1.25", "--pitch", "-2.5")
    # Then
    assert document["pcm_sha256"] == expected.pcm_sha256
    assert document["recipe_hash"] == recipe.content_hash
    assert document["certificate"]["kept"] is True
    assert Path("out.flac").read_bytes() == (tmp_path / "expected.flac").read_bytes()
    assert document["size_bytes"] == Path("out.flac").stat().st_size
    assert files() == {"song.wav", "out.flac"}


@pytest.mark.parametrize("codec", ["mp3", "wav", "flac", "ogg"])
def test_the_ending_says_the_format(tonearm: Terminal, song: Path, codec: str) -> None:
    result = tonearm("render", "song.wav", f"out.{codec.upper()}", "--recipe", "tempo=2")
    assert result.exit_code == 0, result.output
    assert soundfile.info(f"out.{codec.upper()}").format == codec.upper()


def test_the_promises_are_shown(tonearm: Terminal, song: Path) -> None:
    result = tonearm("render", "song.wav", "out.wav", "--tempo", "1.1", "--pitch", "+2")
    assert {"duration", "pitch", "level", "timing", "clipping"} <= set(result.stdout.split())
    assert "out.wav" in result.stdout


def test_quiet_says_nothing_and_no_certify_measures_nothing(tonearm: Terminal, song: Path) -> None:
    result = tonearm("render", "song.wav", "out.wav", "--tempo", "2", "--quiet", "--no-certify")
    assert (result.exit_code, result.output) == (0, "")
    again = tonearm.json("render", "song.wav", "out.wav", "--tempo", "2", "--no-certify", "--force")
    assert again["certificate"] is None


def test_settings_of_a_format_are_for_those_that_have_them(tonearm: Terminal, song: Path) -> None:
    document = tonearm.json("render", "song.wav", "out.mp3", "--tempo", "2", "--bitrate", "128")
    assert document["recipe"]["output"] == {"codec": "mp3", "bitrate_kbps": 128, "variable": False}
    for option in (["--bitrate", "128"], ["--variable"]):
        problem = tonearm.json("render", "song.wav", "out.wav", *option, exit_code=2)["problem"]
        assert (problem["code"], problem["value"]) == ("usage", "wav")
    assert tonearm("render", "song.wav", "out.ogg", "--bit-depth", "24").exit_code == 2


def test_without_options_only_the_format_changes(tonearm: Terminal, song: Path) -> None:
    document = tonearm.json("render", "song.wav", "out.flac", "--bit-depth", "24")
    assert document["recipe"]["operations"] == [{"type": "convert"}]
    assert soundfile.info("out.flac").subtype == "PCM_24"
    assert np.array_equal(soundfile.read("out.flac")[0], soundfile.read("song.wav")[0])


OPERATIONS = [
    (["--trim", "1-3.5"], "trim=1-3.5"),
    (["--tempo", "1.1", "--pitch", "-2", "--keep-formants"], "tempo=1.1,pitch=-2:formants=keep"),
    (["--equalize", "peak@1000=+3:high_pass@80/0.9"], "equalize:peak@1000=+3:high_pass@80/0.9"),
    (["--compress", "ratio=4", "--reverb", "decay=2:mix=0.1"], "compress:ratio=4,reverb:decay=2:mix=0.1"),
    (
        ["--spatial", "--spatial-path", "figure", "--headphones", "--seed", "7"],
        "spatial:path=figure:seed=7:listening=headphones",
    ),
    (["--fade-in", "0.5", "--fade-out", "2", "--rate", "48000"], "fade:in=0.5:out=2,convert:rate=48000"),
    (["--loudness", "-16", "--ceiling", "-2", "--channels", "1"], "convert:channels=1,loudness=-16:ceiling=-2"),
    (["--master", "warm", "--loudness", "-12"], "master=warm:target=-12"),
]


@pytest.mark.parametrize(("options", "text"), OPERATIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_options_say_what_a_recipe_says(tonearm: Terminal, song: Path, options: list[str], text: str) -> None:
    made = [
        tonearm.json("render", "song.wav", f"{name}.flac", *said, "--no-certify")
        for name, said in (("options", options), ("recipe", ["--recipe", text]))
    ]
    assert (
        made[0]["recipe"] == made[1]["recipe"] == json.loads(Recipe.parse_text(f"{text},format=flac").canonical_json())
    )
    assert made[0]["pcm_sha256"] == made[1]["pcm_sha256"]


def test_other_files_are_named_by_their_paths(tonearm: Terminal, song: Path) -> None:
    # Given names that hold what settings are written with
    other = Path("a: gain, of (2)=1.wav")
    other.write_bytes(song.read_bytes())
    # When
    document = tonearm.json("render", "song.wav", "out.flac", "--mix", f"{other}:gain=-6:start=1:reverb(mix=0.1)")
    # Then they stand in the recipe by what they hold, wherever they lie
    (mix,) = document["recipe"]["operations"]
    assert (mix["tracks"][0]["gain_db"], mix["tracks"][0]["reverb"]["mix"]) == (-6, 0.1)
    assert document["certificate"]["kept"] is True
    other.rename("b.wav")
    again = tonearm.json("render", "song.wav", "again.flac", "--recipe", "mix=b.wav:start=1:gain=-6:reverb(mix=0.1)")
    assert (again["recipe_hash"], again["pcm_sha256"]) == (document["recipe_hash"], document["pcm_sha256"])
    assert tonearm.json("render", "song.wav", "b.flac", "--reference", "b.wav", "--no-certify")["duration_s"] == 6.0


def test_the_format_may_be_named_where_the_ending_is_none(tonearm: Terminal, song: Path) -> None:
    assert tonearm("render", "song.wav", "take 2", "--tempo", "2", "--format", "flac").exit_code == 0
    assert tonearm("render", "song.wav", "take 3", "--recipe", "tempo=2,format=flac").exit_code == 0
    assert Path("take 2").read_bytes() == Path("take 3").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["nowhere.wav", "out.wav", "--tempo", "2"], 2, "file.not_there"),
        ([".", "out.wav", "--tempo", "2"], 2, "file.no_file"),
        (["song.wav", "nowhere/out.wav", "--tempo", "2"], 2, "file.no_folder"),
        (["song.wav", "song.wav", "--tempo", "2"], 2, "file.is_input"),
        (["song.wav", "song.wav", "--tempo", "2", "--force"], 2, "file.is_input"),
        (["song.wav", "same.wav", "--tempo", "2", "--force"], 2, "file.is_input"),
        (["song.wav", "there.wav", "--tempo", "2"], 2, "file.exists"),
        (["song.wav", "folder.wav", "--tempo", "2", "--force"], 2, "file.no_file"),
        (["song.wav", "/dev/null", "--tempo", "2", "--format", "wav", "--force"], 2, "file.no_file"),
        (["song.wav", "out.aac", "--tempo", "2"], 2, "file.format_unknown"),
        (["song.wav", "out", "--tempo", "2"], 2, "file.format_unknown"),
        (["song.wav", "out.wav", "--tempo", "2", "--format", "mp3"], 2, "file.format_differs"),
        (["song.wav", "out.wav", "--recipe", "tempo=2,format=mp3"], 2, "file.format_differs"),
        (["song.wav", "out.wav", "--keep-formants"], 2, "usage"),
        (["song.wav", "out.wav", "--ceiling", "-1"], 2, "usage"),
        (["song.wav", "out.wav", "--headphones"], 2, "usage"),
        (["song.wav", "out.wav", "--recipe", "tempo=2", "--mix", "there.wav"], 2, "usage"),
        (["song.wav", "out.wav", "--mix", "nowhere.wav:gain=1"], 2, "file.not_there"),
        (["song.wav", "out.wav", "--recipe", "mix=nowhere.wav"], 2, "file.not_there"),
        (["song.wav", "out.wav", "--reference", "."], 2, "file.no_file"),
        (["song.wav", "there.wav", "--mix", "there.wav", "--force"], 2, "file.is_input"),
        (["song.wav", "out.wav", "--mix", "picture.wav"], 3, "track.not_audio"),
        (["song.wav", "out.wav", "--mix", "song.wav:gain=99"], 3, "recipe.invalid"),
        (["song.wav", "out.wav", "--trim", "99-"], 3, "recipe.nothing_left"),
        (["song.wav", "out.wav", "--master", "hot"], 3, "recipe.invalid"),
        (["song.wav", "out.wav", "--master", "warm", "--reference", "song.wav"], 3, "recipe.invalid"),
        (["song.wav", "out.wav", "--recipe", "tempo=2", "--pitch", "1"], 2, "usage"),
        (["song.wav", "out.wav", "--tempo", "2", "--spatial-depth", "0.5"], 2, "usage"),
        (["song.wav", "out.wav", "--tempo", "9"], 3, "recipe.invalid"),
        (["song.wav", "out.wav", "--tempo", "nan"], 3, "recipe.invalid"),
        (["song.wav", "out.wav", "--pitch", "-25"], 3, "recipe.invalid"),
        (["song.wav", "out.wav", "--recipe", "louder=11"], 3, "recipe.invalid"),
        (["song.wav", "out.x", "--tempo", "2", "--format", "aac"], 3, "recipe.invalid"),
        (["song.wav", "out.mp3", "--tempo", "2", "--bitrate", "7"], 3, "recipe.invalid"),
        (["picture.wav", "out.wav", "--tempo", "2"], 3, "track.not_audio"),
        (["empty.wav", "out.wav", "--tempo", "2"], 3, "track.empty"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    tonearm: Terminal, song: Path, arguments: list[str], status: int, code: str
) -> None:
    # Given what may stand in the way
    Path("same.wav").symlink_to("song.wav")
    Path("there.wav").write_bytes(b"mine")
    Path("folder.wav").mkdir()
    Path("picture.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    Path("empty.wav").touch()
    before = {name: Path(name).read_bytes() for name in files()}
    # When
    result = tonearm("render", *arguments)
    problem = tonearm.json("render", *arguments, exit_code=status)["problem"]
    # Then
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert problem["code"] == code
    assert problem["mend"]
    assert problem["mend"] in " ".join(result.stderr.split())
    assert {name: Path(name).read_bytes() for name in files()} == before
    assert Path("folder.wav").is_dir()


def test_force_replaces(tonearm: Terminal, song: Path) -> None:
    Path("out.wav").write_bytes(b"mine")
    assert tonearm("render", "song.wav", "out.wav", "--tempo", "2", "--force").exit_code == 0
    assert soundfile.info("out.wav").frames > 0


@pytest.mark.parametrize(("options", "status"), [([], 2), (["--force"], 0)])
def test_a_file_that_appears_meanwhile_is_replaced_by_force_alone(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], status: int
) -> None:
    # Given somebody who makes a file of that name while the song is rendered
    really: Callable[..., Any] = TonearmAudio.render

    def slow(self: TonearmAudio, *arguments: Any, **more: Any) -> Any:
        Path("out.wav").write_bytes(b"mine")
        return really(self, *arguments, **more)

    monkeypatch.setattr(TonearmAudio, "render", slow)
    # When
    result = tonearm("render", "song.wav", "out.wav", "--tempo", "2", *options)
    # Then
    assert result.exit_code == status, result.output
    assert ("file.exists" in result.stderr) is (status == 2)
    assert (Path("out.wav").read_bytes() == b"mine") is (status == 2)
    assert files() == {"song.wav", "out.wav"}


@pytest.mark.parametrize(("said", "status"), [(True, 0), (False, 2)])
def test_somebody_who_sits_there_is_asked_before_a_file_is_replaced(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch, said: bool, status: int
) -> None:
    Path("out.wav").write_bytes(b"mine")
    asked: list[str] = []
    monkeypatch.setattr("tonearm_cli.output.Output.can_ask", True)

    def answer(text: str, **_: Any) -> bool:
        asked.append(text)
        return said

    monkeypatch.setattr("typer.confirm", answer)
    assert tonearm("render", "song.wav", "out.wav", "--tempo", "2").exit_code == status
    assert asked == ["Replace out.wav?"]
    assert (Path("out.wav").read_bytes() == b"mine") is not said


@pytest.mark.parametrize(("said", "status"), [(True, 0), (False, 2)])
def test_somebody_who_sits_there_is_asked_before_a_picture_is_replaced(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch, said: bool, status: int
) -> None:
    Path("song.png").write_bytes(b"mine")
    monkeypatch.setattr("tonearm_cli.output.Output.can_ask", True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: said)
    assert tonearm("analyze", "song.wav", "--spectrogram", "song.png").exit_code == status
    assert (Path("song.png").read_bytes() == b"mine") is not said


def test_a_broken_promise_is_told_by_name_and_figure_and_no_render_is_kept(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an engine that stretches by another factor than it was told
    really: Callable[..., Any] = TonearmAudio.render

    def careless(self: TonearmAudio, source: Path, destination: Path, **more: Any) -> Any:
        return really(self, source, destination, **{**more, "recipe": Recipe.parse_text("tempo=1.5,format=wav")})

    monkeypatch.setattr(TonearmAudio, "render", careless)
    Path("out.wav").write_bytes(b"mine")
    # When
    result = tonearm("render", "song.wav", "out.wav", "--tempo", "2", "--force")
    # Then
    assert result.exit_code == 1
    assert "certificate.duration" in result.stderr
    assert "tempo promises duration 132300.0 ± 0.0 frames, measured 176400.0" in result.stderr
    assert "NO" in result.stdout
    assert Path("out.wav").read_bytes() == b"mine"
    assert files() == {"song.wav", "out.wav"}
    document = tonearm.json("render", "song.wav", "new.wav", "--tempo", "2", exit_code=1)
    assert document["problem"]["code"] == "certificate.duration"
    assert document["certificate"]["kept"] is False


@pytest.mark.parametrize("codec", ["wav", "flac", "mp3", "ogg", "opus", "m4a"])
def test_a_disk_that_is_full_leaves_nothing(song: Path, codec: str) -> None:
    # Given a limit on the size of files, which is what a full disk looks like from here
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [TONEARM, "render", "song.wav", f"out.{codec}", "--tempo", "0.5"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 1, done.stderr
    assert "file.no_space" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in Path().iterdir()} == {"song.wav"}


@pytest.mark.parametrize("forbidden", ["song.wav", "locked"])
def test_what_may_not_be_used_is_told(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch, forbidden: str
) -> None:
    Path("locked").mkdir()
    # Root, who may run the tests, may use everything.
    monkeypatch.setattr(os, "access", lambda path, _mode, **_: Path(path).name != forbidden)
    problem = tonearm.json("render", "song.wav", "locked/out.wav", "--tempo", "2", exit_code=2)["problem"]
    assert (problem["code"], problem["value"]) == ("file.forbidden", forbidden)
    assert files() == {"song.wav"}


def test_a_terminal_gets_colours_unless_it_wants_none(song: Path) -> None:
    def coloured(**environment: str) -> bool:
        ours, theirs = pty.openpty()
        subprocess.run(
            [TONEARM, "analyze", "song.wav"],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            check=True,
        )
        os.close(theirs)
        with os.fdopen(ours, "rb") as terminal:
            said = b""
            while block := _read(terminal):
                said += block
        assert b"Analyzing" in said
        return re.search(rb"\x1b\[[0-9;]*(3|9)[0-7]m", said) is not None

    assert coloured()
    assert not coloured(NO_COLOR="1")


def _read(terminal: io.BufferedReader) -> bytes:
    try:
        return terminal.read1()
    except OSError:
        # What Linux says at the end of a terminal that was closed.
        return b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_render_leaves_nothing(tonearm: Terminal, number: int) -> None:
    # Given a song that takes a while
    soundfile.write("long.wav", np.random.default_rng(1).normal(0, 0.1, 44_100 * 600), 44_100)
    with subprocess.Popen(
        [TONEARM, "render", "long.wav", "out.wav", "--pitch", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as running:
        while not list(Path().glob(".tonearm-*/.render.wav.*.part")):
            assert running.poll() is None
            time.sleep(0.01)
        # When
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    # Then
    assert running.returncode == 130
    assert b"Interrupted" in said
    assert {path.name for path in Path().iterdir()} == {"long.wav"}


def test_analyze_shows_what_was_measured(tonearm: Terminal, song: Path) -> None:
    result = tonearm("analyze", "song.wav")
    rows = {line.split("  ")[0].strip(): line.split("  ", 1)[1].strip() for line in result.stdout.splitlines()}
    assert rows["duration"] == "6.000 s"
    assert rows["tempo"].endswith(" BPM")
    assert rows["loudness"].endswith(" LUFS")
    assert rows["true peak"].endswith(" dBTP")
    assert rows["sample rate"] == "44,100 Hz"
    assert rows["channels"] == "2"
    assert rows["encoding"] == "wav, pcm_16"


def test_analyze_as_json_is_the_document_of_the_workflow_to_the_byte(tonearm: Terminal, song: Path) -> None:
    document = TonearmAudio().analyze(song, on_progress=lambda _: None).document
    kept = json.dumps(document, allow_nan=False, separators=(",", ":"))
    assert tonearm("analyze", "song.wav", "--json").stdout == f"{kept}\n"


@pytest.mark.parametrize("option", ["--mix", "--reference"])
@pytest.mark.parametrize("wrong", ["a letter", "samples that are no numbers, at its end"])
def test_another_file_that_is_refused_is_named(tonearm: Terminal, song: Path, option: str, wrong: str) -> None:
    if wrong == "a letter":
        Path("rubbish.wav").write_text("This is a letter. " * 99)
    else:
        samples, rate_hz = soundfile.read(song)
        samples[-1] = np.nan
        soundfile.write("rubbish.wav", samples, rate_hz, subtype="FLOAT")
    result = tonearm("render", "song.wav", "out.wav", option, "rubbish.wav")
    assert result.exit_code == 3
    assert "rubbish.wav was refused" in result.stderr
    assert "song.wav was refused" not in result.stderr


@pytest.mark.parametrize(("options", "status"), [([], 2), (["--force"], 0)])
def test_a_picture_that_appears_meanwhile_is_replaced_by_force_alone(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], status: int
) -> None:
    # Given somebody who makes a file of that name while the song is analyzed
    really: Callable[..., Any] = TonearmAudio.analyze

    def slow(self: TonearmAudio, *arguments: Any, **more: Any) -> Any:
        Path("song.png").write_bytes(b"mine")
        return really(self, *arguments, **more)

    monkeypatch.setattr(TonearmAudio, "analyze", slow)
    # When
    result = tonearm("analyze", "song.wav", "--spectrogram", "song.png", *options)
    # Then
    assert result.exit_code == status, result.output
    assert ("file.exists" in result.stderr) is (status == 2)
    assert (Path("song.png").read_bytes() == b"mine") is (status == 2)
    assert files() == {"song.wav", "song.png"}


def test_analyze_draws_the_spectrogram_and_replaces_no_file_unasked(tonearm: Terminal, song: Path) -> None:
    # When it is asked for
    tonearm("analyze", "song.wav", "--spectrogram", "song.png")

    # Then it is the workflow's
    drawn = TonearmAudio().analyze(song, on_progress=lambda _: None).spectrogram
    assert Path("song.png").read_bytes() == drawn

    # And what stands there stays, unless it is said otherwise
    Path("song.png").write_bytes(b"mine")
    assert tonearm("analyze", "song.wav", "--spectrogram", "song.png").exit_code == 2
    assert Path("song.png").read_bytes() == b"mine"
    tonearm("analyze", "song.wav", "--spectrogram", "song.png", "--force")
    assert Path("song.png").read_bytes() == drawn


def test_analyze_finds_the_sections_when_asked(tonearm: Terminal, song: Path) -> None:
    found = tonearm.json("analyze", "song.wav", "--structure")

    assert found["structure"]["sections"] == [{"start_s": 0.0, "end_s": 6.0, "label": "A"}]
    assert "A from 0.0 s" in tonearm("analyze", "song.wav", "--structure").stdout


def test_without_librosa_the_sections_are_refused_before_anything_is_measured(
    tonearm: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tonearm_audio.structure", raising=False)
    monkeypatch.setitem(sys.modules, "librosa", None)

    problem = tonearm.json("analyze", "song.wav", "--structure", exit_code=2)["problem"]

    assert problem["code"] == "librosa.not_there"
    assert "tonearm-audio[structure]" in problem["mend"]


def test_silence_is_told_in_words(tonearm: Terminal) -> None:
    soundfile.write("silence.wav", np.zeros(44_100), 44_100)
    result = tonearm("analyze", "silence.wav")
    assert "no pulse" in result.stdout
    assert "silence" in result.stdout


@pytest.mark.parametrize(("name", "status"), [("nowhere.wav", 2), ("picture.wav", 3)])
def test_what_cannot_be_analysed_is_told(tonearm: Terminal, name: str, status: int) -> None:
    Path("picture.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    result = tonearm("analyze", name)
    assert (result.exit_code, result.stdout) == (status, "")
    assert tonearm.json("analyze", name, exit_code=status)["problem"]["mend"]


def test_a_name_cannot_command_the_terminal(tonearm: Terminal, song: Path) -> None:
    song.rename("\x1b[31mred\x1b]0;title\x07.wav")
    result = tonearm("render", "\x1b[31mred\x1b]0;title\x07.wav", "\x1b[2Jout.wav", "--tempo", "2")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_a_name_that_is_no_text_is_a_name_all_the_same(song: Path) -> None:
    song.rename(os.fsdecode(b"caf\xe9.wav"))
    done = subprocess.run(
        [TONEARM, "render", b"caf\xe9.wav", b"caf\xe8.wav", "--tempo", "2"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(os.fsencode(path) for path in Path().iterdir()) == [b"caf\xe8.wav", b"caf\xe9.wav"]


OFFLINE = """
import socket, sys
def blocked(*arguments, **options):
    raise AssertionError("the network was touched")
socket.socket = socket.create_connection = socket.getaddrinfo = blocked
from tonearm_cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["render", "song.wav", "out.mp3", "--tempo", "1.1"], ["analyze", "song.wav", "--json"]]
)
def test_neither_a_network_nor_its_libraries_are_used(song: Path, arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", OFFLINE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
    assert "tonearm_audio" in loaded
    assert not loaded & {"boto3", "botocore", "httpx", "aws_lambda_powertools", "ssl", "psutil"}
