"""A disk that takes no more: whatever writes, it is told as the system tells it, and no half file stays."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import errno, resource, sys
from pathlib import Path
import numpy as np
from tonearm_audio import OutputFormat
from tonearm_audio.encode import open_sink
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(1).uniform(-0.5, 0.5, (4 * 48000, 2)).astype(np.float32)
try:
    with open_sink(Path(sys.argv[1]), output=OutputFormat(sys.argv[1].rpartition(".")[2]),
                   sample_rate_hz=48000, channels=2) as sink:
        for start in range(0, len(noise), 4800):
            sink.write(noise[start : start + 4800])
except OSError as error:
    print(errno.errorcode[error.errno])
"""
"""Writes four seconds where a file may have so many bytes, which is what a full disk looks like from here."""


@pytest.mark.parametrize("limit", [0, 30, 20_000])
@pytest.mark.parametrize("codec", ["wav", "flac", "ogg", "opus", "mp3", "m4a"])
def test_what_the_system_says_is_raised(tmp_path: Path, codec: str, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / f"a.{codec}"), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("EFBIG\n", "")
    assert not list(tmp_path.iterdir())
