"""Certify: what was measured on a render after encoding, held against what its recipe promised.

docs/audio-promises.md holds the table of promise, operation and tolerance that this module implements, and the
measurements behind each tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tonearm_audio.decode import Source
from tonearm_audio.encode import output_sample_rate
from tonearm_audio.engine import promised_frames
from tonearm_audio.loudness import Loudness, LoudnessMeter
from tonearm_audio.operations import Change, Codec, Operation, OutputFormat, Pitch, Tempo, fold
from tonearm_audio.transposition import Picture, SpectrumMeter, transposition
from tonearm_audio.version import ENGINE_VERSION

PITCH_TOLERANCE_CENTS = 5.0
LEVEL_TOLERANCE_LU = 1.0
PEAK_TOLERANCE_DB: dict[Codec, float] = {"wav": 0.01, "flac": 0.01, "mp3": 1.5}


@dataclass(frozen=True)
class Promise:
    """One promise of a recipe and what became of it.

    Attributes:
        name: "channels", "sample_rate", "duration", "pitch", "level", "peak" or "samples".
        operation: the operation that makes it: "tempo", "pitch", both as "tempo+pitch", or "convert" for none.
        unit: of the three figures.
        expected: what the recipe promises; for "peak" and "samples" the highest value allowed.
        measured: what the encoded file holds; None when it cannot be measured, and `note` says why.
        tolerance: how far measured may lie from expected.
        kept: whether it does not; true as well for what cannot be measured, which a reader tells by `measured`.
        note: empty, or why there is no measurement.
    """

    name: str
    operation: str
    unit: str
    expected: float | None
    measured: float | None
    tolerance: float
    kept: bool
    note: str = ""


@dataclass(frozen=True)
class Certificate:
    """Every promise of one render."""

    promises: tuple[Promise, ...]

    @property
    def kept(self) -> bool:
        """Whether no promise was found broken."""
        return all(promise.kept for promise in self.promises)

    @property
    def broken(self) -> tuple[Promise, ...]:
        """The promises that were not kept."""
        return tuple(promise for promise in self.promises if not promise.kept)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, figures to a thousandth."""
        return {
            "engine_version": ENGINE_VERSION,
            "kept": self.kept,
            "promises": [
                {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(promise).items()}
                for promise in self.promises
            ],
        }


@dataclass(frozen=True)
class _Measured:
    """What one file holds."""

    frames: int
    sample_rate_hz: int
    channels: int
    loudness: Loudness
    power_db: float | None
    picture: Picture


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
    change = fold(operations)
    before = _measure(source, _part(on_progress, 0.0))
    after = _measure(render, _part(on_progress, 0.5))
    names = [kind for kind, type_ in (("tempo", Tempo), ("pitch", Pitch)) if _has(operations, type_)]
    everything = "+".join(names) or "convert"
    rate_hz = output_sample_rate(before.sample_rate_hz, output)
    frames = promised_frames(before.frames, change, source_rate_hz=before.sample_rate_hz, output_rate_hz=rate_hz)
    promises = [
        _near("channels", everything, "channels", expected=before.channels, measured=after.channels, tolerance=0),
        _near("sample_rate", everything, "Hz", expected=rate_hz, measured=after.sample_rate_hz, tolerance=0),
        _near(
            "duration",
            "tempo" if "tempo" in names else everything,
            "frames",
            expected=frames,
            measured=after.frames,
            tolerance=0,
        ),
        _pitch("pitch" if "pitch" in names else everything, change, before, after),
        _level(everything, change, before, after),
        _peak(everything, output, before, after),
    ]
    if on_progress is not None:
        on_progress(1.0)
    return Certificate(tuple(promises))


def _has(operations: Sequence[Operation], kind: type[Tempo] | type[Pitch]) -> bool:
    return any(isinstance(operation, kind) for operation in operations)


def _part(on_progress: Callable[[float], None] | None, start: float) -> Callable[[float], None]:
    def report(part: float) -> None:
        if on_progress is not None:
            on_progress(start + 0.5 * min(0.99, part))

    return report


def _measure(path: Path, report: Callable[[float], None]) -> _Measured:
    with Source(path) as opened:
        loudness = LoudnessMeter(opened.sample_rate_hz, opened.channels)
        spectrum = SpectrumMeter(opened.sample_rate_hz, opened.channels)
        expected, power = opened.expected_frames, 0.0
        for block in opened.blocks():
            loudness.feed(block)
            spectrum.feed(block)
            power += float(np.einsum("fc,fc->", block, block, dtype=np.float64))
            if expected:
                report(opened.frames / expected)
        mean = power / max(1, opened.frames * opened.channels)
        return _Measured(
            frames=opened.frames,
            sample_rate_hz=opened.sample_rate_hz,
            channels=opened.channels,
            loudness=loudness.result(),
            power_db=10 * math.log10(mean) if mean > 1e-10 else None,
            picture=spectrum.picture(),
        )


def _near(name: str, operation: str, unit: str, *, expected: float, measured: float, tolerance: float) -> Promise:
    kept = abs(measured - expected) <= tolerance
    return Promise(name, operation, unit, float(expected), float(measured), float(tolerance), kept)


def _pitch(operation: str, change: Change, before: _Measured, after: _Measured) -> Promise:
    expected = 100 * change.semitones
    found = transposition(before.picture, after.picture)
    if found.cents is None:
        note = f"not measurable: source and render share no tones (likeness {found.likeness:.2f})"
        return Promise("pitch", operation, "cents", expected, None, PITCH_TOLERANCE_CENTS, kept=True, note=note)
    return _near("pitch", operation, "cents", expected=expected, measured=found.cents, tolerance=PITCH_TOLERANCE_CENTS)


def _level(operation: str, change: Change, before: _Measured, after: _Measured) -> Promise:
    """Loudness where frequencies stay, plain power where they move: K-weighting weighs a transposed song anew."""
    if change.semitones == 0.0:
        unit, expected, measured = "LUFS", before.loudness.integrated_lufs, after.loudness.integrated_lufs
    else:
        unit, expected, measured = "dBFS rms", before.power_db, after.power_db
    if expected is None:
        # Silence in, silence out.
        note = "not measurable: the source is silent" if measured is None else "the source is silent, the render is not"
        return Promise("level", operation, unit, None, measured, LEVEL_TOLERANCE_LU, measured is None, note)
    if measured is None:
        note = "the render is silent, the source is not"
        return Promise("level", operation, unit, expected, None, LEVEL_TOLERANCE_LU, kept=False, note=note)
    return _near("level", operation, unit, expected=expected, measured=measured, tolerance=LEVEL_TOLERANCE_LU)


def _peak(operation: str, output: OutputFormat, before: _Measured, after: _Measured) -> Promise:
    """No sample above full scale, or above the source's own peak where that is higher already."""
    tolerance = PEAK_TOLERANCE_DB[output.codec]
    highest = max(0.0, before.loudness.sample_peak_dbfs or 0.0)
    measured = after.loudness.sample_peak_dbfs
    kept = measured is None or measured <= highest + tolerance
    note = "not measurable: the render is silent" if measured is None else ""
    return Promise("peak", operation, "dBFS", highest, measured, tolerance, kept, note)
