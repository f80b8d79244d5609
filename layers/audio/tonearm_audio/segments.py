"""A song encoded in segments that overlap, each on its own and some at a time, whose frames join to one stream.

Where segments meet is fixed by the frames' numbers, never by how many threads there are or how the blocks are cut, so
the bytes are the same on every machine. Each segment begins some frames before those that are kept of it: there the
encoder comes to the state in which it would be had it encoded all of the song.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tonearm_audio.packets import FloatBlock


@dataclass(frozen=True)
class Cut:
    """Where segments begin and end.

    Args:
        frame_samples: samples a channel in an encoded frame.
        frames: of a segment that are kept.
        forerun: frames before them that are encoded and dropped.
        beyond: frames behind them, which the encoder looks at.
    """

    frame_samples: int
    frames: int
    forerun: int
    beyond: int

    @property
    def samples(self) -> int:
        """What a whole segment is encoded from."""
        return (self.forerun + self.frames + self.beyond) * self.frame_samples


class Encode(Protocol):
    """What an encoder does."""

    def __call__(self, samples: FloatBlock, /, *, ends: bool) -> list[bytes]:
        """The frames of some samples; `ends`: whether the song does with them."""


class Segments:
    """Blocks in, encoded frames out, in order; memory holds one segment more than there are threads at work.

    Args:
        encode: makes the frames of a segment, np.ndarray [shape=(samples, channels), dtype=float32], first to last; of
            one that the song does not end with, those up to `beyond` suffice.
        cut: where segments begin and end.
        channels: of the blocks.
        threads: segments that are encoded at a time.
    """

    def __init__(self, encode: Encode, cut: Cut, *, channels: int, threads: int) -> None:
        self._encode = encode
        self._cut = cut
        self._segment = np.empty((cut.samples, channels), np.float32)
        self._filled = 0
        self._taken = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")
        # None waits for a thread: while one is idle, its core makes the next segment.
        self._most_begun = threads
        self._waiting: deque[Future[list[bytes]]] = deque()

    def feed(self, block: FloatBlock) -> list[bytes]:
        """Take np.ndarray [shape=(samples, channels)] within ±1.0, clipped otherwise; get the frames that are done."""
        done: list[bytes] = []
        while len(block):
            count = min(len(block), len(self._segment) - self._filled)
            np.clip(block[:count], -1.0, 1.0, out=self._segment[self._filled : self._filled + count])
            self._filled += count
            block = block[count:]
            if self._filled == len(self._segment):
                self._begin(self._segment, ends=False)
                rest = self._segment[self._cut.frames * self._cut.frame_samples :]
                self._segment = np.empty_like(self._segment)
                self._segment[: len(rest)] = rest
                self._filled = len(rest)
                if len(self._waiting) >= self._most_begun:
                    done += self._oldest(last=False)
        return done

    def finish(self) -> list[bytes]:
        """Encode what is left; get the last frames."""
        done: list[bytes] = []
        if self._filled:
            self._begin(self._segment[: self._filled], ends=True)
        while self._waiting:
            done += self._oldest(last=len(self._waiting) == 1)
        return done

    def close(self) -> None:
        """Let go of the threads, whether or not all is encoded."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, samples: FloatBlock, *, ends: bool) -> None:
        self._waiting.append(self._pool.submit(self._encode, samples, ends=ends))

    def _oldest(self, *, last: bool) -> list[bytes]:
        cut, frames = self._cut, self._waiting.popleft().result()
        first = cut.forerun if self._taken else 0
        self._taken += 1
        return frames[first:] if last else frames[first : cut.forerun + cut.frames]
