"""Create a Track: the row first, then the form."""

import pytest

from tests.unit.core.make import ADA, a_recipe
from tests.unit.core.world import MAX_UPLOAD_BYTES, TIERS, World
from tonearm.domain.errors import InvalidRequest
from tonearm.domain.ids import new_track_id
from tonearm.domain.tier import Tier
from tonearm.domain.track import TrackStatus
from tonearm.services.create_track import NewTrack


def test_the_track_waits_for_its_upload_and_the_form_takes_exactly_it(world: World) -> None:
    track_id = new_track_id()
    new = NewTrack(filename="My song.flac", size_bytes=MAX_UPLOAD_BYTES, tags=("a",), recipe=a_recipe())
    track, form = world.create_track(ADA, new, tier=Tier.FREE, track_id=track_id, correlation_id="request-1")
    assert track == world.track(track)
    assert (track.status, track.title, track.tags) == (TrackStatus.AWAITING_UPLOAD, "My song", ("a",))
    assert form.fields == {"key": f"uploads/{ADA}/{track_id}/source", "size": str(MAX_UPLOAD_BYTES)}


def test_a_file_that_is_too_large_is_refused_with_figure_limit_and_mend(world: World) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        world.new_track(size_bytes=MAX_UPLOAD_BYTES + 1)
    problem = refusal.value.problem
    assert (problem.code, problem.value, problem.limit) == ("track.too_large", 1001, 1000)
    assert "FLAC or MP3" in problem.mend
    assert world.tracks.all == []


def test_who_is_pro_may_upload_more_and_the_track_and_its_form_say_so(world: World) -> None:
    size_bytes = TIERS.pro.max_upload_bytes
    new, track_id = NewTrack(filename="long.flac", size_bytes=size_bytes), new_track_id()
    track, form = world.create_track(ADA, new, tier=Tier.PRO, track_id=track_id, correlation_id="request-1")
    assert (world.track(track).tier, form.fields["size"]) == (Tier.PRO, str(size_bytes))
    with pytest.raises(InvalidRequest, match="limit for tier pro is 3,000 bytes"):
        world.new_track(tier=Tier.PRO, size_bytes=size_bytes + 1)


def test_the_same_id_again_answers_the_same_track_and_a_fresh_form(world: World) -> None:
    first = world.new_track(title="First")
    again = world.new_track(title="Second", track_id=first.track_id)
    assert again == first


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("a/b/c.mp3", "c"),
        (".mp3", ".mp3"),
        ("   .mp3", "Untitled"),
        ("x" * 300 + ".mp3", "x" * 200),
        ("x" * 199 + " y.mp3", "x" * 199),
        ("no ending", "no ending"),
        ("\x1f.mp3", "Untitled"),
    ],
)
def test_a_title_comes_from_the_file_name(world: World, filename: str, title: str) -> None:
    assert world.new_track(filename=filename).title == title
