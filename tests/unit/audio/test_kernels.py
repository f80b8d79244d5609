"""What kernels are handed: arrays that they can read, and that live as long as the call."""

import gc
import weakref

import numpy as np
import pytest

from tonearm_audio.kernels import Biquads, address


def test_an_array_that_was_made_for_a_call_lives_until_its_pointer_goes() -> None:
    # Given an array that nothing but its pointer knows
    array = np.zeros(100_000, np.float32)
    alive = weakref.ref(array)
    pointer = address(array, np.float32)
    # When its maker lets go of it
    del array
    gc.collect()
    # Then it is there as long as the pointer is
    assert alive() is not None
    del pointer
    assert alive() is None


@pytest.mark.parametrize(
    "array", [np.zeros(4), np.zeros((4, 4), np.float32)[:, 1], np.zeros(4, np.int32)], ids=["double", "strided", "int"]
)
def test_an_array_that_a_kernel_would_misread_is_refused(array: np.ndarray) -> None:  # type: ignore[type-arg]  # of any type
    with pytest.raises(TypeError, match="contiguous array of float32"):
        address(array, np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_biquads_filter_as_their_difference_equation_says_however_the_stream_is_cut(channels: int) -> None:
    # Given two sections and some noise
    sections = np.array([[0.5, 0.2, 0.1, -0.3, 0.2], [1.0, -1.0, 0.0, -0.9, 0.0]])
    noise = np.random.default_rng(1).standard_normal((500, channels)).astype(np.float32)
    # When the equation is worked out sample by sample
    expected = noise.astype(np.float64)
    for b0, b1, b2, a1, a2 in sections:
        out = np.zeros_like(expected)
        for n in range(len(out)):
            past = lambda line, back, n=n: line[n - back] if n >= back else 0.0  # noqa: E731  (as in its formula)
            out[n] = b0 * expected[n] + b1 * past(expected, 1) + b2 * past(expected, 2)
            out[n] -= a1 * past(out, 1) + a2 * past(out, 2)
        expected = out
    # Then the kernel gives the same, for whole and for parts
    whole = Biquads(sections, channels).feed(noise)
    cascade = Biquads(sections, channels)
    parts = np.concatenate([cascade.feed(part) for part in np.split(noise, [1, 7, 300])])
    assert np.abs(whole - expected).max() < 1e-6
    assert np.array_equal(whole, parts)
