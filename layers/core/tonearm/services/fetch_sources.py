"""Fetch what a Recipe works on: its Track's upload, and those of the other Tracks that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tonearm.domain.errors import Conflict, InvalidRequest, NotFound, RecipeRefused
from tonearm.domain.ids import TrackId
from tonearm.domain.recipe import Recipe
from tonearm.domain.rendering import require_room
from tonearm.domain.track import Track
from tonearm.ports import Uploads
from tonearm.services.ownership import Ownership


@dataclass(frozen=True)
class Sources:
    """Files on this machine.

    Attributes:
        track: the Track's own.
        others: of the other Tracks, by their ids.
    """

    track: Path
    others: Mapping[TrackId, Path]


@dataclass(frozen=True)
class FetchSources:
    """Other Tracks are looked at again when a step runs: much can happen while a Job waits."""

    ownership: Ownership
    uploads: Uploads

    def __call__(self, track: Track, recipe: Recipe, folder: Path) -> Sources:
        """The files, in a folder. Raises `RecipeRefused` where a step cannot work on them."""
        others = self._others(track, recipe)
        source = folder / "source"
        self.uploads.fetch(track.upload_key, source, upload_version=track.upload_version)
        files: dict[TrackId, Path] = {}
        for other in others:
            files[other.track_id] = folder / f"source-{len(files)}"
            try:
                self.uploads.fetch(other.upload_key, files[other.track_id], upload_version=other.upload_version)
            except Exception:
                # A Track that is deleted is marked before its upload goes: then this says so in words.
                self._others(track, recipe)
                raise
        return Sources(source, files)

    def _others(self, track: Track, recipe: Recipe) -> list[Track]:
        try:
            others = self.ownership.others(track.owner_id, recipe)
            require_room(recipe, track, others)
        except (NotFound, Conflict, InvalidRequest) as refusal:
            raise RecipeRefused.because_of(refusal.problem) from refusal
        return others
