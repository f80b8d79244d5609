"""Trim: a part of the song, to the sample, and nothing read beyond it."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, blocks, noise, processed
from tonearm_audio.decode import FloatBlock
from tonearm_audio.errors import AudioError
from tonearm_audio.operations import Trim
from tonearm_audio.trim import process

SONG = noise(2.0).astype(np.float32)


def trimmed(operation: Trim, *, size: int = 4096, samples: FloatBlock = SONG) -> FloatBlock:
    return processed(process, operation, samples, size)


@settings(max_examples=60)
@given(start_s=st.floats(0, 1.99), length_s=st.floats(1e-4, 3.0), size=st.integers(1, 5000) | st.just(len(SONG)))
def test_the_part_is_cut_to_the_sample(start_s: float, length_s: float, size: int) -> None:
    # Given blocks of any size; a single one would take too long
    size = max(size, 50)

    out = trimmed(Trim(start_s, start_s + length_s), size=size)

    assert np.array_equal(out, SONG[round(start_s * RATE) : round((start_s + length_s) * RATE)])


def test_without_an_end_the_rest_is_kept() -> None:
    assert np.array_equal(trimmed(Trim(0.5)), SONG[RATE // 2 :])


def test_a_trim_that_takes_nothing_away_changes_nothing() -> None:
    assert np.array_equal(trimmed(Trim()), SONG)


def test_nothing_is_read_beyond_the_end() -> None:
    read: list[int] = []

    def song() -> Iterator[FloatBlock]:
        for block in blocks(SONG, 1000):
            read.append(len(block))
            yield block

    kept = list(process(song(), operation=Trim(0.0, 0.1), sample_rate_hz=RATE, channels=2))

    assert sum(map(len, kept)) == 4410
    assert sum(read) == 5000


def test_a_start_beyond_the_end_is_refused_with_both_lengths() -> None:
    with pytest.raises(AudioError) as refused:
        trimmed(Trim(2.0, 3.0))

    assert refused.value.code == "recipe.nothing_left"
    assert (refused.value.value, refused.value.limit) == (2.0, 2.0)
    assert "2 s long" in refused.value.detail
    assert refused.value.mend == "Choose an earlier start."


def test_a_part_of_less_than_a_sample_is_refused() -> None:
    with pytest.raises(AudioError, match="less than one sample") as refused:
        trimmed(Trim(0.0, 1e-6))

    assert refused.value.code == "recipe.nothing_left"
