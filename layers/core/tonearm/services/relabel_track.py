"""Change a Track's title and tags: the only fields that are its owner's to write."""

from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Conflict
from tonearm.domain.track import Track
from tonearm.ports import Tracks
from tonearm.services.change import change
from tonearm.services.ownership import Ownership


@dataclass(frozen=True)
class RelabelTrack:
    """Write title and tags, unless the Track is not the one that the owner has read."""

    tracks: Tracks
    ownership: Ownership
    clock: Clock

    def __call__(
        self,
        owner_id: str,
        track_id: str,
        *,
        title: str | None,
        tags: tuple[str, ...] | None,
        if_version: int | None,
    ) -> Track:
        """The Track with its new labels.

        Raises:
            NotFound: there is no such Track of this owner.
            Conflict: ``track.changed`` when `if_version` is given and is not the Track's.
        """
        self.ownership.track(owner_id, track_id)

        def relabel(track: Track) -> Track:
            if if_version is not None and track.version != if_version:
                raise Conflict(
                    "track.changed",
                    f"Track {track_id} has changed since you read it.",
                    value=track.version,
                    limit=if_version,
                    mend="Read it again and send its new ETag in If-Match.",
                )
            return track.relabelled(self.clock(), title=title, tags=tags)

        changed = change(self.tracks, owner_id, track_id, relabel)
        return changed if changed is not None else self.ownership.track(owner_id, track_id)
