"""Operations and output formats refuse what they cannot mean."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from tonearm_audio import (
    AudioError,
    Band,
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    MixTrack,
    OutputFormat,
    Pitch,
    Reverb,
    Spatial,
    Tempo,
    Trim,
)
from tonearm_audio.operations import Preset

SONG = Path("song.wav")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Trim(start_s=-1),
        lambda: Trim(start_s=math.inf),
        lambda: Trim(start_s=5, end_s=5),
        lambda: Fade(in_s=30.1),
        lambda: Fade(out_s=-0.1),
        lambda: Fade(shape="round"),  # type: ignore[arg-type]  # what is refused
        lambda: Tempo(0.2499),
        lambda: Tempo(4.01),
        lambda: Tempo(0.0),
        lambda: Tempo(-1.0),
        lambda: Tempo(math.nan),
        lambda: Tempo(math.inf),
        lambda: Pitch(24.01),
        lambda: Pitch(-25),
        lambda: Pitch(math.nan),
        lambda: Pitch(1, formants="lose"),  # type: ignore[arg-type]  # what is refused
        lambda: Spatial(speed_hz=0.019),
        lambda: Spatial(depth=-0.1),
        lambda: Spatial(mix=math.nan),
        lambda: Spatial(path="spiral"),  # type: ignore[arg-type]  # what is refused
        lambda: Spatial(listening="underwater"),  # type: ignore[arg-type]  # what is refused
        lambda: Band("peak", 19.9),
        lambda: Band("peak", 1000, gain_db=25),
        lambda: Band("peak", 1000, q=0.05),
        lambda: Band("notch", 1000),  # type: ignore[arg-type]  # what is refused
        lambda: Equalize(()),
        lambda: Equalize((Band("peak", 1000),) * 11),
        lambda: Compress(threshold_dbfs=1),
        lambda: Compress(ratio=0.9),
        lambda: Compress(attack_ms=0),
        lambda: Compress(release_ms=math.nan),
        lambda: Compress(knee_db=25),
        lambda: Compress(makeup_db=-1),
        lambda: Reverb(decay_s=11),
        lambda: Reverb(pre_delay_ms=201),
        lambda: Reverb(damping=1.1),
        lambda: Reverb(mix=-0.1),
        lambda: MixTrack(SONG, gain_db=13),
        lambda: MixTrack(SONG, pan=1.1),
        lambda: MixTrack(SONG, start_s=-1),
        lambda: Mix(()),
        lambda: Mix((MixTrack(SONG),) * 16),
        lambda: Mix((MixTrack(SONG),), gain_db=-61),
        lambda: Convert(sample_rate_hz=44_000),
        lambda: Convert(channels=3),
        lambda: Loudness(target_lufs=-5),
        lambda: Loudness(ceiling_dbtp=0),
        lambda: Master("deafening"),  # type: ignore[arg-type]  # what is refused
        lambda: Master("loud", target_lufs=-40),
        lambda: OutputFormat("aiff"),  # type: ignore[arg-type]  # what is refused
        lambda: OutputFormat("mp3", bitrate_kbps=300),
        lambda: OutputFormat("wav", bit_depth=20),
    ],
)
def test_given_a_value_out_of_range_then_it_is_named_with_its_limit(make: Callable[[], object]) -> None:
    with pytest.raises(AudioError) as caught:
        make()

    problem = caught.value
    assert problem.code == "recipe.invalid"
    assert problem.value is not None
    assert problem.mend
    assert str(problem.limit).removeprefix("more than ").split()[0].rstrip(",") in problem.detail


def test_a_master_has_a_preset_or_a_reference() -> None:
    assert Master() == Master(preset=None) == Master("streaming")
    assert Master(reference=SONG).preset is None
    with pytest.raises(AudioError, match="either a preset or a reference, and not both"):
        Master("warm", reference=SONG)


@pytest.mark.parametrize("preset", get_args(Preset))
def test_every_preset_is_known(preset: Preset) -> None:
    assert Master(preset).preset == preset


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("semitones", [-24.0, 0.5, 24.0])
def test_the_bounds_themselves_are_allowed(factor: float, semitones: float) -> None:
    assert (Tempo(factor).factor, Pitch(semitones).semitones) == (factor, semitones)


def test_a_room_that_is_not_heard_has_no_tail() -> None:
    assert Reverb(decay_s=2.0, pre_delay_ms=100).tail_s == pytest.approx(2.1)
    assert Reverb(decay_s=2.0, mix=0).tail_s == 0.0


@pytest.mark.parametrize(("codec", "lossy"), [("wav", False), ("flac", False), ("mp3", True), ("m4a", True)])
def test_what_is_lossy(codec: Any, lossy: bool) -> None:
    assert OutputFormat(codec).lossy is lossy
