"""Create a Track: the row first, then the form."""

import pytest

from tests.unit.core.make import ADA, a_recipe
from tests.unit.core.world import MAX_UPLOAD_BYTES, World
from tonearm.domain.errors import InvalidRequest
from tonearm.domain.ids import new_track_id
from tonearm.domain.track import TrackStatus, require_size
from tonearm.services.create_track import NewTrack


def test_the_track_waits_for_its_upload_and_the_form_takes_exactly_it(world: World) -> None:
    track_id = new_track_id()
    new = NewTrack(filename="My song.flac", size_bytes=MAX_UPLOAD_BYTES, tags=("a",), recipe=a_recipe())
    track, form = world.create_track(ADA, new, track_id=track_id, correlation_id="request-1")
    assert track == world.track(track)
    assert (track.status, track.title, track.tags) == (TrackStatus.AWAITING_UPLOAD, "My song", ("a",))
    assert form.fields == {"key": f"uploads/{ADA}/{track_id}/source", "size": str(MAX_UPLOAD_BYTES)}


@pytest.mark.parametrize(
    ("size_bytes", "told"),
    [
        (200_000_000, "song.wav is 200.0 MB; the limit is 104.9 MB."),
        (10**400, f"song.wav is {10**394:,}.0 MB; the limit is 104.9 MB."),
        (104_857_601, "song.wav is 104,857,601 bytes; the limit is 104,857,600 bytes."),
    ],
)
def test_a_size_is_told_as_exactly_as_it_takes(size_bytes: int, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        require_size(size_bytes, limit_bytes=104_857_600, called="song.wav", refusal=InvalidRequest)
    assert refused.value.problem.detail == told


def test_a_file_that_is_too_large_is_refused_with_figure_limit_and_mend(world: World) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        world.new_track(size_bytes=MAX_UPLOAD_BYTES + 1)
    problem = refusal.value.problem
    assert (problem.code, problem.value, problem.limit) == ("track.too_large", 1001, 1000)
    assert "FLAC or MP3" in problem.mend
    assert world.tracks.all == []


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
