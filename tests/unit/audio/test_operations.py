"""Operations and output formats refuse what they cannot mean."""

import math
from collections.abc import Callable

import pytest

from tonearm_audio import AudioError, OutputFormat, Pitch, Spatial, Tempo
from tonearm_audio.operations import fold, motion


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tempo(0.2499),
        lambda: Tempo(4.01),
        lambda: Tempo(0.0),
        lambda: Tempo(-1.0),
        lambda: Tempo(math.nan),
        lambda: Tempo(math.inf),
        lambda: Pitch(24.01),
        lambda: Pitch(-25),
        lambda: Pitch(math.nan),
        lambda: Spatial(speed_hz=0.019),
        lambda: Spatial(depth=-0.1),
        lambda: Spatial(mix=math.nan),
        lambda: motion([Spatial(), Spatial(seed=1)]),
        lambda: OutputFormat("m4a"),  # type: ignore[arg-type]
        lambda: OutputFormat("mp3", bitrate_kbps=300),
        lambda: OutputFormat("wav", bit_depth=20),
        lambda: fold([Tempo(4.0), Tempo(1.5)]),
        lambda: fold([Pitch(20), Pitch(5)]),
    ],
)
def test_given_a_value_out_of_range_then_it_is_named_with_its_limit(make: Callable[[], object]) -> None:
    with pytest.raises(AudioError) as caught:
        make()

    assert caught.value.code == "recipe.invalid"
    assert caught.value.limit is not None
    assert str(caught.value.limit).split()[0].rstrip(",") in caught.value.detail


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("semitones", [-24.0, 0.5, 24.0])
def test_the_bounds_themselves_are_allowed(factor: float, semitones: float) -> None:
    change = fold([Tempo(factor), Pitch(semitones)])

    assert (change.tempo_factor, change.semitones) == (factor, semitones)


def test_operations_compose() -> None:
    change = fold([Tempo(1.5), Pitch(7), Spatial(), Tempo(2.0), Pitch(5)])

    assert change.tempo_factor == 3.0
    assert change.pitch_ratio == 2.0
    assert change.time_ratio == pytest.approx(2 / 3)
    assert change.frames_after(100) == 33
