"""Damaged files of every kind: no crash, no hang, no growth, and every refusal readable."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.mutations import mutated
from tests.support.recordings import KINDS, known_signal, record

ROOT = Path(__file__).parents[3]
GROWTH_MB = 40.0


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recording of each kind that is read."""
    folder = tmp_path_factory.mktemp("mutations")
    for index, kind in enumerate(KINDS):
        made, _ = record(folder, kind, seconds=1.0)
        made.rename(folder / f"original-{index:02}")
    sound = known_signal(1.0, rate=44_100, channels=2)
    for suffix in ("wav", "flac", "mp3"):
        soundfile.write(folder / f"original-{suffix}.{suffix}", np.clip(sound, -1, 1), 44_100)
    return folder


def looked_into(folder: Path, first: int, count: int) -> Counter[str]:
    """Look into so many in one process, which must live through all of them."""
    command = [sys.executable, "-m", "tests.support.mutations", str(folder), str(first), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1:]
    assert done.returncode == 0, f"ended with {done.returncode} at mutation {last}:\n{done.stderr[-3000:]}"
    report = json.loads(done.stdout)
    assert report["grown_mb"] < GROWTH_MB, report
    return Counter(report["said"])


def test_a_mutation_is_the_same_every_time(originals: Path) -> None:
    files = [path.read_bytes() for path in sorted(originals.glob("original-*"))]
    assert mutated(files[0], 7, files) == mutated(files[0], 7, files) != mutated(files[0], 8, files)


@pytest.mark.parametrize("first", range(0, 600, 200))
def test_no_damaged_file_ends_or_fills_the_process(originals: Path, first: int) -> None:
    said = looked_into(originals, first, 200)
    # Damage is found, of several kinds, and what it does not reach is still heard.
    assert said.total() == 200
    assert said["accepted"] > 10
    assert len(said) > 4


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(10_000, 20_000, 1000))
def test_no_damaged_file_of_ten_thousand_ends_or_fills_the_process(originals: Path, first: int) -> None:
    assert looked_into(originals, first, 1000).total() == 1000
