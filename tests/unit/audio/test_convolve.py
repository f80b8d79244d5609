"""One line by two responses, in a circle."""

from __future__ import annotations

import numpy as np
import pytest

from tonearm_audio.convolve import Convolver, points_for


@pytest.mark.parametrize(("frames", "points"), [(1, 16), (16, 16), (17, 64), (16385, 65536)])
def test_a_circle_is_the_next_power_of_four(frames: int, points: int) -> None:
    # Given so many frames / When a circle is chosen / Then it holds them, in a power of four
    assert points_for(frames) == points


@pytest.mark.parametrize("points", [16, 64, 1024, 65536])
def test_both_responses_are_heard_around_the_circle(points: int) -> None:
    # Given a line and two responses
    random = np.random.default_rng(points)
    line = random.standard_normal(points).astype(np.float32)
    first, second = random.standard_normal((2, points // 4)) / points**0.5
    convolver = Convolver((first, second), points)
    # When they are convolved, twice
    convolver(np.ones(points, np.float32))
    found = convolver(line)
    # Then each is what double precision makes of it
    for response, heard in zip((first, second), found, strict=True):
        expected = np.fft.irfft(np.fft.rfft(line) * np.fft.rfft(response, points), points)
        np.testing.assert_allclose(heard, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_a_short_line_is_followed_by_silence() -> None:
    # Given a convolver that has heard something long
    convolver = Convolver((np.ones(8), np.arange(8.0)), 64)
    convolver(np.ones(64, np.float32))
    # When a single frame is convolved
    first, second = convolver(np.ones(1, np.float32))
    # Then its responses come out, and nothing of what was before
    np.testing.assert_allclose(first, np.r_[np.ones(8), np.zeros(56)], rtol=0, atol=1e-5)
    np.testing.assert_allclose(second, np.r_[np.arange(8.0), np.zeros(56)], rtol=0, atol=1e-5)
