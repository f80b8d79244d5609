"""What a recipe may ask of the engine: operations that validate themselves, in the order in which they are heard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tonearm_audio.checks import require_one_of, require_within
from tonearm_audio.errors import AudioError

TEMPO_RANGE = (0.25, 4.0)
PITCH_RANGE_SEMITONES = (-24.0, 24.0)
SPATIAL_SEED_RANGE = (0, 2**32 - 1)
SPATIAL_SPEED_RANGE_HZ = (0.02, 1.0)
LONGEST_S = 12 * 3600.0
LONGEST_FADE_S = 30.0
MOST_BANDS = 10
BAND_RANGE_HZ = (20.0, 20_000.0)
GAIN_RANGE_DB = (-24.0, 24.0)
Q_RANGE = (0.1, 10.0)
TARGET_RANGE_LUFS = (-36.0, -6.0)
CEILING_RANGE_DBTP = (-9.0, -0.1)
MOST_MIX_TRACKS = 15
MIX_GAIN_RANGE_DB = (-60.0, 12.0)
CONVERT_SAMPLE_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)

Formants = Literal["move", "keep"]
FadeShape = Literal["linear", "equal_power", "s_curve"]
SpatialPath = Literal["orbit", "figure", "random"]
Listening = Literal["anywhere", "headphones"]
BandKind = Literal["peak", "low_shelf", "high_shelf", "high_pass", "low_pass"]
Preset = Literal["streaming", "loud", "podcast", "gentle", "warm", "bright"]


@dataclass(frozen=True)
class Trim:
    """Keep a part of the song, to the sample.

    Args:
        start_s: 0 or more; where it begins, in seconds of what comes in.
        end_s: where it ends, after `start_s`; None for the end of the song. An end beyond the song is the song's end.

    Raises:
        AudioError: `recipe.invalid` when a time is out of range. A start beyond the end of the song is found when it is
            rendered: `recipe.nothing_left`.
    """

    start_s: float = 0.0
    end_s: float | None = None

    def __post_init__(self) -> None:
        require_within("trim start_s", self.start_s, (0.0, LONGEST_S))
        if self.end_s is not None:
            require_within("trim end_s", self.end_s, (0.0, LONGEST_S))
            if self.end_s <= self.start_s:
                raise AudioError(
                    "recipe.invalid",
                    f"trim end_s is {self.end_s:g}; it must be later than start_s, {self.start_s:g}.",
                    value=self.end_s,
                    limit=f"more than {self.start_s:g}",
                    mend="Choose an end after the start.",
                )


@dataclass(frozen=True)
class Fade:
    """Let the song come from silence and go to it.

    Args:
        in_s: 0 to 30 seconds.
        out_s: 0 to 30 seconds.
        shape: of the gain over time: "linear"; "equal_power", a quarter of a sine; "s_curve", half a cosine.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    in_s: float = 0.0
    out_s: float = 0.0
    shape: FadeShape = "equal_power"

    def __post_init__(self) -> None:
        require_within("fade in_s", self.in_s, (0.0, LONGEST_FADE_S))
        require_within("fade out_s", self.out_s, (0.0, LONGEST_FADE_S))
        require_one_of("fade shape", self.shape, get_args(FadeShape))


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
        require_within("tempo factor", self.factor, TEMPO_RANGE)


@dataclass(frozen=True)
class Pitch:
    """Change the pitch and keep the speed.

    Args:
        semitones: -24.0 to 24.0; the fraction is in hundredths, so 0.5 is 50 cents.
        formants: "move" shifts everything; "keep" leaves the resonances of a voice where they are, so that it stays
            the same person's.

    Raises:
        AudioError: `recipe.invalid` when the shift is out of range.
    """

    semitones: float
    formants: Formants = "move"

    def __post_init__(self) -> None:
        require_within("pitch shift in semitones", self.semitones, PITCH_RANGE_SEMITONES)
        require_one_of("pitch formants", self.formants, get_args(Formants))


@dataclass(frozen=True)
class Spatial:
    """Let the sound circle the listener's head; a mono source comes out in stereo.

    It comes after every change of tempo and pitch, wherever it stands in the list: its path is in the render's time.

    Args:
        seed: 0 to 2**32 - 1; chooses the path: where it starts, which way it goes and how its speed wanders.
        speed_hz: 0.02 to 1.0 turns a second, on average.
        depth: 0.0 to 1.0; how far to the sides and behind.
        room: 0.0 to 1.0; how much of a small room is heard.
        mix: 0.0 to 1.0; 0 is the source alone, 1 the moved sound alone.
        path: "orbit" goes round, "figure" draws an eight, "random" wanders as the seed decides.
        listening: "anywhere" keeps the sum of both channels whole, for loudspeakers too; "headphones" renders what a
            spherical head hears at each ear.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    seed: int = 0
    speed_hz: float = 0.1
    depth: float = 1.0
    room: float = 0.2
    mix: float = 1.0
    path: SpatialPath = "orbit"
    listening: Listening = "anywhere"

    def __post_init__(self) -> None:
        require_within("spatial seed", self.seed, SPATIAL_SEED_RANGE)
        require_within("spatial speed_hz", self.speed_hz, SPATIAL_SPEED_RANGE_HZ)
        for name in ("depth", "room", "mix"):
            require_within(f"spatial {name}", getattr(self, name), (0.0, 1.0))
        require_one_of("spatial path", self.path, get_args(SpatialPath))
        require_one_of("spatial listening", self.listening, get_args(Listening))


@dataclass(frozen=True)
class Band:
    """One band of an equalizer.

    Args:
        kind: "peak", "low_shelf", "high_shelf", "high_pass" or "low_pass" (12 dB an octave).
        frequency_hz: 20 to 20,000: of the middle of a peak, of half a shelf's gain, of a pass's corner.
        gain_db: -24 to 24; of peaks and shelves.
        q: 0.1 to 10; how narrow a peak is and how steep a shelf or a corner; 0.71 has no bump.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    kind: BandKind
    frequency_hz: float
    gain_db: float = 0.0
    q: float = 0.71

    def __post_init__(self) -> None:
        require_one_of("band kind", self.kind, get_args(BandKind))
        require_within("band frequency_hz", self.frequency_hz, BAND_RANGE_HZ)
        require_within("band gain_db", self.gain_db, GAIN_RANGE_DB)
        require_within("band q", self.q, Q_RANGE)


@dataclass(frozen=True)
class Equalize:
    """Turn parts of the spectrum up and down.

    Args:
        bands: 1 to 10 of them.

    Raises:
        AudioError: `recipe.invalid` when there are none or too many.
    """

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        require_within("number of equalizer bands", len(self.bands), (1, MOST_BANDS))


@dataclass(frozen=True)
class Compress:
    """Turn down what is loud, both channels alike.

    Args:
        threshold_dbfs: -60 to 0; the level from which on it works.
        ratio: 1 to 20; decibels in for each decibel out above the threshold.
        attack_ms: 0.1 to 200; time constant of turning down.
        release_ms: 5 to 2,000; time constant of letting go.
        knee_db: 0 to 24; width of the bend around the threshold.
        makeup_db: 0 to 24; gain afterwards.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    threshold_dbfs: float = -18.0
    ratio: float = 3.0
    attack_ms: float = 10.0
    release_ms: float = 150.0
    knee_db: float = 6.0
    makeup_db: float = 0.0

    def __post_init__(self) -> None:
        require_within("compress threshold_dbfs", self.threshold_dbfs, (-60.0, 0.0))
        require_within("compress ratio", self.ratio, (1.0, 20.0))
        require_within("compress attack_ms", self.attack_ms, (0.1, 200.0))
        require_within("compress release_ms", self.release_ms, (5.0, 2000.0))
        require_within("compress knee_db", self.knee_db, (0.0, 24.0))
        require_within("compress makeup_db", self.makeup_db, (0.0, 24.0))


@dataclass(frozen=True)
class Reverb:
    """Put the song into a room; the render is longer by the time in which the room falls silent.

    Args:
        decay_s: 0.1 to 10; time until the room is 60 dB down (RT60) at middle frequencies.
        pre_delay_ms: 0 to 200; until the room answers.
        damping: 0 to 1; how much sooner the highs die.
        mix: 0 to 1; 0 is the song alone, 1 the room alone.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    decay_s: float = 1.5
    pre_delay_ms: float = 20.0
    damping: float = 0.5
    mix: float = 0.25

    def __post_init__(self) -> None:
        require_within("reverb decay_s", self.decay_s, (0.1, 10.0))
        require_within("reverb pre_delay_ms", self.pre_delay_ms, (0.0, 200.0))
        require_within("reverb damping", self.damping, (0.0, 1.0))
        require_within("reverb mix", self.mix, (0.0, 1.0))

    @property
    def tail_s(self) -> float:
        """By how much the render is longer: nothing where no room is heard."""
        return self.decay_s + self.pre_delay_ms / 1000 if self.mix > 0 else 0.0


@dataclass(frozen=True)
class MixTrack:
    """One of the files that are mixed into a song.

    Args:
        path: the file; any format, rate and number of channels that the engine reads.
        gain_db: -60 to 12.
        pan: -1 (left) to 1 (right), by constant power.
        start_s: 0 or more; when it begins, in seconds of the song.
        equalize: of this file alone, first.
        compress: of this file alone, after its equalizer.
        reverb: of this file alone, last.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    path: Path
    gain_db: float = 0.0
    pan: float = 0.0
    start_s: float = 0.0
    equalize: Equalize | None = None
    compress: Compress | None = None
    reverb: Reverb | None = None

    def __post_init__(self) -> None:
        require_within("mix gain_db", self.gain_db, MIX_GAIN_RANGE_DB)
        require_within("mix pan", self.pan, (-1.0, 1.0))
        require_within("mix start_s", self.start_s, (0.0, LONGEST_S))


@dataclass(frozen=True)
class Mix:
    """Mix other files into the song; the render is in stereo and as long as the longest of them.

    Args:
        tracks: 1 to 15 of them.
        gain_db: of the song itself, -60 to 12.
        pan: of the song itself, -1 to 1.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    tracks: tuple[MixTrack, ...]
    gain_db: float = 0.0
    pan: float = 0.0

    def __post_init__(self) -> None:
        require_within("number of mixed tracks", len(self.tracks), (1, MOST_MIX_TRACKS))
        require_within("mix gain_db", self.gain_db, MIX_GAIN_RANGE_DB)
        require_within("mix pan", self.pan, (-1.0, 1.0))


@dataclass(frozen=True)
class Convert:
    """Change rate and channels only; the codec is the output format's.

    Args:
        sample_rate_hz: one of `CONVERT_SAMPLE_RATES_HZ`; None keeps it.
        channels: 1 sums both channels, each at half, 2 doubles one; None keeps them.

    Raises:
        AudioError: `recipe.invalid` when a value is not one of these.
    """

    sample_rate_hz: int | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        require_one_of("convert sample_rate_hz", self.sample_rate_hz, (None, *CONVERT_SAMPLE_RATES_HZ))
        require_one_of("convert channels", self.channels, (None, 1, 2))


@dataclass(frozen=True)
class Loudness:
    """Bring the song to a loudness, with its true peak below a ceiling; it is the last operation.

    Args:
        target_lufs: -36 to -6, integrated (BS.1770-4, gated).
        ceiling_dbtp: -9 to -0.1; of the encoded file.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range.
    """

    target_lufs: float = -14.0
    ceiling_dbtp: float = -1.0

    def __post_init__(self) -> None:
        require_within("loudness target_lufs", self.target_lufs, TARGET_RANGE_LUFS)
        require_within("loudness ceiling_dbtp", self.ceiling_dbtp, CEILING_RANGE_DBTP)


@dataclass(frozen=True)
class Master:
    """Make the song ready for release: spectrum, dynamics, width, loudness, ceiling; it is the last operation.

    Args:
        preset: "streaming" (-14 LUFS), "loud", "podcast", "gentle", "warm" or "bright"; None with a reference, and
            "streaming" where there is none either.
        reference: a file whose spectrum, loudness and width the song takes on; None with a preset.
        target_lufs: -36 to -6 instead of the preset's or the reference's own; None for that.
        ceiling_dbtp: -9 to -0.1; of the encoded file.

    Raises:
        AudioError: `recipe.invalid` when a value is out of range, or both a preset and a reference are given.
    """

    preset: Preset | None = None
    reference: Path | None = None
    target_lufs: float | None = None
    ceiling_dbtp: float = -1.0

    def __post_init__(self) -> None:
        require_one_of("master preset", self.preset, (None, *get_args(Preset)))
        if self.preset is None and self.reference is None:
            object.__setattr__(self, "preset", "streaming")
        if self.preset is not None and self.reference is not None:
            raise AudioError(
                "recipe.invalid",
                "master takes either a preset or a reference, and not both.",
                value="both",
                limit="one of them",
                mend="Leave one of them out.",
            )
        if self.target_lufs is not None:
            require_within("master target_lufs", self.target_lufs, TARGET_RANGE_LUFS)
        require_within("master ceiling_dbtp", self.ceiling_dbtp, CEILING_RANGE_DBTP)


Operation = Trim | Fade | Tempo | Pitch | Spatial | Equalize | Compress | Reverb | Mix | Convert | Loudness | Master
