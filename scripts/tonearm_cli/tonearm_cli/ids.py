"""Ids as they are typed: checked before they become a part of an address."""

from __future__ import annotations

import re

from tonearm_cli.errors import WrongUse

_ULID = "[0-9a-z]{26}"


def is_id(text: str, kind: str) -> bool:
    """Whether a text looks like an id of a kind."""
    return re.fullmatch(rf"{kind}_{_ULID}", text) is not None


def require_id(text: str, *kinds: str) -> str:
    """An id of one of the kinds (`trk`, `job`). Raises WrongUse."""
    if not any(is_id(text, kind) for kind in kinds):
        limit = " or ".join(f"{kind}_…" for kind in kinds)
        mend = "`tonearm tracks` and `tonearm jobs` list yours."
        raise WrongUse(f"{text!r} is no such id.", code="id.invalid", value=text, limit=limit, mend=mend)
    return text
