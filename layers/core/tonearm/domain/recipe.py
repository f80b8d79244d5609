"""Recipe: an ordered list of operations and the output format, with one canonical form and a content hash."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from tonearm.domain.errors import InvalidRequest
from tonearm.domain.values import Value

TEMPO_FACTOR_MIN, TEMPO_FACTOR_MAX = 0.25, 4.0
PITCH_SEMITONES_MAX = 24.0
SPATIAL_SEED_MAX = 2**32 - 1
SPATIAL_SPEED_HZ_MIN, SPATIAL_SPEED_HZ_MAX = 0.02, 1.0
MAX_OPERATIONS = 16
_BITRATES_KBPS = {"128": 128, "192": 192, "256": 256, "320": 320}


def _to_a_millionth(figure: float) -> float:
    # Nobody hears less, and tables keep it as it is; 0 is added so that -0 is 0 and their recipes are equal.
    return round(figure, 6) + 0.0


Figure = Annotated[float, AfterValidator(_to_a_millionth)]


class Tempo(Value):
    """Play faster (factor > 1) or slower (factor < 1) at the same pitch."""

    type: Literal["tempo"] = "tempo"
    factor: Figure = Field(ge=TEMPO_FACTOR_MIN, le=TEMPO_FACTOR_MAX, description="1.1 is ten percent faster")


class Pitch(Value):
    """Transpose at the same tempo; a fraction of a semitone is counted in cents."""

    type: Literal["pitch"] = "pitch"
    semitones: Figure = Field(ge=-PITCH_SEMITONES_MAX, le=PITCH_SEMITONES_MAX, description="2 is a whole tone up")


class Spatial(Value):
    """Let the sound circle the listener's head (8D); a mono track comes out in stereo.

    It comes after every change of tempo and pitch, wherever it stands in the list: its path is in the render's time.
    """

    type: Literal["spatial"] = "spatial"
    seed: int = Field(
        default=0, ge=0, le=SPATIAL_SEED_MAX, description="chooses the path: the same seed, the same path"
    )
    speed_hz: Figure = Field(
        default=0.1, ge=SPATIAL_SPEED_HZ_MIN, le=SPATIAL_SPEED_HZ_MAX, description="turns a second, on average"
    )
    depth: Figure = Field(default=1.0, ge=0, le=1, description="how far to the sides and behind")
    room: Figure = Field(default=0.2, ge=0, le=1, description="how much of a small room is heard")
    mix: Figure = Field(default=1.0, ge=0, le=1, description="0 is the track alone, 1 the moved sound alone")


Operation = Annotated[Tempo | Pitch | Spatial, Field(discriminator="type")]
Codec = Literal["mp3", "wav", "flac", "ogg"]
CONTENT_TYPES: Mapping[Codec, str] = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
}


class OutputFormat(Value):
    """The file that a render ends as."""

    codec: Codec = "mp3"
    bitrate_kbps: Literal[128, 192, 256, 320] = Field(default=320, description="of MP3; other codecs ignore it")


class Recipe(Value):
    """What to do to a Track, in order, and the format of the result.

    Together the operations stay within what each may do alone: sixteen fourfold slowdowns would fill any disk. A sound
    can be in one place only, so at most one operation is spatial.
    """

    operations: tuple[Operation, ...] = Field(min_length=1, max_length=MAX_OPERATIONS)
    output: OutputFormat = OutputFormat()

    @model_validator(mode="after")
    def _together_within_limits(self) -> Self:
        factor = math.prod(operation.factor for operation in self.operations if isinstance(operation, Tempo))
        semitones = math.fsum(operation.semitones for operation in self.operations if isinstance(operation, Pitch))
        if not TEMPO_FACTOR_MIN <= factor <= TEMPO_FACTOR_MAX:
            raise ValueError(f"all tempo factors together are {factor:g}, not {TEMPO_FACTOR_MIN}-{TEMPO_FACTOR_MAX}")
        if abs(semitones) > PITCH_SEMITONES_MAX:
            raise ValueError(f"all pitches together are {semitones:g} semitones, not ±{PITCH_SEMITONES_MAX:g}")
        paths = sum(isinstance(operation, Spatial) for operation in self.operations)
        if paths > 1:
            raise ValueError(f"there are {paths} spatial operations; there may be 1")
        return self

    def canonical_json(self) -> str:
        """The one text of this recipe: keys sorted, no spaces, every default written out, nothing without effect."""
        document = self.model_dump(mode="json")
        if self.output.codec != "mp3":
            del document["output"]["bitrate_kbps"]
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """The first 16 hex digits of the SHA-256 of the canonical JSON: equal recipes have equal hashes."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]

    @classmethod
    def parse_text(cls, text: str) -> "Recipe":
        """Read the short form that people type: ``tempo=1.1,pitch=2,spatial:seed=7:speed_hz=0.2,format=flac``.

        Raises:
            InvalidRequest: ``recipe.invalid``, naming the part that could not be read.
        """
        operations: list[dict[str, object]] = []
        output: dict[str, object] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, setting = part.partition("=")
            match name.strip():
                case "tempo":
                    operations.append({"type": "tempo", "factor": setting.strip()})
                case "pitch":
                    operations.append({"type": "pitch", "semitones": setting.strip()})
                case word if word.startswith("spatial"):
                    operations.append(_spatial(part))
                case "format":
                    output["codec"] = setting.strip()
                case "bitrate":
                    output["bitrate_kbps"] = _BITRATES_KBPS.get(setting.strip(), setting.strip())
                case _:
                    raise InvalidRequest(
                        "recipe.invalid",
                        f"The recipe has a part '{part}' that is not known.",
                        value=part,
                        limit="tempo=FACTOR, pitch=SEMITONES, spatial, format=mp3|wav|flac|ogg, bitrate=KBPS",
                        mend="Write it like tempo=1.1,pitch=2 or spatial:seed=7:speed_hz=0.2.",
                    )
        try:
            return cls.model_validate({"operations": operations, "output": output})
        except ValidationError as error:
            first = error.errors()[0]
            # Such as ("operations", 0, "spatial", "depth"): the last word says which figure it is.
            where = f"{first['loc'][-1]}: " if first["loc"][-1:] and isinstance(first["loc"][-1], str) else ""
            raise InvalidRequest(
                "recipe.invalid",
                f"The recipe '{text}' cannot be used: {where}{first['msg']}.",
                value=str(first.get("input")),
                limit=f"tempo {TEMPO_FACTOR_MIN}-{TEMPO_FACTOR_MAX}, pitch ±{PITCH_SEMITONES_MAX:g} semitones, spatial"
                f" speed_hz {SPATIAL_SPEED_HZ_MIN}-{SPATIAL_SPEED_HZ_MAX}, depth, room and mix 0-1",
                mend="Write it like tempo=1.1,pitch=2 or spatial:seed=7:speed_hz=0.2.",
            ) from error


def _spatial(part: str) -> dict[str, object]:
    """One spatial operation in its short form: ``spatial`` and its settings, each behind a colon."""
    name, *settings = (piece.strip() for piece in part.split(":"))
    pairs = [(key.strip(), value.strip()) for key, _, value in (setting.partition("=") for setting in settings)]
    found = dict(pairs)
    if name == "spatial" and len(found) == len(pairs) and found.keys() <= Spatial.model_fields.keys() - {"type"}:
        return {"type": "spatial", **found}
    raise InvalidRequest(
        "recipe.invalid",
        f"The recipe has a part '{part}' that cannot be read.",
        value=part,
        limit="spatial:seed=N:speed_hz=TURNS:depth=0-1:room=0-1:mix=0-1, each setting once at most",
        mend="Write it like spatial or spatial:seed=7:speed_hz=0.2.",
    )
