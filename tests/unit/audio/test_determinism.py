"""The same source and recipe give the same samples: in any process, thread, after a fork and on any processor."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonearm_audio import (
    Band,
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    MixTrack,
    Operation,
    OutputFormat,
    Pitch,
    Reverb,
    Spatial,
    Tempo,
    Trim,
    render,
)

SECONDS = 6
RATE = 44_100


def song(path: Path, seed: int) -> Path:
    """Chords and hits, so that every part of every operation has something to do."""
    random = np.random.default_rng(seed)
    time = np.arange(SECONDS * RATE) / RATE
    notes = sum(np.sin(2 * np.pi * pitch * time + seed) for pitch in (110, 220, 277, 330, 1760)) * 0.08
    hits = random.standard_normal(len(time)) * np.exp(-((time * 2) % 1) * 20) * 0.3
    sides = 0.1 * np.sin(2 * np.pi * 440 * time) * np.sin(2 * np.pi * 0.3 * time)
    soundfile.write(path, np.stack([notes + hits + sides, notes + hits * 0.7 - sides], axis=1), RATE, subtype="PCM_24")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("determinism")
    song(folder / "song.wav", 1)
    song(folder / "other.wav", 2)
    return folder


def recipes(folder: Path) -> dict[str, list[Operation]]:
    """Every operation at least once."""
    other = folder / "other.wav"
    return {
        "cut": [Trim(0.5, 5.0), Fade(0.5, 1.0), Convert(48_000, 1)],
        "changed": [Tempo(1.1), Pitch(2.0)],
        "voice": [Pitch(-3.0, formants="keep")],
        "around": [Spatial(seed=7, speed_hz=0.3)],
        "wandering": [Spatial(seed=7, path="random", room=0.6)],
        "headphones": [Spatial(seed=3, path="figure", listening="headphones")],
        "strip": [
            Equalize((Band("high_pass", 80), Band("peak", 1000, 6.0, 1.0), Band("high_shelf", 6000, -3.0))),
            Compress(threshold_dbfs=-24, ratio=4, makeup_db=3),
            Reverb(decay_s=0.8, mix=0.3),
        ],
        "mixed": [Mix((MixTrack(other, gain_db=-3, pan=0.5, start_s=1.0, reverb=Reverb()),))],
        "loud": [Loudness(-12.0)],
        "mastered": [Master("warm")],
        "matched": [Master(reference=other)],
    }


NAMES = sorted(recipes(Path()))


def digests(folder: Path, names: list[str], into: str) -> dict[str, str]:
    """The hash of what each recipe hands to the encoder."""
    made = recipes(folder)
    return {
        name: render(
            folder / "song.wav", folder / f"{into}-{name}.wav", operations=made[name], output=OutputFormat("wav")
        ).pcm_sha256
        for name in names
    }


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, str]:
    return digests(folder, NAMES, "expected")


PROGRAM = """
import json, sys
from pathlib import Path
from tests.unit.audio.test_determinism import NAMES, digests
print(json.dumps(digests(Path(sys.argv[1]), NAMES, sys.argv[2])))
"""


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("another process", {}),
        ("no AVX", {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"}),
        ("one thread, plain BLAS", {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Prescott"}),
        ("plain BLAS, three threads", {"OPENBLAS_NUM_THREADS": "3", "OPENBLAS_CORETYPE": "Prescott"}),
    ],
)
def test_another_process_and_another_processor_give_the_same_samples(
    folder: Path, expected: dict[str, str], name: str, environment: dict[str, str]
) -> None:
    # numpy warns of features that this processor has not; they are not used then either.
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), name.rsplit(maxsplit=1)[-1]]
    done = subprocess.run(
        command,
        env=os.environ | environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


def test_threads_side_by_side_give_the_same_samples(folder: Path, expected: dict[str, str]) -> None:
    # Given every recipe in a thread of its own, all at once
    begin = threading.Barrier(len(NAMES))

    def at_once(name: str) -> dict[str, str]:
        begin.wait()
        return digests(folder, [name], "thread")

    with ThreadPoolExecutor(len(NAMES)) as pool:
        found = [digest for made in pool.map(at_once, NAMES) for digest in made.items()]
    assert dict(found) == expected


def test_a_fork_of_a_process_that_has_rendered_gives_the_same_samples(folder: Path, expected: dict[str, str]) -> None:
    # Given a process that has loaded and used everything
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  (in the fork)
        try:
            os.write(write, json.dumps(digests(folder, NAMES, "fork")).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    assert json.loads(said) == expected


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_the_identity_recipe_returns_the_input_bit_for_bit(tmp_path: Path, channels: int, subtype: str) -> None:
    sound = np.random.default_rng(5).uniform(-1, 1, (50_000, channels))
    soundfile.write(tmp_path / "in.wav", sound, RATE, subtype=subtype)
    neutral: list[Operation] = [
        Trim(),
        Fade(),
        Tempo(1.0),
        Pitch(0.0),
        Convert(RATE, channels),
    ]
    bits = int(subtype.removeprefix("PCM_"))
    render(tmp_path / "in.wav", tmp_path / "out.flac", operations=neutral, output=OutputFormat("flac", bit_depth=bits))
    assert np.array_equal(
        soundfile.read(tmp_path / "in.wav", dtype="int32")[0], soundfile.read(tmp_path / "out.flac", dtype="int32")[0]
    )


def swapped(path: Path, into: Path) -> Path:
    sound, rate = soundfile.read(path, dtype="int32")
    soundfile.write(into, sound[:, ::-1], rate, subtype="PCM_24")
    return into


@pytest.mark.parametrize("name", ["cut", "changed", "voice", "strip", "loud", "mastered", "matched"])
def test_swapped_channels_come_out_swapped(folder: Path, tmp_path: Path, name: str) -> None:
    """Of what does not itself tell left from right, as a room does."""
    operations = [step for step in recipes(folder)[name] if not isinstance(step, Convert | Reverb)]
    output = OutputFormat("wav", bit_depth=24)
    render(folder / "song.wav", tmp_path / "a.wav", operations=operations, output=output)
    render(swapped(folder / "song.wav", tmp_path / "s.wav"), tmp_path / "b.wav", operations=operations, output=output)
    straight, crossed = (soundfile.read(tmp_path / f"{which}.wav")[0] for which in "ab")
    difference_db = 20 * np.log10(np.abs(straight - crossed[:, ::-1]).max() + 1e-12)
    assert difference_db < -100
