"""What the engine does not read, by an ffmpeg that the person has installed: a convenience of a laptop, not a format.

No image holds an ffmpeg, so there this does nothing. pydub holds a whole song in memory (and some copies of it), which
is why the length is bounded here.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tonearm_audio import bounded_ffmpeg
from tonearm_audio.errors import AudioError, spoken_duration

LONGEST_S = 20 * 60
"""Twenty minutes of 16-bit stereo are 210 MB, of which pydub keeps three copies."""


def converted(path: Path, temporary: ExitStack) -> Path | None:
    """Decode a file of any kind that ffmpeg reads to a WAV file.

    Args:
        path: the file.
        temporary: what the WAV is deleted with.

    Returns:
        The WAV; None where ffmpeg makes nothing of the file, or where it or the optional pydub is not installed.

    Raises:
        AudioError: `track.too_long` when it is longer than `LONGEST_S`.
    """
    if shutil.which("ffmpeg") is None or find_spec("pydub") is None:
        return None
    destination = Path(temporary.enter_context(TemporaryDirectory())) / "converted.wav"
    return destination if _convert(path, destination) else None


def _convert(path: Path, destination: Path) -> bool:
    from pydub import AudioSegment  # noqa: PLC0415  (optional, and it looks for ffmpeg when it is imported)
    from pydub.exceptions import CouldntDecodeError  # noqa: PLC0415  (optional as well)

    try:
        with TemporaryDirectory() as folder:
            # pydub passes no options of ours before the output, but runs any program in ffmpeg's place.
            bounded: Any = type("Bounded", (AudioSegment,), {"converter": _program(Path(folder))})
            # An absolute path, because ffmpeg and ffprobe take a name such as `concat:a|b` for an address.
            segment = bounded.from_file(str(path.absolute()), duration=LONGEST_S + 1)
    # pydub asks ffprobe first and takes its answer for granted; where there is none to give, these are what it raises.
    except (CouldntDecodeError, OSError, IndexError, KeyError, ValueError):
        return False
    if segment.duration_seconds > LONGEST_S:
        raise AudioError(
            "track.too_long",
            f"This file is longer than {spoken_duration(LONGEST_S)}, the limit for what ffmpeg converts.",
            value=segment.duration_seconds,
            limit=LONGEST_S,
            mend="Convert it to FLAC or WAV yourself, and use that file.",
        )
    segment.export(str(destination), format="wav").close()
    return True


def _program(folder: Path) -> str:
    """Write the program that runs ffmpeg within bounds, and return its path."""
    program = folder / "ffmpeg"
    command = shlex.join([sys.executable, "-I", bounded_ffmpeg.__file__])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o700)
    return str(program)
