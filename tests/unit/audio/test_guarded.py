"""A probe in a process of its own: the same answers, and an end to what takes too much."""

import os
import re
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonearm_audio import AudioError, Limits, guarded, probe
from tonearm_audio.guarded import Budget, guarded_probe

LIMITS = Limits(max_duration_s=60.0)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "a song.flac"
    soundfile.write(path, np.sin(np.arange(44_100) / 20)[:, np.newaxis].repeat(2, axis=1) / 2, 44_100)
    return path


def test_the_answer_is_that_of_a_probe(song: Path) -> None:
    assert guarded_probe(song, limits=LIMITS) == probe(song, limits=LIMITS)


def test_a_name_that_is_no_text_is_no_obstacle(song: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(song.parent) + b"/\xff\xfe.flac"))
    song.rename(odd)
    assert guarded_probe(odd, limits=LIMITS).frames == 44_100


def test_a_refusal_comes_back_whole(song: Path) -> None:
    with pytest.raises(AudioError) as near:
        probe(song, limits=Limits(max_duration_s=0.5))
    with pytest.raises(AudioError) as far:
        guarded_probe(song, limits=Limits(max_duration_s=0.5))
    assert vars(far.value) == vars(near.value)
    assert far.value.code == "track.too_long"


def test_a_file_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        guarded_probe(tmp_path / "nothing.wav", limits=LIMITS)


# What a decoder might do, in the place of the probe.
DEEDS = {
    "loops": "while True: pass",
    "waits": "__import__('time').sleep(90)",
    "eats memory": "held = [bytearray(1 << 20) for _ in range(1 << 20)]",
    "crashes": "__import__('ctypes').string_at(0)",
    "aborts": "__import__('os').abort()",
}


@pytest.fixture
def decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a decoder that does something else in the place of the probe."""

    def goes_wrong(deed: str) -> None:
        program = tmp_path / "going_wrong.py"
        program.write_text(
            textwrap.dedent(f"""
                import sys
                from tonearm_audio import guarded
                def probe(path, *, limits):
                    {deed}
                guarded.probe = probe
                sys.exit(guarded._main())
            """)
        )
        run = guarded._run
        monkeypatch.setattr(
            guarded, "_run", lambda _command, order, budget: run([sys.executable, str(program)], order, budget)
        )

    return goes_wrong


@pytest.mark.parametrize(
    ("deed", "code", "part"),
    [
        ("loops", "track.too_costly", "processor time; the limit is 1 s"),
        ("waits", "track.too_costly", "3 s of time; the limit is 3 s"),
        ("eats memory", "track.too_costly", "memory; the limit is 537 MB"),
        ("crashes", "track.unreadable", "SIGSEGV"),
        ("aborts", "track.unreadable", "SIGABRT"),
    ],
)
def test_what_takes_too_much_is_ended_and_refused(
    song: Path, decoding: Callable[[str], None], deed: str, code: str, part: str
) -> None:
    # Given a decoder that goes wrong
    decoding(DEEDS[deed])
    # When it is asked to look into a file
    # Patience enough for a busy machine, but where it is patience that is tried.
    cpu_s, wall_s = 1 if deed == "loops" else 30, 3.0 if deed == "waits" else 60.0
    with pytest.raises(AudioError) as refused:
        guarded_probe(song, limits=LIMITS, budget=Budget(cpu_s=cpu_s, wall_s=wall_s, memory_bytes=1 << 29))
    # Then the file is refused, with what it took and what it may take
    assert refused.value.code == code
    assert part in refused.value.detail
    assert refused.value.limit is not None
    assert refused.value.mend


def told(song: Path) -> str:
    """What the decoder has to say, in words that come back."""
    with pytest.raises(RuntimeError) as failed:
        guarded_probe(song, limits=LIMITS)
    return str(failed.value)


def test_the_decoder_learns_no_secret_of_this_process(
    song: Path, decoding: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that holds keys
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-key")
    monkeypatch.setenv("TONEARM_TABLE", "a-table")
    # When a decoder looks around
    decoding("sys.exit(f'sees {sorted(__import__(\"os\").environ)}')")
    seen = set(re.findall(r"'(\w+)'", told(song).partition("sees")[2]))
    # Then it sees where programs lie and how text is written, and no more
    assert "PATH" in seen
    assert seen <= {*guarded._HANDED_OVER}
    assert not {name for name in seen if name.startswith(("AWS", "TONEARM", "HOME"))}


@pytest.mark.parametrize("deed", ["__import__('time').sleep(90)", "__import__('os').abort()"], ids=["waits", "aborts"])
def test_what_a_decoder_has_started_ends_with_it(
    song: Path, tmp_path: Path, decoding: Callable[[str], None], deed: str
) -> None:
    # Given a decoder that has started another program, and noted which
    started = tmp_path / "started"
    quiet = "stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    start = f"subprocess.Popen(['sleep', '60'], {quiet}).pid"
    decoding(f"import subprocess; open({str(started)!r}, 'w').write(str({start})); {deed}")
    # When it is ended, or ends
    with pytest.raises(AudioError):
        guarded_probe(song, limits=LIMITS, budget=Budget(cpu_s=30, wall_s=8.0))
    # Then so has the other: only whoever adopts it may still have to take notice
    status = Path("/proc", started.read_text(), "stat")
    with suppress(FileNotFoundError, ProcessLookupError):
        for _ in range(500):
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                return
            time.sleep(0.01)
        pytest.fail("it is still running")


def test_what_went_wrong_in_the_probe_itself_is_no_fault_of_the_file(
    song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="ended with 1"):
        guarded_probe(song, limits=LIMITS)


def test_the_budget_grows_with_what_a_track_may_last() -> None:
    assert Budget.for_duration(1200.0).cpu_s == 99
    assert Budget.for_duration(float("inf")).cpu_s == Budget.for_duration(24 * 3600.0).cpu_s


def test_nothing_is_left_beside_the_file(song: Path, tmp_path: Path) -> None:
    guarded_probe(song, limits=LIMITS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a song.flac"]
