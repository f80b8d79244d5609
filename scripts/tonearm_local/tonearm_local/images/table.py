"""What was measured of each function's image, as a table in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tonearm_local.paths import local_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tonearm_local.images.build import Image
    from tonearm_local.images.container import Limits

_TITLES = (
    "function",
    "image",
    "size MB",
    "build s",
    "memory MB",
    "processors",
    "disk MB",
    "init s",
    "first call s",
    "warm call s",
    "peak MB",
    "base",
)


@dataclass(frozen=True)
class Measured:
    """One function's image under Lambda's conditions.

    Attributes:
        function: its name.
        image: what it ran.
        limits: what it was given.
        init_s: from `docker run` to the first request for an event.
        first_s: its first call.
        warm_s: a second call on another song; None when there was none.
        peak_mb: most memory that its process held, MiB.
    """

    function: str
    image: Image
    limits: Limits
    init_s: float
    first_s: float
    warm_s: float | None
    peak_mb: float | None


def table_file(root: Path) -> Path:
    """Return where the last table of a checkout lies."""
    return local_folder(root) / "images.md"


def write_table(root: Path, measured: Iterable[Measured]) -> None:
    """Write the table where `table_file` says."""
    lines = [_row(_TITLES), _row("---" for _ in _TITLES)]
    for one in measured:
        image, limits = one.image, one.limits
        # Seconds of a build that was not needed this time are not known.
        build = "kept" if image.build_s is None else f"{image.build_s:.1f}"
        warm = "-" if one.warm_s is None else f"{one.warm_s:.2f}"
        peak = "-" if one.peak_mb is None else f"{one.peak_mb:.0f}"
        cells = [one.function, image.name, f"{image.size_mb:.0f}", build, limits.memory_mb, f"{limits.processors:.2f}"]
        cells += [limits.ephemeral_mb, f"{one.init_s:.2f}", f"{one.first_s:.2f}", warm, peak, image.base]
        lines.append(_row(map(str, cells)))
    file = table_file(root)
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
