"""What an analysis has used, and needs no longer, belongs to the machine again."""

import platform
from pathlib import Path

import pytest
import soundfile

from tests.unit.audio.signals import RATE, noise, run_python

ANALYSED = """
import sys
from pathlib import Path
from tonearm_audio import analyze
found = analyze(Path(sys.argv[1]))
told = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(*(int(told[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS")))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory its own way")
def test_an_analysis_gives_back_what_it_has_used(tmp_path: Path) -> None:
    # Given a song
    song = tmp_path / "song.wav"
    soundfile.write(song, noise(30.0), RATE)
    # When it has been analysed
    most_mb, now_mb = map(float, run_python(ANALYSED, str(song)).split())
    # Then the process holds little more than its modules and the document
    assert now_mb < most_mb - 8
