"""Tier: what an owner may upload. A deployment has one table of limits, and a Track keeps the tier it was made in."""

from enum import StrEnum
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from tonearm.domain.errors import TonearmError, TrackRejected
from tonearm.domain.values import Value


class Tier(StrEnum):
    """From the lowest to the highest."""

    FREE = "free"
    PRO = "pro"

    @property
    def next_higher(self) -> "Tier | None":
        """The tier above this one; None for the highest."""
        above = list(Tier)[list(Tier).index(self) + 1 :]
        return above[0] if above else None


class TierLimits(Value):
    """What one upload of a tier may be: its size in bytes and its length in seconds."""

    max_upload_bytes: PositiveInt
    max_duration_s: float = Field(gt=0)


class TierTable(Value):
    """The limits of every tier in one deployment; a higher tier allows no less than a lower one."""

    free: TierLimits
    pro: TierLimits

    @model_validator(mode="after")
    def _no_less_above(self) -> Self:
        if self.pro.max_upload_bytes < self.free.max_upload_bytes or self.pro.max_duration_s < self.free.max_duration_s:
            raise ValueError("pro allows less than free.")
        return self

    def of(self, tier: Tier) -> TierLimits:
        """The limits of a tier."""
        return {Tier.FREE: self.free, Tier.PRO: self.pro}[tier]

    def require_size(self, tier: Tier, size_bytes: int, *, called: str, refusal: type[TonearmError]) -> None:
        """Raise `refusal`, ``track.too_large``, for a file over the tier's limit; its reader knows it as `called`."""
        limit_bytes = self.of(tier).max_upload_bytes
        if size_bytes <= limit_bytes:
            return
        # To the byte where nothing less tells them apart.
        say = _megabytes if size_bytes - limit_bytes >= 100_000 else _exact_bytes
        raise refusal(
            "track.too_large",
            f"{called} is {say(size_bytes)}; the limit for tier {tier} is {say(limit_bytes)}.",
            value=size_bytes,
            limit=limit_bytes,
            mend=_mend("Send it as FLAC or MP3, or cut it into parts", tier),
        )

    def too_long(self, tier: Tier, duration_s: float) -> TrackRejected:
        """The refusal, ``track.too_long``, of a file that is longer than the tier allows."""
        limit_s = self.of(tier).max_duration_s
        length, limit = _spoken(duration_s), _spoken(limit_s)
        if length == limit:
            length, limit = f"{duration_s:.2f} s", f"{limit_s:g} s"
        return TrackRejected(
            "track.too_long",
            f"This file is {length} long; the limit for tier {tier} is {limit}.",
            value=duration_s,
            limit=limit_s,
            mend=_mend("Trim it", tier),
        )


def _mend(what_helps: str, tier: Tier) -> str:
    """What the owner can do; in the highest tier there is nothing to ask for."""
    higher = tier.next_higher
    return f"{what_helps}." if higher is None else f"{what_helps} or ask your admin for tier {higher}."


def _megabytes(size_bytes: int) -> str:
    """A size for people, rounded to a tenth; in whole numbers, because a request may name one that no float holds."""
    whole, tenth = divmod((size_bytes + 50_000) // 100_000, 10)
    return f"{whole:,}.{tenth} MB"


def _exact_bytes(size_bytes: int) -> str:
    return f"{size_bytes:,} bytes"


def _spoken(seconds: float) -> str:
    """A length of time as people say it, in its two largest units: "3 h 2 min", "4 min 5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    spoken = [f"{amount} {unit}" for amount, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if amount]
    return " ".join(spoken[:2]) or f"{seconds:.2g} s"
