"""What a recipe may ask of the engine: operations and an output format that validate themselves.

Tempo and pitch changes commute and compose, so a sequence of them folds into one `Change`. What is spatial comes after
it, once at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tonearm_audio.errors import AudioError

TEMPO_RANGE = (0.25, 4.0)
PITCH_RANGE_SEMITONES = (-24.0, 24.0)
SPATIAL_SEED_RANGE = (0, 2**32 - 1)
SPATIAL_SPEED_RANGE_HZ = (0.02, 1.0)
MP3_BITRATES_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
BIT_DEPTHS = (16, 24)

Codec = Literal["mp3", "wav", "flac", "ogg"]


def _require_within(name: str, value: float, bounds: tuple[float, float]) -> None:
    if not (math.isfinite(value) and bounds[0] <= value <= bounds[1]):
        raise AudioError(
            "recipe.invalid",
            f"{name} is {value:g}; it must lie between {bounds[0]:g} and {bounds[1]:g}.",
            value=value,
            limit=f"{bounds[0]:g} to {bounds[1]:g}",
            mend=f"Choose a {name} within these bounds.",
        )


@dataclass(frozen=True)
class Tempo:
    """Change the speed and keep the pitch.

    Args:
        factor: 0.25 to 4.0; 2.0 plays twice as fast, so the render is half as long.

    Raises:
        AudioError: `recipe.invalid` when the factor is out of range.
    """

    factor: float

    def __post_init__(self) -> None:
        _require_within("tempo factor", self.factor, TEMPO_RANGE)


@dataclass(frozen=True)
class Pitch:
    """Change the pitch and keep the speed.

    Args:
        semitones: -24.0 to 24.0; the fraction is in hundredths, so 0.5 is 50 cents.

    Raises:
        AudioError: `recipe.invalid` when the shift is out of range.
    """

    semitones: float

    def __post_init__(self) -> None:
        _require_within("pitch shift in semitones", self.semitones, PITCH_RANGE_SEMITONES)


@dataclass(frozen=True)
class Spatial:
    """Let the sound circle the listener's head; a mono source comes out in stereo.

    It is the last thing that happens to the sound, wherever it stands in the list: its path is in the render's time.

    Args:
        seed: 0 to 2**32 - 1; chooses the path: where it starts, which way it goes and how its speed wanders.
        speed_hz: 0.02 to 1.0 turns a second, on average.
        depth: 0.0 to 1.0; how far to the sides and behind.
        room: 0.0 to 1.0; how much of a small room is heard.
        mix: 0.0 to 1.0; 0 is the source alone, 1 the moved sound alone.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    seed: int = 0
    speed_hz: float = 0.1
    depth: float = 1.0
    room: float = 0.2
    mix: float = 1.0

    def __post_init__(self) -> None:
        _require_within("spatial seed", self.seed, SPATIAL_SEED_RANGE)
        _require_within("spatial speed_hz", self.speed_hz, SPATIAL_SPEED_RANGE_HZ)
        for name in ("depth", "room", "mix"):
            _require_within(f"spatial {name}", getattr(self, name), (0.0, 1.0))


Operation = Tempo | Pitch | Spatial


@dataclass(frozen=True)
class OutputFormat:
    """The file a render is written as.

    Args:
        codec: "mp3", "wav", "flac" or "ogg" (Vorbis).
        bitrate_kbps: for mp3 only, one of `MP3_BITRATES_KBPS`; sources below 32 kHz get at most what their MPEG
            version allows (160, or 64 below 16 kHz).
        bit_depth: for wav and flac only, 16 or 24.

    Raises:
        AudioError: `recipe.invalid` when a value is not one of these.
    """

    codec: Codec
    bitrate_kbps: int = 320
    bit_depth: int = 16

    def __post_init__(self) -> None:
        choices: tuple[tuple[str, object, tuple[object, ...]], ...] = (
            ("codec", self.codec, get_args(Codec)),
            ("bitrate_kbps", self.bitrate_kbps, MP3_BITRATES_KBPS),
            ("bit_depth", self.bit_depth, BIT_DEPTHS),
        )
        for name, value, allowed in choices:
            if value not in allowed:
                listed = ", ".join(str(choice) for choice in allowed)
                raise AudioError(
                    "recipe.invalid",
                    f"{name} is {value}; it must be one of {listed}.",
                    value=str(value),
                    limit=listed,
                    mend=f"Choose one of these for {name}.",
                )


@dataclass(frozen=True)
class Change:
    """What all tempo and pitch operations of a recipe come to together."""

    tempo_factor: float = 1.0
    semitones: float = 0.0

    @property
    def pitch_ratio(self) -> float:
        """Frequency out over frequency in."""
        return math.pow(2.0, self.semitones / 12.0)

    @property
    def time_ratio(self) -> float:
        """By how much the song is stretched before it is resampled to its pitch: frames out over frames in."""
        return self.pitch_ratio / self.tempo_factor

    def frames_after(self, frames: int) -> int:
        """The promised length: round(frames / factor), never less than one frame."""
        return max(1, round(frames / self.tempo_factor))


def fold(operations: Sequence[Operation]) -> Change:
    """Fold the tempo and pitch operations of a sequence into one change.

    Raises:
        AudioError: `recipe.invalid` when together they leave the range that each may span alone.
    """
    factor: float = math.prod(operation.factor for operation in operations if isinstance(operation, Tempo))
    semitones = math.fsum(operation.semitones for operation in operations if isinstance(operation, Pitch))
    _require_within("tempo factor of all operations together", factor, TEMPO_RANGE)
    _require_within("pitch shift of all operations together", semitones, PITCH_RANGE_SEMITONES)
    return Change(tempo_factor=float(factor), semitones=semitones)


def motion(operations: Sequence[Operation]) -> Spatial | None:
    """The spatial operation of a sequence, if there is one.

    Raises:
        AudioError: `recipe.invalid` when there are several: a sound can be in one place only.
    """
    found = [operation for operation in operations if isinstance(operation, Spatial)]
    if len(found) > 1:
        raise AudioError(
            "recipe.invalid",
            f"The recipe has {len(found)} spatial operations; it may have 1.",
            value=len(found),
            limit="1 spatial operation",
            mend="Leave one of them out.",
        )
    return found[0] if found else None
