"""The audio engine in the domain's words: recipes in, Probes, Analyses and Certificates out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, assert_never

import tonearm_audio
from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Certificate
from tonearm.domain.errors import PromiseBroken, TrackRejected
from tonearm.domain.recipe import Operation, Pitch, Recipe, Spatial, Tempo
from tonearm.ports import Analysed, Certified, Progress, Rendered


def _operation(operation: Operation) -> tonearm_audio.Operation:
    match operation:
        case Tempo(factor=factor):
            return tonearm_audio.Tempo(factor)
        case Pitch(semitones=semitones):
            return tonearm_audio.Pitch(semitones)
        case Spatial(seed=seed, speed_hz=speed_hz, depth=depth, room=room, mix=mix):
            return tonearm_audio.Spatial(seed=seed, speed_hz=speed_hz, depth=depth, room=room, mix=mix)
        case _:
            assert_never(operation)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the engine refuses, in the domain's words."""
    try:
        yield
    except tonearm_audio.AudioError as error:
        raise TrackRejected(error.code, error.detail, value=error.value, limit=error.limit, mend=error.mend) from error


class TonearmAudio:
    """`tonearm_audio` as `tonearm.ports.AudioEngine`."""

    version = tonearm_audio.ENGINE_VERSION

    def probe(self, path: Path, *, max_duration_s: float, content_sha256: str) -> Probe:
        """Decode all of it. Raises `TrackRejected`."""
        with _refusals():
            found = tonearm_audio.probe(path, limits=tonearm_audio.Limits(max_duration_s=max_duration_s))
        return Probe(
            container=found.container,
            codec=found.codec,
            sample_rate_hz=found.sample_rate_hz,
            channels=found.channels,
            frames=found.frames,
            duration_s=found.duration_s,
            size_bytes=found.size_bytes,
            content_sha256=content_sha256,
        )

    def analyze(self, path: Path, *, on_progress: Progress) -> Analysed:
        """Measure a Track. Raises `TrackRejected`."""
        with _refusals():
            found = tonearm_audio.analyze(path, on_progress=on_progress)
        document: dict[str, Any] = found.to_dict()
        loudness = document["loudness"]
        summary = AnalysisSummary(
            engine_version=document["engine_version"],
            duration_s=document["duration_s"],
            tempo_bpm=document["tempo_bpm"],
            tempo_confidence=document["tempo_confidence"],
            integrated_lufs=loudness["integrated_lufs"],
            true_peak_dbtp=loudness["true_peak_dbtp"],
        )
        return Analysed(summary, document, found.peaks.to_dict())

    def render(self, source: Path, destination: Path, *, recipe: Recipe, on_progress: Progress) -> Rendered:
        """Make the render. Raises `TrackRejected`."""
        with _refusals():
            result = tonearm_audio.render(
                source,
                destination,
                operations=[_operation(operation) for operation in recipe.operations],
                output=_output(recipe),
                on_progress=on_progress,
            )
        return Rendered(result.frames / result.sample_rate_hz, result.pcm_sha256)

    def certify(self, source: Path, render: Path, *, recipe: Recipe, on_progress: Progress) -> Certified:
        """Measure the render against its recipe's promises. Raises `PromiseBroken` for one that cannot be decoded."""
        try:
            found = tonearm_audio.certify(
                source,
                render,
                operations=[_operation(operation) for operation in recipe.operations],
                output=_output(recipe),
                on_progress=on_progress,
            )
        except tonearm_audio.AudioError as error:
            # The source was decoded when it was validated; what cannot be decoded now is what was made of it.
            raise PromiseBroken(
                "certificate.unreadable",
                f"The render cannot be measured: {error.detail}",
                value=error.value,
                limit=error.limit,
                mend="The source is untouched. Report this with the job id.",
            ) from error
        document = found.to_dict()
        certificate = Certificate.model_validate(document, extra="ignore")
        return Certified(certificate, document, found.peaks.to_dict())


def _output(recipe: Recipe) -> tonearm_audio.OutputFormat:
    return tonearm_audio.OutputFormat(codec=recipe.output.codec, bitrate_kbps=recipe.output.bitrate_kbps)
