"""Where things lie in the repository."""

from __future__ import annotations

from pathlib import Path


def repository_root() -> Path:
    """Return the root of the checkout that this package belongs to.

    Raises FileNotFoundError when the package was installed away from its checkout: the laptop stack deploys the
    sources beside it, so it only works from there.
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / "uv.lock").is_file():
        message = f"{root} is no checkout of Tonearm; run `uv sync` in the checkout and use its own .venv."
        raise FileNotFoundError(message)
    return root


def local_folder(root: Path) -> Path:
    """Return the folder, ignored by git, for all that the laptop stack makes."""
    return root / ".tonearm"
