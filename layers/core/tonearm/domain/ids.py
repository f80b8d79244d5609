"""The one id maker: a prefix that names the kind, and a ULID, so that ids sort by time of creation."""

from typing import Annotated

from pydantic import StringConstraints
from ulid import ULID

_ULID = r"[0-7][0-9a-hjkmnp-tv-z]{25}"

TrackId = Annotated[str, StringConstraints(pattern=rf"^trk_{_ULID}$")]
JobId = Annotated[str, StringConstraints(pattern=rf"^job_{_ULID}$")]
OwnerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]


def new_track_id() -> str:
    """A new id for a Track, e.g. ``trk_01jd3v…``."""
    return f"trk_{str(ULID()).lower()}"


def new_job_id() -> str:
    """A new id for a Job, e.g. ``job_01jd3v…``."""
    return f"job_{str(ULID()).lower()}"
