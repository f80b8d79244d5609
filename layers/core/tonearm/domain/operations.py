"""What a Recipe may ask for: the engine's operations, where other audio is named by its Track."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tonearm.domain.ids import TrackId
from tonearm.domain.values import Value, at_most

TEMPO_FACTOR_MIN, TEMPO_FACTOR_MAX = 0.25, 4.0
PITCH_SEMITONES_MAX = 24.0
SPATIAL_SEED_MAX = 2**32 - 1
LONGEST_S = 12 * 3600.0
LONGEST_FADE_S = 30.0
MOST_BANDS = 10
MOST_MIX_TRACKS = 15

FadeShape = Literal["linear", "equal_power", "s_curve"]
Formants = Literal["move", "keep"]
SpatialPath = Literal["orbit", "figure", "random"]
Listening = Literal["anywhere", "headphones"]
BandKind = Literal["peak", "low_shelf", "high_shelf", "high_pass", "low_pass"]
Preset = Literal["streaming", "loud", "podcast", "gentle", "warm", "bright"]
SampleRateHz = Literal[8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000]


def _to_a_millionth(figure: float) -> float:
    # Nobody hears less, and tables keep it as it is; 0 is added so that -0 is 0 and their recipes are equal.
    return round(figure, 6) + 0.0


Figure = Annotated[float, AfterValidator(_to_a_millionth)]
TargetLufs = Annotated[Figure, Field(ge=-36, le=-6, description="integrated loudness, by BS.1770")]
CeilingDbtp = Annotated[Figure, Field(ge=-9, le=-0.1, description="highest true peak of the encoded file")]
MixGainDb = Annotated[Figure, Field(ge=-60, le=12)]
MixPan = Annotated[Figure, Field(ge=-1, le=1, description="-1 is left, 1 is right")]


class Trim(Value):
    """Keep a part of the track, to the sample."""

    type: Literal["trim"] = "trim"
    start_s: Figure = Field(default=0.0, ge=0, le=LONGEST_S, description="where it begins")
    end_s: Figure | None = Field(
        default=None, ge=0, le=LONGEST_S, description="where it ends; the end of the track unless given"
    )

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"trim end_s is {self.end_s:g}; it must be later than start_s, {self.start_s:g}.")
        return self


class Fade(Value):
    """Let the track come from silence and go to it."""

    type: Literal["fade"] = "fade"
    in_s: Figure = Field(default=0.0, ge=0, le=LONGEST_FADE_S)
    out_s: Figure = Field(default=0.0, ge=0, le=LONGEST_FADE_S)
    shape: FadeShape = Field(default="equal_power", description="of the gain over time")


class Tempo(Value):
    """Play faster (factor > 1) or slower (factor < 1) at the same pitch."""

    type: Literal["tempo"] = "tempo"
    factor: Figure = Field(ge=TEMPO_FACTOR_MIN, le=TEMPO_FACTOR_MAX, description="1.1 is ten percent faster")


class Pitch(Value):
    """Transpose at the same tempo; a fraction of a semitone is counted in cents."""

    type: Literal["pitch"] = "pitch"
    semitones: Figure = Field(ge=-PITCH_SEMITONES_MAX, le=PITCH_SEMITONES_MAX, description="2 is a whole tone up")
    formants: Formants = Field(default="move", description="keep: a voice stays the same person's")


class Spatial(Value):
    """Let the sound circle the listener's head (8D); a mono track comes out in stereo.

    It comes after every change of tempo and pitch, wherever it stands in the list: its path is in the render's time.
    """

    type: Literal["spatial"] = "spatial"
    seed: int = Field(
        default=0, ge=0, le=SPATIAL_SEED_MAX, description="chooses the path: the same seed, the same path"
    )
    speed_hz: Figure = Field(default=0.1, ge=0.02, le=1, description="turns a second, on average")
    depth: Figure = Field(default=1.0, ge=0, le=1, description="how far to the sides and behind")
    room: Figure = Field(default=0.2, ge=0, le=1, description="how much of a small room is heard")
    mix: Figure = Field(default=1.0, ge=0, le=1, description="0 is the track alone, 1 the moved sound alone")
    path: SpatialPath = Field(default="orbit", description="figure draws an eight, random wanders as the seed decides")
    listening: Listening = Field(
        default="anywhere",
        description="anywhere keeps the sum of both channels whole; headphones places it at the ears",
    )


class Band(Value):
    """One band of an equalizer."""

    kind: BandKind
    frequency_hz: Figure = Field(ge=20, le=20_000, description="a peak's middle, a shelf's half gain, a pass's corner")
    gain_db: Figure = Field(default=0.0, ge=-24, le=24, description="of peaks and shelves")
    q: Figure = Field(default=0.71, ge=0.1, le=10, description="how narrow or steep; 0.71 has no bump")

    @model_validator(mode="after")
    def _gain_where_it_has_one(self) -> Self:
        if self.gain_db and self.kind in {"high_pass", "low_pass"}:
            raise ValueError(f"band gain_db is {self.gain_db:g}; a {self.kind} has none.")
        return self


class Equalize(Value):
    """Turn parts of the spectrum up and down."""

    type: Literal["equalize"] = "equalize"
    bands: Annotated[tuple[Band, ...], at_most(MOST_BANDS)] = Field(min_length=1, max_length=MOST_BANDS)


class Compress(Value):
    """Turn down what is loud, both channels alike."""

    type: Literal["compress"] = "compress"
    threshold_dbfs: Figure = Field(default=-18.0, ge=-60, le=0, description="the level from which on it works")
    ratio: Figure = Field(default=3.0, ge=1, le=20, description="decibels in for each decibel out above it")
    attack_ms: Figure = Field(default=10.0, ge=0.1, le=200, description="how soon it turns down")
    release_ms: Figure = Field(default=150.0, ge=5, le=2000, description="how soon it lets go")
    knee_db: Figure = Field(default=6.0, ge=0, le=24, description="width of the bend around the threshold")
    makeup_db: Figure = Field(default=0.0, ge=0, le=24, description="gain afterwards")


class Reverb(Value):
    """Put the track into a room; the render is longer by the time in which the room falls silent."""

    type: Literal["reverb"] = "reverb"
    decay_s: Figure = Field(default=1.5, ge=0.1, le=10, description="until it is 60 dB down at middle frequencies")
    pre_delay_ms: Figure = Field(default=20.0, ge=0, le=200, description="until the room answers")
    damping: Figure = Field(default=0.5, ge=0, le=1, description="how much sooner the highs die")
    mix: Figure = Field(default=0.25, ge=0, le=1, description="0 is the track alone, 1 the room alone")


class MixTrack(Value):
    """Another track that is mixed in; its equalizer, compressor and reverb, in this order, are for it alone."""

    track_id: TrackId
    gain_db: MixGainDb = 0.0
    pan: MixPan = 0.0
    start_s: Figure = Field(default=0.0, ge=0, le=LONGEST_S, description="when it begins")
    equalize: Equalize | None = None
    compress: Compress | None = None
    reverb: Reverb | None = None


class Mix(Value):
    """Mix other tracks of the same owner in; the render is in stereo and as long as the longest of them."""

    type: Literal["mix"] = "mix"
    tracks: Annotated[tuple[MixTrack, ...], at_most(MOST_MIX_TRACKS)] = Field(min_length=1, max_length=MOST_MIX_TRACKS)
    gain_db: MixGainDb = Field(default=0.0, description="of the track itself")
    pan: MixPan = Field(default=0.0, description="of the track itself: -1 is left, 1 is right")


class Convert(Value):
    """Change rate and channels only; with neither, nothing but the format of the output is changed."""

    type: Literal["convert"] = "convert"
    sample_rate_hz: SampleRateHz | None = Field(default=None, description="the track's own unless given")
    channels: Literal[1, 2] | None = Field(default=None, description="1 sums both, each at half; 2 doubles one")


class Loudness(Value):
    """Bring the track to a loudness, with its true peak below a ceiling; it is the last operation."""

    type: Literal["loudness"] = "loudness"
    target_lufs: TargetLufs = -14.0
    ceiling_dbtp: CeilingDbtp = -1.0


class Master(Value):
    """Make the track ready for release: spectrum, dynamics, width, loudness; it is the last operation."""

    type: Literal["master"] = "master"
    preset: Preset | None = Field(default=None, description="streaming, -14 LUFS, unless it or a reference is given")
    reference_track_id: TrackId | None = Field(
        default=None, description="whose spectrum, loudness and width it takes on; none with a preset"
    )
    target_lufs: TargetLufs | None = Field(default=None, description="the preset's or the reference's unless given")
    ceiling_dbtp: CeilingDbtp = -1.0

    @model_validator(mode="before")
    @classmethod
    def _streaming_unless_said(cls, said: Any) -> Any:
        # Written out, so that the recipe is the same one whether it is said or not.
        if isinstance(said, dict) and said.get("preset") is None and said.get("reference_track_id") is None:
            return {**said, "preset": "streaming"}
        return said

    @model_validator(mode="after")
    def _a_preset_or_a_reference(self) -> Self:
        if self.preset is not None and self.reference_track_id is not None:
            raise ValueError("master takes either a preset or a reference, and not both.")
        return self


Operation = Annotated[
    Trim | Fade | Tempo | Pitch | Spatial | Equalize | Compress | Reverb | Mix | Convert | Loudness | Master,
    Field(discriminator="type"),
]
OPERATIONS: tuple[type[Operation], ...] = (
    Trim,
    Fade,
    Tempo,
    Pitch,
    Spatial,
    Equalize,
    Compress,
    Reverb,
    Mix,
    Convert,
    Loudness,
    Master,
)
