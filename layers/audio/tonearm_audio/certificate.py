"""Certify: what was measured on a render after encoding, held against what its recipe promised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tonearm_audio.engine import output_rate_hz, promised_frames
from tonearm_audio.measured import Span, measure
from tonearm_audio.memory import reuse_freed_memory
from tonearm_audio.operations import Operation
from tonearm_audio.output_format import OutputFormat
from tonearm_audio.peaks import Peaks
from tonearm_audio.plan import plan
from tonearm_audio.promise import Case, Promise
from tonearm_audio.promises import promises, span_of
from tonearm_audio.version import ENGINE_VERSION

__all__ = ["Certificate", "Promise", "certify"]

_WHOLE = Span(0.0, float("inf"))


@dataclass(frozen=True)
class Certificate:
    """Every promise of one render, and what it looks like.

    Attributes:
        promises: all that its recipe promises.
        peaks: the waveform of the encoded file, a document of its own.
    """

    promises: tuple[Promise, ...]
    peaks: Peaks

    @property
    def kept(self) -> bool:
        """Whether no promise was found broken."""
        return all(promise.kept for promise in self.promises)

    @property
    def broken(self) -> tuple[Promise, ...]:
        """The promises that were not kept."""
        return tuple(promise for promise in self.promises if not promise.kept)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, all but the waveform; figures to a thousandth."""
        return {
            "engine_version": ENGINE_VERSION,
            "kept": self.kept,
            "promises": [
                {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(promise).items()}
                for promise in self.promises
            ],
        }


def certify(
    source: Path,
    render: Path,
    *,
    operations: Sequence[Operation],
    output: OutputFormat,
    on_progress: Callable[[float], None] | None = None,
) -> Certificate:
    """Measure an encoded render against its source and say which promises it keeps.

    Args:
        source: the file that was rendered.
        render: the encoded render.
        operations: what was asked for.
        output: the format that was asked for.
        on_progress: called with 0.0 to 1.0, rising.

    Raises:
        AudioError: any `track.*` code when one of the files cannot be decoded, `recipe.invalid` for the operations.
        OSError: a file cannot be opened.
    """
    reuse_freed_memory()
    made = plan(operations)
    before = measure(source, span=span_of(made), report=_part(on_progress, 0.0))
    after = measure(render, span=_WHOLE, report=_part(on_progress, 0.5))
    rate_hz = output_rate_hz(made, before.sample_rate_hz, output)
    case = Case(
        plan=made,
        output=output,
        names="+".join(dict.fromkeys(type(operation).__name__.lower() for operation in operations)) or "convert",
        before=before,
        after=after,
        channels=made.channels(before.channels),
        sample_rate_hz=rate_hz,
        frames=promised_frames(made, before.frames, source_rate_hz=before.sample_rate_hz, rate_hz=rate_hz),
    )
    found = tuple(promises(case))
    if on_progress is not None:
        on_progress(1.0)
    return Certificate(found, after.peaks)


def _part(on_progress: Callable[[float], None] | None, start: float) -> Callable[[float], None]:
    def report(part: float) -> None:
        if on_progress is not None:
            on_progress(start + 0.5 * min(0.99, part))

    return report
