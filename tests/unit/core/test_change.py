"""Changing a row that others change too."""

import pytest

from tests.unit.core.make import ADA, NOON, a_track
from tests.unit.core.memory import MemoryTracks
from tonearm.domain.errors import StaleWrite
from tonearm.domain.track import Track
from tonearm.services.change import change


class BusyTracks(MemoryTracks):
    """Tracks that somebody else changes between a read and a write, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def save(self, row: Track) -> Track:
        if self.times:
            self.times -= 1
            standing = self.get(row.owner_id, row.track_id)
            assert standing is not None
            super().save(standing.relabelled(NOON, title=None, tags=(*standing.tags, f"tag-{self.times}")))
        return super().save(row)


def retitled(track: Track) -> Track:
    return track.relabelled(NOON, title="New", tags=None)


@pytest.mark.parametrize("times", [0, 1, 7])
def test_both_changes_are_kept_when_somebody_else_was_first(times: int) -> None:
    tracks = BusyTracks(times)
    track = tracks.add(a_track())
    changed = change(tracks, ADA, track.track_id, retitled)
    assert changed is not None
    assert (changed.title, len(changed.tags)) == ("New", times)


def test_it_gives_up_when_others_were_first_eight_times() -> None:
    tracks = BusyTracks(8)
    track = tracks.add(a_track())
    with pytest.raises(StaleWrite):
        change(tracks, ADA, track.track_id, retitled)


def test_a_transition_that_changes_nothing_writes_nothing() -> None:
    tracks = BusyTracks(1)
    track = tracks.add(a_track(title="New"))
    assert change(tracks, ADA, track.track_id, retitled) is tracks.get(ADA, track.track_id)
    assert tracks.times == 1


def test_a_row_that_is_gone_is_none() -> None:
    assert change(MemoryTracks(), ADA, a_track().track_id, retitled) is None
