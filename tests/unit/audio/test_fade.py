"""Fade: silence at both ends, the curve that was asked for, and nothing touched between."""

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, noise, processed, run_python
from tonearm_audio.decode import FloatBlock
from tonearm_audio.fade import process
from tonearm_audio.operations import Fade, FadeShape

SHAPES = get_args(FadeShape)
SONG = noise(2.0).astype(np.float32)


def faded(operation: Fade, *, size: int = 4096, samples: FloatBlock = SONG) -> FloatBlock:
    return processed(process, operation, samples, size)


def ones(seconds: float) -> FloatBlock:
    return np.ones((round(seconds * RATE), 2), np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_the_function_that_it_is_named_for(shape: FadeShape) -> None:
    way = np.arange(RATE) / RATE
    expected = {"linear": way, "equal_power": np.sin(np.pi / 2 * way), "s_curve": 0.5 - 0.5 * np.cos(np.pi * way)}

    out = faded(Fade(1.0, 1.0, shape), samples=ones(3.0))

    assert out[:RATE, 0] == pytest.approx(expected[shape], abs=1e-7)
    assert np.array_equal(out, out[::-1])
    assert np.array_equal(out[:, 0], out[:, 1])
    assert (out[RATE:-RATE] == 1).all()


def test_equal_power_keeps_the_power_of_two_songs_that_cross_and_an_s_curve_keeps_their_sum() -> None:
    for shape, exponent in (("equal_power", 2), ("s_curve", 1), ("linear", 1)):
        gains = faded(Fade(in_s=1.0, shape=shape), samples=ones(1.0)).astype(np.float64)  # type: ignore[arg-type]  # a str

        assert gains[1:] ** exponent + gains[:0:-1] ** exponent == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_between_the_fades_nothing_is_touched(shape: FadeShape) -> None:
    out = faded(Fade(0.5, 0.25, shape))

    assert np.array_equal(out[RATE // 2 : -RATE // 4], SONG[RATE // 2 : -RATE // 4])
    assert not out[0].any()
    assert not out[-1].any()


def test_no_fade_changes_nothing() -> None:
    assert np.array_equal(faded(Fade()), SONG)


def test_fades_that_meet_on_a_short_song_multiply() -> None:
    short = ones(1.0)

    both = faded(Fade(0.8, 3.0), samples=short)

    apart = faded(Fade(in_s=0.8), samples=short) * faded(Fade(out_s=3.0), samples=short)
    assert both == pytest.approx(apart, abs=1e-7)


@settings(max_examples=40)
@given(
    frames=st.integers(1, 3000),
    in_s=st.floats(0, 0.1),
    out_s=st.floats(0, 0.1),
    shape=st.sampled_from(SHAPES),
    size=st.integers(1, 4000),
)
def test_any_cut_gives_the_same_bits_and_length(
    frames: int, in_s: float, out_s: float, shape: FadeShape, size: int
) -> None:
    song, operation = SONG[:frames], Fade(in_s, out_s, shape)

    out = faded(operation, samples=song, size=size)

    assert out.shape == song.shape
    assert np.array_equal(out, faded(operation, samples=song, size=frames))
    assert (np.abs(out) <= np.abs(song)).all()


def test_only_the_length_of_the_fade_out_is_held() -> None:
    taken = 0

    def song() -> Iterator[FloatBlock]:
        nonlocal taken
        for _ in range(400):
            taken += 1000
            yield np.ones((1000, 2), np.float32)

    given_out = 0
    for block in process(song(), operation=Fade(out_s=1.0), sample_rate_hz=RATE, channels=2):
        if taken < 400_000:
            given_out += len(block)
            assert taken - given_out <= RATE + 1000
    assert given_out > 300_000


HASH = """
import hashlib, sys
import numpy as np
from tonearm_audio.fade import process
from tonearm_audio.operations import Fade
song = np.random.default_rng(1).standard_normal((50_000, 2)).astype(np.float32)
for shape in ("linear", "equal_power", "s_curve"):
    made = process(iter([song]), operation=Fade(0.3, 0.4, shape), sample_rate_hz=44_100, channels=2)
    print(hashlib.sha256(np.concatenate(list(made)).tobytes()).hexdigest())
"""


def test_the_bits_do_not_depend_on_what_the_processor_can_do() -> None:
    plain = run_python(HASH)

    assert plain == run_python(HASH, env={"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F"})
