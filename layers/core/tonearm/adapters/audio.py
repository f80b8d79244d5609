"""The audio engine in the domain's words: recipes in, Probes, Analyses and Certificates out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import tonearm_audio
from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Certificate
from tonearm.domain.errors import PromiseBroken, RecipeRefused, TrackRejected
from tonearm.domain.ids import TrackId
from tonearm.domain.recipe import Recipe
from tonearm.domain.values import Value
from tonearm.ports import Analysed, Certified, Progress, Rendered
from tonearm_audio import operations as engine_operations
from tonearm_audio.guarded import Budget

# A probe ends before its function does, which has 300 s with the download: or nobody would be told why. Two hours of
# the slowest format take 50 s.
_PROBE_S = 240
_FILE_OF = {"track_id": "path", "reference_track_id": "reference"}
"""What the domain says of another Track, and what the engine says of its file."""


def engine_operations_of(recipe: Recipe, others: Mapping[TrackId, Path]) -> Sequence[tonearm_audio.Operation]:
    """A recipe's operations in the engine's words: the names are the same, and Tracks are files there."""
    return [_in_the_engines_words(operation, others) for operation in recipe.operations]


def _in_the_engines_words(value: Value, others: Mapping[TrackId, Path]) -> Any:
    fields: dict[str, Any] = {}
    for name, held in value:
        if name in _FILE_OF:
            fields[_FILE_OF[name]] = None if held is None else others[held]
        elif isinstance(held, Value):
            fields[name] = _in_the_engines_words(held, others)
        elif isinstance(held, tuple):
            fields[name] = tuple(_in_the_engines_words(each, others) for each in held)
        elif name != "type":
            fields[name] = held
    return getattr(engine_operations, type(value).__name__)(**fields)


@contextmanager
def _refusals(others: Mapping[TrackId, Path] | None = None) -> Iterator[None]:
    """What the engine refuses, in the domain's words."""
    try:
        yield
    except tonearm_audio.AudioError as error:
        refused = RecipeRefused if error.code.startswith("recipe.") else TrackRejected
        refusal = refused(error.code, error.detail, value=error.value, limit=error.limit, mend=error.mend)
        if isinstance(refusal, TrackRejected):
            refusal.other_track_id = next(
                (track_id for track_id, path in (others or {}).items() if path == error.file), None
            )
        raise refusal from error


class TonearmAudio:
    """`tonearm_audio` as `tonearm.ports.AudioEngine`."""

    version = tonearm_audio.ENGINE_VERSION

    def probe(self, path: Path, *, max_duration_s: float, content_sha256: str) -> Probe:
        """Decode all of it, in a process that ends when it takes too much. Raises `TrackRejected`."""
        with _refusals():
            found = tonearm_audio.guarded_probe(
                path, limits=tonearm_audio.Limits(max_duration_s=max_duration_s), budget=_probe_budget(max_duration_s)
            )
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
        return Analysed(summary, document, found.peaks.to_dict(), found.peaks_detail.to_dict(), found.spectrogram.png)

    def render(
        self,
        source: Path,
        destination: Path,
        *,
        recipe: Recipe,
        others: Mapping[TrackId, Path],
        on_progress: Progress,
    ) -> Rendered:
        """Make the render. Raises `TrackRejected`, and `RecipeRefused` for what the recipe asks of this source."""
        with _refusals(others):
            result = tonearm_audio.render(
                source,
                destination,
                operations=engine_operations_of(recipe, others),
                output=_output(recipe),
                on_progress=on_progress,
            )
        return Rendered(result.frames / result.sample_rate_hz, result.pcm_sha256)

    def certify(
        self, source: Path, render: Path, *, recipe: Recipe, others: Mapping[TrackId, Path], on_progress: Progress
    ) -> Certified:
        """Measure the render against its recipe's promises. Raises `PromiseBroken` for one that cannot be decoded."""
        try:
            found = tonearm_audio.certify(
                source,
                render,
                operations=engine_operations_of(recipe, others),
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


def _probe_budget(max_duration_s: float) -> Budget:
    usual = Budget.for_duration(max_duration_s)
    return replace(usual, cpu_s=min(usual.cpu_s, _PROBE_S), wall_s=min(usual.wall_s, _PROBE_S))


def _output(recipe: Recipe) -> tonearm_audio.OutputFormat:
    return tonearm_audio.OutputFormat(**recipe.output.model_dump())
