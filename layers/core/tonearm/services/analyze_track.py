"""Analyze a validated upload: tempo, duration, loudness. Afterwards the Track is ready."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tonearm.domain.analysis import AnalysisSummary
from tonearm.domain.clock import Clock
from tonearm.domain.job import Stage, StepInput
from tonearm.ports import AudioEngine, Media, Tracks, Uploads
from tonearm.services.change import change
from tonearm.services.step import BeginStage


@dataclass(frozen=True)
class AnalyzeTrack:
    """The whole Analysis, the waveforms and the spectrogram go to the media bucket, the figures to the Track's row."""

    begin_stage: BeginStage
    tracks: Tracks
    uploads: Uploads
    media: Media
    engine: AudioEngine
    clock: Clock

    def __call__(self, step: StepInput) -> AnalysisSummary:
        """The figures. Raises `JobAlreadyEnded`."""
        work = self.begin_stage(step, Stage.ANALYZE)
        track = work.track
        if track.analysis and track.analysis.engine_version == self.engine.version:
            return track.analysis
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "source")
            self.uploads.fetch(track.upload_key, source, upload_version=track.upload_version)
            found = self.engine.analyze(source, on_progress=work.on_progress)
            picture = Path(folder, "spectrogram.png")
            picture.write_bytes(found.spectrogram)
            self.media.put_file(track.spectrogram_key, picture, content_type="image/png")
        self.media.put_json(track.analysis_key, found.document)
        self.media.put_json(track.peaks_key, found.peaks)
        self.media.put_json(track.peaks_detail_key, found.peaks_detail)
        change(
            self.tracks,
            track.owner_id,
            track.track_id,
            lambda track: track.analysed(self.clock(), analysis=found.summary),
        )
        return found.summary
