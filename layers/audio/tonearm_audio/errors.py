"""The one error this library raises about a file or a recipe: a stable code, and what a person needs to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

ErrorCode = Literal[
    "track.empty",
    "track.not_audio",
    "track.no_audio",
    "track.codec_unsupported",
    "track.truncated",
    "track.header_lies",
    "track.too_short",
    "track.too_long",
    "track.too_many_channels",
    "track.sample_rate_unsupported",
    "track.not_finite",
    "track.unreadable",
    "track.too_costly",
    "recipe.invalid",
    "recipe.nothing_left",
]


class AudioError(Exception):
    """A file or a recipe that the engine refuses.

    Attributes:
        code: stable and machine readable, one of `ErrorCode`.
        detail: a sentence that names the value found and the limit it broke.
        value: the value found, or None where there is none to name.
        limit: the limit or the claim it was held against, or None.
        mend: a sentence that says what the owner of the file can do.
        file: the file that is refused, or None where it is the recipe.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        mend: str,
        value: float | int | str | None = None,
        limit: float | int | str | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code: ErrorCode = code
        self.detail = detail
        self.mend = mend
        self.value = value
        self.limit = limit
        self.file: Path | None = None

    def __str__(self) -> str:
        return f"{self.detail} {self.mend}"


@contextmanager
def refusals_of(path: Path) -> Iterator[None]:
    """Let what is refused meanwhile say that it is this file."""
    try:
        yield
    except AudioError as error:
        error.file = path
        raise


def spoken_duration(seconds: float) -> str:
    """Say a length of time the way people do: "3 h 2 min", "4 min 5 s", "0.02 s"."""
    if seconds < 10:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    spoken = [f"{amount} {unit}" for amount, unit in parts if amount]
    return " ".join(spoken[:2])
