"""Trim: a part of the song, to the sample."""

from __future__ import annotations

from collections.abc import Iterator

from tonearm_audio.decode import FloatBlock
from tonearm_audio.errors import AudioError, spoken_duration
from tonearm_audio.operations import Trim


def process(
    blocks: Iterator[FloatBlock],
    *,
    operation: Trim,
    sample_rate_hz: int,
    channels: int,  # noqa: ARG001  (every operation is called alike)
) -> Iterator[FloatBlock]:
    """Keep the frames from round(start_s * rate) up to, and without, round(end_s * rate).

    Nothing is read beyond the end.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: start and end in seconds of `blocks`.
        sample_rate_hz: frames a second.
        channels: any number.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], the input's samples bit for bit.

    Raises:
        AudioError: `recipe.nothing_left` when the blocks end before the part begins, or no frame lies in it.
    """
    first = round(operation.start_s * sample_rate_hz)
    last = None if operation.end_s is None else round(operation.end_s * sample_rate_hz)
    if last is not None and last <= first:
        raise AudioError(
            "recipe.nothing_left",
            f"trim keeps {operation.start_s:g} s to {operation.end_s:g} s, which is less than one sample.",
            value=operation.end_s,
            limit=(first + 1) / sample_rate_hz,
            mend="Choose a later end.",
        )
    read = 0
    for block in blocks:
        start = read
        read += len(block)
        kept = block[max(0, first - start) : None if last is None else max(0, last - start)]
        if len(kept):
            yield kept
        if last is not None and read >= last:
            return
    if read <= first:
        length_s = read / sample_rate_hz
        raise AudioError(
            "recipe.nothing_left",
            f"trim begins at {spoken_duration(operation.start_s)}; the song is then {spoken_duration(length_s)} long.",
            value=operation.start_s,
            limit=length_s,
            mend="Choose an earlier start.",
        )
