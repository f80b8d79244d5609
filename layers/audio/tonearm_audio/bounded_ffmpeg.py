"""Runs ffmpeg as pydub asks for it, within bounds that pydub has no words for. Run as a program, by `foreign`.

What it adds: nothing is read from the terminal; no address but that of a file is opened, also where the file names
others, as playlists do; what comes out has at most two channels at 192 kHz; and it ends after `PATIENCE_S`.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE_S = 300.0
"""Twenty minutes of song decode in seconds."""

TIMED_OUT = 124
"""The exit status then, as that of coreutils' timeout."""

# ffmpeg takes of each what is closest to the source, so that no usual recording is changed.
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000)
_BOUNDS = f"aformat=channel_layouts=mono|stereo:sample_rates={'|'.join(map(str, _RATES))}"


def bounded(asked: Sequence[str]) -> list[str]:
    """The command for what pydub asks: options of the input, `-i` and a path, options of the output, `-`."""
    *before, output = asked
    at = before.index("-i") + 1
    before[at] = f"file:{before[at]}"
    return ["ffmpeg", "-nostdin", "-protocol_whitelist", "file,pipe", *before, "-af", _BOUNDS, output]


def run(asked: Sequence[str]) -> int:
    """Run it; return its exit status, or `TIMED_OUT`."""
    try:
        return subprocess.run(bounded(asked), check=False, stdin=subprocess.DEVNULL, timeout=PATIENCE_S).returncode
    except subprocess.TimeoutExpired:
        return TIMED_OUT


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
