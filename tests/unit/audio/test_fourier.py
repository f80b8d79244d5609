"""Transforms in single precision are those in double precision, but for the last bits."""

import numpy as np
import pytest

from tonearm_audio.fourier import rfft


@pytest.mark.parametrize("size", [8, 1000, 4096])
def test_it_is_the_spectrum_over_the_length(size: int) -> None:
    lines = np.random.default_rng(size).standard_normal((3, size)).astype(np.float32)

    found = rfft(lines)

    expected = np.fft.rfft(lines.astype(np.float64)) / size
    assert found.dtype == np.complex64
    assert np.linalg.norm(found - expected) < 1e-6 * np.linalg.norm(expected)


def test_a_line_has_the_same_spectrum_alone_and_among_others() -> None:
    lines = np.random.default_rng(1).standard_normal((7, 1024)).astype(np.float32)

    assert np.array_equal(np.stack([rfft(line) for line in lines]), rfft(lines))


def test_a_short_line_is_followed_by_zeros() -> None:
    line = np.random.default_rng(1).standard_normal(40).astype(np.float32)

    assert np.array_equal(rfft(line, 64), rfft(np.pad(line, (0, 24))))
