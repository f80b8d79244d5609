"""Tiers: what each allows, what a refusal says, and where a Track's tier is kept."""

import base64
import hashlib
import json
import zlib

import pytest
from pydantic import ValidationError

from tests.unit.core.make import a_track
from tonearm.domain.errors import InvalidRequest
from tonearm.domain.tier import Tier, TierTable
from tonearm.domain.track import Track
from tonearm.domain.upload_note import MAX_NOTE_BYTES, UploadNote

FREE = {"max_upload_bytes": 104_857_600, "max_duration_s": 1200}
PRO = {"max_upload_bytes": 1_000_000_000, "max_duration_s": 7200}
TIERS = TierTable.model_validate_json(json.dumps({"free": FREE, "pro": PRO}))
ASK = "or ask your admin for tier pro."


@pytest.mark.parametrize(
    ("tier", "size_bytes", "told", "mend"),
    [
        (Tier.FREE, 200_000_000, "song.wav is 200.0 MB; the limit for tier free is 104.9 MB.", ASK),
        (Tier.FREE, 10**400, f"song.wav is {10**394:,}.0 MB; the limit for tier free is 104.9 MB.", ASK),
        (
            Tier.FREE,
            104_857_601,
            "song.wav is 104,857,601 bytes; the limit for tier free is 104,857,600 bytes.",
            ASK,
        ),
        (Tier.PRO, 2_000_000_000, "song.wav is 2,000.0 MB; the limit for tier pro is 1,000.0 MB.", "into parts."),
    ],
)
def test_a_size_is_told_as_exactly_as_it_takes_and_with_what_helps(
    tier: Tier, size_bytes: int, told: str, mend: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        TIERS.require_size(tier, size_bytes, called="song.wav", refusal=InvalidRequest)
    problem = refused.value.problem
    assert (problem.code, problem.detail, problem.limit) == (
        "track.too_large",
        told,
        TIERS.of(tier).max_upload_bytes,
    )
    assert problem.mend.endswith(mend)


@pytest.mark.parametrize("tier", Tier)
def test_a_file_of_just_the_limit_is_taken(tier: Tier) -> None:
    TIERS.require_size(tier, TIERS.of(tier).max_upload_bytes, called="song.wav", refusal=InvalidRequest)


@pytest.mark.parametrize(
    ("tier", "duration_s", "told", "mend"),
    [
        (Tier.FREE, 10_920, "3 h 2 min long; the limit for tier free is 20 min.", f"Trim it {ASK}"),
        (Tier.FREE, 1200.4, "1200.40 s long; the limit for tier free is 1200 s.", f"Trim it {ASK}"),
        (Tier.PRO, 7265.0, "2 h 1 min long; the limit for tier pro is 2 h.", "Trim it."),
    ],
)
def test_a_length_is_told_as_people_say_it(tier: Tier, duration_s: float, told: str, mend: str) -> None:
    problem = TIERS.too_long(tier, duration_s).problem
    assert (problem.code, problem.detail) == ("track.too_long", f"This file is {told}")
    assert (problem.value, problem.limit, problem.mend) == (duration_s, TIERS.of(tier).max_duration_s, mend)


@pytest.mark.parametrize(
    "wrong",
    [
        {"free": FREE},
        {"free": FREE, "pro": PRO, "gold": PRO},
        {"free": PRO, "pro": FREE},
        {"free": FREE, "pro": {**PRO, "max_duration_s": 1199}},
        {"free": {**FREE, "max_upload_bytes": 0}, "pro": PRO},
        {"free": {**FREE, "max_duration_s": 0}, "pro": PRO},
        {"free": {**FREE, "max_duration": 1}, "pro": PRO},
    ],
    ids=str,
)
def test_a_table_that_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        TierTable.model_validate(wrong)


def test_a_row_of_before_there_were_tiers_is_free() -> None:
    row = a_track(tier=Tier.PRO).model_dump(mode="json", exclude={"tier"})
    assert Track.model_validate(row).tier is Tier.FREE


class TestUploadNote:
    def test_it_tells_the_tier(self) -> None:
        note = UploadNote.of(a_track(tier=Tier.PRO)).text()
        assert UploadNote.read(note).tier is Tier.PRO

    def test_it_says_nothing_of_the_tier_that_everybody_has(self) -> None:
        note = UploadNote.of(a_track(tier=Tier.FREE)).text()
        assert b"tier" not in zlib.decompress(base64.urlsafe_b64decode(note))
        assert UploadNote.read(note).tier is Tier.FREE

    def test_a_tier_that_does_not_fit_is_left_out_last(self) -> None:
        # Given the largest note that fits without a tier, all labels left out, of one track: other ids pack otherwise
        track = a_track(filename=_noise("name", 64))

        def with_text(letters: int, tier: Tier) -> UploadNote:
            return UploadNote.of(track.model_copy(update={"correlation_id": _noise("id", letters), "tier": tier}))

        letters = next(n for n in range(4000, 0, -1) if _fits(with_text(n, Tier.FREE)))
        # When it is of a track of tier pro
        note = with_text(letters, Tier.PRO).text()
        # Then it still fits, and a track that is written anew from it is free
        assert len(note) <= MAX_NOTE_BYTES
        assert UploadNote.read(note).tier is Tier.FREE
        # And a little less keeps the tier and drops labels
        kept = UploadNote.read(with_text(letters - 32, Tier.PRO).text())
        assert (kept.tier, kept.filename) == (Tier.PRO, "Untitled")


def _noise(seed: str, letters: int) -> str:
    """Hexadecimal digits that no compression helps."""
    digests = (hashlib.sha256(f"{seed} {part}".encode()).hexdigest() for part in range(letters // 64 + 1))
    return "".join(digests)[:letters]


def _fits(note: UploadNote) -> bool:
    try:
        note.text()
    except InvalidRequest:
        return False
    return True
