"""Logins on this machine's disk, one file a profile, which only their owner can read from the moment it is there."""

from __future__ import annotations

import os
import re
import stat
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tonearm_cli.deployment import Deployment
from tonearm_cli.errors import CliError, NotSignedIn, WrongUse
from tonearm_cli.files import Place, written_whole

if TYPE_CHECKING:
    from typing import Self

_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Credentials(BaseModel):
    """Who is signed in where, and the proof of it.

    Attributes:
        user_id: Cognito's `sub`, by which the API knows its owner.
        expires_at: when the access token ends.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    deployment: Deployment
    email: str
    user_id: str
    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    expires_at: datetime

    @classmethod
    def load(cls, profile: str, *, only_private: bool = True) -> Self:
        """Read a profile's file.

        Raises:
            WrongUse: no such name can be.
            NotSignedIn: there is no file, or others could have read or changed it (unless `only_private` is False).
            CliError: it cannot be read.
        """
        file = credentials_file(profile)
        try:
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            mend = f"Run `tonearm login{_option(profile)}`."
            raise NotSignedIn(f"Nobody is signed in (profile {profile}).", value=profile, mend=mend) from error
        with os.fdopen(handle, "rb") as opened:
            if only_private:
                _require_private(file, os.fstat(handle))
                _require_private(file.parent, file.parent.stat())
            content = opened.read()
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            # The error itself would quote the file.
            mend = f"Run `tonearm login{_option(profile)}` again."
            raise NotSignedIn(f"{file} is damaged.", code="credentials.damaged", mend=mend) from None

    def save(self, profile: str) -> None:
        """Write a profile's file: whole, and readable by its owner alone from the first moment."""
        file = credentials_file(profile)
        file.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        _require_private(file.parent, file.parent.stat())
        with written_whole(Place(file, replace=True), mode=0o600) as opened:
            opened.write(self.model_dump_json(indent=2).encode())


def forget(profile: str) -> None:
    """Delete a profile's file, if there is one."""
    credentials_file(profile).unlink(missing_ok=True)


def credentials_file(profile: str) -> Path:
    """Where a profile's login lies: below TONEARM_HOME, or in the user's folder for settings. Raises WrongUse."""
    from platformdirs import user_config_path

    if not _PROFILE.fullmatch(profile):
        limit = "1 to 64 letters, digits, dots, hyphens and underscores"
        mend = "Choose another --profile."
        raise WrongUse(f"{profile!r} is no name of a profile.", value=profile, limit=limit, mend=mend)
    home = os.environ.get("TONEARM_HOME")
    return (Path(home) if home else user_config_path("tonearm")) / "credentials" / f"{profile}.json"


def _require_private(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    wished = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    if mode & _OTHERS:
        raise NotSignedIn(
            f"Others can read or change {path}, so what it holds is not used.",
            code="credentials.exposed",
            value=f"{mode:04o}",
            limit=f"{wished:04o}",
            mend=f"Run `chmod {wished:o} '{path}'`; or `tonearm logout`, which revokes it, and log in again.",
        )
    if found.st_uid != os.geteuid():
        raise CliError(f"{path} belongs to somebody else.", code="credentials.foreign", mend="Set TONEARM_HOME.")


def _option(profile: str) -> str:
    return "" if profile == "default" else f" --profile {profile}"
