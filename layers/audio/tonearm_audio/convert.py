"""Convert: mono from stereo, stereo from mono.

The rate is not changed here but by `resample.resample`: a change of pitch and of rate are one resampling.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tonearm_audio.decode import FloatBlock
from tonearm_audio.operations import Convert


def process(
    blocks: Iterator[FloatBlock],
    *,
    operation: Convert,
    sample_rate_hz: int,  # noqa: ARG001  (every operation is called alike)
    channels: int,
) -> Iterator[FloatBlock]:
    """Bring a stream to the channels that are asked for.

    Mono is (L + R) / 2, which never clips: what stands in the middle keeps its peak, what is in one channel alone loses
    6 dB, what differs in sign only is gone. Stereo is the one channel twice.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: `channels` of it is used.
        sample_rate_hz: frames a second.
        channels: 1 or 2, of `blocks`.

    Yields:
        np.ndarray [shape=(frames, operation.channels or channels), dtype=float32], as many frames as came in.
    """
    for block in blocks:
        if operation.channels == 1 and channels == 2:
            yield (block[:, :1] + block[:, 1:]) * np.float32(0.5)
        elif operation.channels == 2 and channels == 1:
            yield np.repeat(block, 2, axis=1)
        else:
            yield block
