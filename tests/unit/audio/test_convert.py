"""Convert: mono from stereo by halves, stereo from mono twice."""

import numpy as np
import pytest

from tests.unit.audio.signals import noise, processed
from tonearm_audio.convert import process
from tonearm_audio.decode import FloatBlock
from tonearm_audio.operations import Convert


def converted(samples: FloatBlock, channels: int | None) -> FloatBlock:
    return processed(process, Convert(channels=channels), samples, 100, 10_000)


def test_mono_is_half_of_each_channel() -> None:
    samples = noise(0.1).astype(np.float32)

    out = converted(samples, 1)

    assert out.shape == (len(samples), 1)
    assert out.dtype == np.float32
    assert out[:, 0] == pytest.approx(samples.mean(axis=1), abs=1e-7)
    assert np.array_equal(out, converted(samples[:, ::-1], 1))


def test_stereo_is_the_one_channel_twice_and_comes_back_bit_for_bit() -> None:
    samples = noise(0.1, channels=1).astype(np.float32)

    out = converted(samples, 2)

    assert np.array_equal(out, np.hstack([samples, samples]))
    assert np.array_equal(converted(out, 1), samples)


@pytest.mark.parametrize("asked", [None, 2])
def test_channels_that_are_there_already_are_left_alone(asked: int | None) -> None:
    samples = noise(0.1).astype(np.float32)

    assert np.array_equal(converted(samples, asked), samples)
