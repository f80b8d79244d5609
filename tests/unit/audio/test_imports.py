"""Import budgets: what only probes never loads a stretcher, a resampler or an encoder, and nothing ever loads scipy."""

import os
import sys
from pathlib import Path

import pytest

from tests.unit.audio.signals import run_python
from tonearm_cli.demo_song import DemoSong

NEVER = {"scipy", "librosa", "numba", "boto3", "botocore", "pydantic", "tonearm"}
HEAVY = {"soxr", "lameenc"}

PATHS = {
    "import": "import tonearm_audio",
    "probe": "from tonearm_audio import Limits, probe; probe(path, limits=Limits(600))",
    "analyze": "from tonearm_audio import analyze; analyze(path)",
    "render": (
        "from tonearm_audio import OutputFormat, Pitch, render;"
        "render(path, path.with_suffix('.budget.wav'), operations=[Pitch(1)], output=OutputFormat('wav'))"
    ),
}


def loaded_by(work: str, song: DemoSong) -> set[str]:
    """The modules of a fresh process that has gone a path."""
    code = f"import sys; from pathlib import Path; path = Path(sys.argv[1]); {PATHS[work]}; print(*sys.modules)"
    return set(run_python(code, str(song.path)).split())


@pytest.mark.parametrize(
    ("work", "allowed"),
    [("import", set()), ("probe", set()), ("analyze", {"soxr"}), ("render", HEAVY)],
)
def test_each_path_loads_only_what_it_uses(song: DemoSong, work: str, allowed: set[str]) -> None:
    loaded = {name.partition(".")[0] for name in loaded_by(work, song)}

    assert not loaded & NEVER
    assert loaded & HEAVY == allowed


@pytest.mark.parametrize("work", ["probe", "analyze"])
def test_what_describes_operations_or_runs_programs_waits_until_it_is_used(song: DemoSong, work: str) -> None:
    assert not loaded_by(work, song) & {"tonearm_audio.operations", "tonearm_audio.foreign"}


@pytest.mark.skipif((os.cpu_count() or 1) < 2 or not Path("/proc").exists(), reason="numpy starts no threads to count")
def test_linear_algebra_has_one_thread_unless_the_program_asked_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)

    def threads(program: str) -> tuple[int, str]:
        said = "len(os.listdir('/proc/self/task')), os.environ.get('OPENBLAS_NUM_THREADS')"
        count, left = run_python(f"import os; {program}; print({said})").split()
        return int(count), left

    assert threads("import tonearm_audio") == (1, "None")
    assert threads("import numpy, tonearm_audio") == threads("import numpy") > (1, "")
    assert threads("os.environ['OPENBLAS_NUM_THREADS'] = '2'; import tonearm_audio") == (2, "2")


def test_every_public_name_can_be_imported_in_any_order() -> None:
    code = (
        "import random, tonearm_audio, types\n"
        "names = list(tonearm_audio.__all__); random.Random(3).shuffle(names)\n"
        "for name in names:\n"
        "    value = getattr(tonearm_audio, name)\n"
        "    assert not isinstance(value, types.ModuleType), name\n"
    )
    run_python(code)


def test_an_unknown_name_is_an_attribute_error() -> None:
    module = sys.modules.get("tonearm_audio") or __import__("tonearm_audio")
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = module.no_such_thing


def test_the_package_is_typed() -> None:
    module = __import__("tonearm_audio")
    assert Path(module.__file__ or "").with_name("py.typed").exists()
