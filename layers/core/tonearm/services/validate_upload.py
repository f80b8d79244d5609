"""Validate an upload: is it the file that was announced, and is it audio that we take?"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonearm.domain.analysis import Probe
from tonearm.domain.clock import Clock
from tonearm.domain.errors import TrackRejected
from tonearm.domain.job import Stage, StepInput
from tonearm.domain.tier import TierTable
from tonearm.domain.track import Track
from tonearm.ports import AudioEngine, Tracks, Uploads
from tonearm.services.change import change
from tonearm.services.step import BeginStage


@dataclass(frozen=True)
class ValidateUpload:
    """The first step; what it refuses ends `rejected` with the reason."""

    begin_stage: BeginStage
    tracks: Tracks
    uploads: Uploads
    engine: AudioEngine
    clock: Clock
    tiers: TierTable

    def __call__(self, step: StepInput) -> Probe:
        """What was found in the upload.

        Raises:
            TrackRejected: with the code, the value, the limit and the mend; the Track says so too.
            JobAlreadyEnded: there is nothing left to do.
        """
        track = self.begin_stage(step, Stage.VALIDATE).track
        try:
            probe = track.probe or self._probe(track)
        except TrackRejected as refusal:
            problem = refusal.problem
            self._change(track, lambda track: track.rejected(self.clock(), problem=problem))
            raise
        self._change(track, lambda track: track.validated(self.clock(), probe=probe))
        return probe

    def _probe(self, track: Track) -> Probe:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "source")
            self._require_size(track)
            self.uploads.fetch(track.upload_key, source, upload_version=track.upload_version)
            with source.open("rb") as file:
                content_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if track.declared_sha256 and track.declared_sha256 != content_sha256:
                raise TrackRejected(
                    "track.hash_mismatch",
                    "The uploaded bytes are not the bytes that were announced.",
                    value=content_sha256,
                    limit=track.declared_sha256,
                    mend="Upload the file again.",
                )
            max_duration_s = self.tiers.of(track.tier).max_duration_s
            try:
                return self.engine.probe(source, max_duration_s=max_duration_s, content_sha256=content_sha256)
            except TrackRejected as refusal:
                problem = refusal.problem
                # The engine knows the limit and not whose it is; a length that it refuses by itself has another one.
                if problem.code == "track.too_long" and problem.limit == max_duration_s:
                    raise self.tiers.too_long(track.tier, float(problem.value or 0)) from refusal
                raise

    def _require_size(self, track: Track) -> None:
        upload = self.uploads.find(track.upload_key)
        if upload is None:
            raise TrackRejected("track.missing", "The uploaded file is gone.", mend="Upload the file again.")
        self.tiers.require_size(track.tier, upload.size_bytes, called="The file", refusal=TrackRejected)

    def _change(self, track: Track, transition: Callable[[Track], Track]) -> None:
        change(self.tracks, track.owner_id, track.track_id, transition)
