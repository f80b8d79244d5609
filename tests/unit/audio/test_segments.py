"""Segments: what they join to is what went in, within full scale, and memory holds a few of them."""

import itertools

import numpy as np
import pytest

from tonearm_audio.decode import FloatBlock
from tonearm_audio.segments import Cut, Segments

FRAME = 64
CUT = Cut(FRAME, frames=8, forerun=3, beyond=2)


def encoded(samples: FloatBlock, *, ends: bool) -> list[bytes]:
    """Frames that are their samples; of a segment that others follow, no more than must be."""
    frames = [samples[start : start + FRAME].tobytes() for start in range(0, len(samples), FRAME)]
    return frames if ends else frames[: CUT.forerun + CUT.frames]


def joined(frames: list[bytes]) -> FloatBlock:
    return np.frombuffer(b"".join(frames), np.float32).reshape(-1, 1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [1, 100, 5000])
def test_what_is_beyond_full_scale_is_clipped_and_the_rest_comes_out_as_it_went_in(threads: int, size: int) -> None:
    # Given samples of up to one and a half times full scale
    song = (1.5 * np.sin(np.arange(40 * FRAME, dtype=np.float64) / 7)).astype(np.float32)[:, np.newaxis]
    segments = Segments(encoded, CUT, channels=1, threads=threads)

    frames = [segments.feed(song[start : start + size]) for start in range(0, len(song), size)]
    frames.append(segments.finish())
    segments.close()

    assert np.array_equal(joined(list(itertools.chain(*frames))), np.clip(song, -1, 1))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_frames_leave_while_more_comes_in_so_that_few_segments_wait(threads: int) -> None:
    segments = Segments(encoded, CUT, channels=1, threads=threads)
    block = np.zeros((FRAME, 1), np.float32)

    # When far more goes in, Then never more waits than a segment for each thread and the one that fills
    most = taken = 0
    for number in range(1, 400):
        taken += len(segments.feed(block))
        most = max(most, number - taken)
    taken += len(segments.finish())
    segments.close()

    assert taken == 399
    assert most < CUT.samples // FRAME + CUT.frames * threads
