"""Three hours cost no more memory than three minutes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 44_100
MOST_MB = 150.0

PROGRAM = """
import sys
from pathlib import Path
from tonearm_audio import *
job, source, made = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
recipes = {
    "around": [Spatial(seed=1)],
    "faster": [Tempo(1.1), Pitch(1.0)],
    "strip": [Equalize((Band("peak", 1000, 3.0),)), Compress(), Reverb()],
    "mastered": [Master("streaming")],
}
if job == "analyze":
    analyze(source)
elif job == "certify":
    certify(source, source, operations=[], output=OutputFormat("flac"))
else:
    output = OutputFormat(made.suffix[1:])
    render(source, made, operations=recipes[job], output=output)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024)
"""


def long_song(path: Path, *, minutes: int) -> Path:
    """A minute with beats and tones in it, again and again."""
    time = np.arange(60 * RATE) / RATE
    beat = np.exp(-((time * 2) % 1) * 12)
    minute = np.stack([np.sin(2 * np.pi * pitch * time) * beat * 0.4 for pitch in (220, 330)], axis=1)
    quanta = np.rint(minute * 32767).astype(np.int16)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(minutes):
            file.write(quanta)
    return path


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return long_song(tmp_path_factory.mktemp("long") / "song.flac", minutes=180)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("job", "codec"),
    [
        ("analyze", "wav"),
        ("certify", "wav"),
        ("around", "mp3"),
        ("faster", "flac"),
        ("strip", "m4a"),
        ("mastered", "opus"),
    ],
)
def test_three_hours_fit_into_memory(three_hours: Path, tmp_path: Path, job: str, codec: str) -> None:
    command = [sys.executable, "-c", PROGRAM, job, str(three_hours), str(tmp_path / f"made.{codec}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < MOST_MB
