"""Files that a command reads and writes: checked before anything starts, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import typer

from tonearm_cli.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tonearm_cli.output import Output


def require_file(path: Path) -> None:
    """Raise WrongUse unless there is a file that can be read."""
    if not path.exists():
        raise WrongUse(f"There is no file {path}.", code="file.not_there", value=str(path), mend="Check the path.")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise WrongUse(f"{path} is {what}.", code="file.no_file", value=str(path), mend="Name one audio file.")
    if not os.access(path, os.R_OK):
        mend = "Change its permissions or copy it."
        raise WrongUse(f"{path} cannot be read by you.", code="file.forbidden", value=str(path), mend=mend)


def require_folder(path: Path) -> None:
    """Raise WrongUse unless there is a folder in which files can be made."""
    if not path.is_dir():
        what = f"{path} is no folder" if path.exists() else f"There is no folder {path}"
        raise WrongUse(f"{what}.", code="file.no_folder", value=str(path), mend="Make it, or name another.")
    if not os.access(path, os.W_OK | os.X_OK):
        mend = "Change its permissions, or name another."
        raise WrongUse(f"The folder {path} cannot be written to.", code="file.forbidden", value=str(path), mend=mend)


def require_free(path: Path, output: Output, *, force: bool) -> bool:
    """Raise WrongUse when something stands where a file is to be written, unless it is a file that may be replaced.

    It may with `force`, or when somebody who is asked says so.

    Returns:
        Whether a file may be replaced there, also one that comes later.
    """
    if not os.path.lexists(path):
        return force
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise WrongUse(f"{path} is {what}.", code="file.no_file", value=str(path), mend="Name a file.")
    if force or (output.can_ask and typer.confirm(f"Replace {path}?", err=True)):
        return True
    raise _exists(path)


def _exists(path: Path) -> WrongUse:
    mend = "Name another, or replace it with --force."
    return WrongUse(f"{path} exists already.", code="file.exists", value=str(path), mend=mend)


@dataclass(frozen=True)
class Place:
    """Where a file is to appear when all of it is made.

    Attributes:
        out: its path.
        replace: whether it may replace a file there, as `require_free` says.
    """

    out: Path
    replace: bool

    def beside(self) -> tempfile.TemporaryDirectory[str]:
        """A folder on the same disk in which it is made."""
        return tempfile.TemporaryDirectory(dir=self.out.parent, prefix=".tonearm-")

    def take(self, partial: Path) -> None:
        """Give the complete file its name. Raises WrongUse when what has come to stand there may not be replaced."""
        if not self.replace:
            # A hard link would do it in one call, but not every disk knows them.
            try:
                os.close(os.open(self.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
            except FileExistsError:
                raise _exists(self.out) from None
        partial.replace(self.out)


@contextmanager
def written_whole(place: Place, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Write a file that takes its name when it is complete; otherwise nothing is left, and what stood there stays.

    Raises WrongUse when what has come to stand there may not be replaced.

    Args:
        place: where it appears; its folder must exist.
        mode: its permissions from the first moment, less what the umask takes.
    """
    partial = place.out.with_name(f".tonearm-{secrets.token_hex(8)}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        place.take(partial)
    finally:
        partial.unlink(missing_ok=True)
