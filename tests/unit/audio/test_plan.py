"""The steps that a recipe comes to, and the length and format that they lead to."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm_audio import (
    AudioError,
    Band,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    MixTrack,
    Operation,
    Pitch,
    Reverb,
    Spatial,
    Tempo,
    Trim,
)
from tonearm_audio.plan import Change, frames_after, plan, staged

EQ = Equalize((Band("peak", 1000, gain_db=3),))


def test_changes_that_stand_side_by_side_are_one_step() -> None:
    made = plan([Tempo(1.5), Pitch(7), Pitch(5, formants="keep"), EQ, Tempo(2.0)])

    assert made.steps == (Change(1.5, 12.0, keep_formants=True), EQ, Change(2.0))
    assert made.change.tempo_factor == 3.0
    assert made.change.pitch_ratio == 2.0
    assert made.change.time_ratio == pytest.approx(2 / 3)
    assert made.change.frames_after(100) == 33


@pytest.mark.parametrize(
    ("operations", "steps"),
    [
        ([Spatial(), Tempo(2)], (Change(2.0), Spatial())),
        ([Spatial(), EQ, Tempo(2), Fade(1)], (EQ, Change(2.0), Spatial(), Fade(1))),
        ([Tempo(2), Spatial(), Fade(1)], (Change(2.0), Spatial(), Fade(1))),
        ([Tempo(2), Spatial(), Trim(1), Pitch(1)], (Change(2.0), Trim(1), Change(1.0, 1.0), Spatial())),
    ],
)
def test_motion_comes_after_every_change_and_else_stays_where_it_stands(
    operations: Sequence[Operation], steps: tuple[object, ...]
) -> None:
    assert plan(operations).steps == steps


@pytest.mark.parametrize(
    ("operations", "part"),
    [
        ([Tempo(4.0), Tempo(1.5)], "all operations together"),
        ([Tempo(4.0), EQ, Tempo(1.5)], "all operations together"),
        ([Pitch(20), Pitch(5)], "all operations together"),
        (
            [Tempo(0.25), Fade(), Tempo(0.25), Fade(), Tempo(4), Tempo(4)],
            "factor of the first 3 operations together is 0.06",
        ),
        ([Pitch(20), Pitch(5), Fade(), Pitch(-5)], "shift of the first 2 operations together is 25"),
        ([Tempo(4), Fade(), Tempo(0.25), Tempo(0.25)], "factor of operations 3 to 4 together is 0.0625"),
        ([Pitch(-24), Fade(), Tempo(1.0), Pitch(20), Pitch(20)], "shift of operations 3 to 5 together is 40"),
        ([Spatial(), Spatial(seed=1)], "2 spatial operations"),
        ([Mix((MixTrack(Path("a")),)), Mix((MixTrack(Path("a")),))], "2 mix operations"),
        ([Loudness(), Master()], "2 loudness or master operations"),
        ([Loudness(), Tempo(2)], "it must be the last"),
        ([EQ, Master("warm"), EQ, EQ], "master is followed by other operations"),
    ],
)
def test_what_cannot_be_done_together_is_told(operations: Sequence[Operation], part: str) -> None:
    with pytest.raises(AudioError, match=part) as refused:
        plan(operations)
    assert refused.value.code == "recipe.invalid"
    assert refused.value.mend


@pytest.mark.parametrize("semitones", permutations((11.9, 10.3, 1.8)))
@pytest.mark.parametrize("between", [[], [EQ]], ids=["side by side", "apart"])
def test_what_a_sum_comes_to_does_not_depend_on_its_order(
    semitones: tuple[float, ...], between: list[Operation]
) -> None:
    made = plan([operation for shift in semitones for operation in (Pitch(shift), *between)])

    assert made.change.semitones == pytest.approx(24.0)


@pytest.mark.parametrize(
    ("operations", "ceiling_dbtp"),
    [
        ([Tempo(2), Pitch(1), Trim(1), Fade(1), Convert(channels=1)], None),
        ([Spatial()], -1.0),
        ([EQ], -1.0),
        ([EQ, Loudness(-14, ceiling_dbtp=-2.0)], -2.0),
        ([Master(ceiling_dbtp=-0.5)], -0.5),
    ],
)
def test_what_may_lift_peaks_has_a_ceiling(operations: Sequence[Operation], ceiling_dbtp: float | None) -> None:
    assert plan(operations).ceiling_dbtp == ceiling_dbtp


@pytest.mark.parametrize(
    ("operations", "channels", "after"),
    [
        ([], 1, 1),
        ([Spatial()], 1, 2),
        ([Spatial(), Convert(channels=1)], 2, 1),
        ([Convert(channels=1), Mix((MixTrack(Path("a")),))], 2, 2),
        ([Convert(sample_rate_hz=48000)], 1, 1),
    ],
)
def test_channels_follow_the_steps(operations: Sequence[Operation], channels: int, after: int) -> None:
    assert plan(operations).channels(channels) == after


@given(
    frames=st.integers(1, 10_000_000),
    start_s=st.floats(0, 100),
    length_s=st.floats(0.001, 100),
    rate=st.sampled_from([8000, 44100, 192000]),
)
def test_a_trim_keeps_the_frames_between_its_times(frames: int, start_s: float, length_s: float, rate: int) -> None:
    kept = frames_after(Trim(start_s, start_s + length_s), frames, rate)
    assert kept == len(range(frames)[round(start_s * rate) : round((start_s + length_s) * rate)])


def test_a_room_and_a_mix_lengthen() -> None:
    assert frames_after(Reverb(decay_s=1.0, pre_delay_ms=0), 10, 8000) == 8010
    mix = Mix((MixTrack(Path("a")),))
    assert frames_after(mix, 10, 8000, others=7) == 10
    assert frames_after(mix, 10, 8000, others=70) == 70


@pytest.mark.parametrize(
    ("operations", "rates"),
    [
        ([], [(96000, 48000)]),
        ([EQ], [(96000, 48000), (48000, 48000)]),
        ([EQ, Tempo(2), Fade(1)], [(96000, 96000), (96000, 48000), (48000, 48000)]),
        ([Tempo(2), EQ, Pitch(1)], [(96000, 48000), (48000, 48000), (48000, 48000)]),
    ],
)
def test_the_rate_is_changed_once(operations: Sequence[Operation], rates: list[tuple[int, int]]) -> None:
    stages = staged(plan(operations), source_rate_hz=96000, output_rate_hz=48000)
    assert [(stage.rate_in_hz, stage.rate_out_hz) for stage in stages] == rates


def test_no_step_is_added_where_the_rate_stays() -> None:
    assert staged(plan([]), source_rate_hz=44100, output_rate_hz=44100) == []


def test_the_rate_that_is_named_last_counts() -> None:
    assert plan([Convert(8000), EQ, Convert(48000), Convert(channels=1)]).sample_rate_hz(44100) == 48000
    assert plan([EQ]).sample_rate_hz(44100) == 44100
