"""The checkout, as git knows it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def committed() -> list[Path]:
    """Files that git tracks and that stand in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    """Committed files that are text, with their text."""
    found = []
    for path in committed():
        content = path.read_bytes()
        if b"\0" not in content:
            found.append((path.relative_to(ROOT), content.decode()))
    return found
