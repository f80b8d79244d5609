"""The peers' environment: build/bench/peers, made by uv from peers.txt, apart from the project's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.performance.bench.measure import ROOT

_PINS = Path(__file__).with_name("peers.txt")


def install(folder: Path) -> tuple[Path, str]:
    """Make or update the environment.

    Returns:
        Its interpreter, and why it could not be made; the latter is empty where it could.
    """
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = hashlib.sha256(_PINS.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python, ""
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    commands = (
        [uv, "venv", "--quiet", "--clear", "--python", "3.11", str(folder)],
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(_PINS)],
    )
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", None) or error).strip().splitlines()
            return python, f"not installed: {said[-1][:200]}"
    stamp.write_text(wanted)
    return python, ""
