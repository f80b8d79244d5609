"""MP3: segments of a song encoded side by side, with a tag of our own that makes the file gapless to the sample.

Where segments meet is fixed by the frames' numbers, never by how many cores there are, so the bytes are the same on
every machine. Each segment begins a few frames before those that are kept of it, in which LAME comes to the same state
as if it had encoded all of the song: without a bit reservoir its frames are those of one long encoding.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tonearm_audio import lame, mpeg
from tonearm_audio.packets import FloatBlock
from tonearm_audio.sink import Sink

_SEGMENT_FRAMES = 8 * 49
"""Ten seconds at 44.1 kHz, where every 49th frame begins a new round of padded and unpadded ones."""
_FORERUN_FRAMES = 8
"""After three (MPEG-1) to five (MPEG-2) frames every frame is the same, for all but silence."""
_BEYOND_FRAMES = 2
"""What LAME looks ahead."""
_MOST_THREADS = 16


class Mp3Sink(Sink):
    """Layer III by LAME, of constant or variable bit rate.

    Args:
        destination: where the complete file appears.
        settings: how to encode.
        head: bytes to put first, such as a title tag.
    """

    def __init__(self, destination: Path, settings: lame.Settings, *, head: bytes = b"") -> None:
        super().__init__(destination)
        self._settings = settings
        self._samples = 0
        self._segments = 0
        self._segment = np.empty((self._segment_samples, settings.channels), np.float32)
        self._filled = 0
        self._sizes = array("I")
        self._first = b""
        self._head_bytes = len(head)
        threads = min(_cores(), _MOST_THREADS)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mp3")
        # One more than are encoded at a time waits, so that no thread does; memory stays at these.
        self._most_waiting = threads + 1
        self._waiting: deque[Future[list[bytes]]] = deque()
        self._file: BinaryIO = self._temporary.open("w+b")
        self._file.write(head)

    @property
    def _segment_samples(self) -> int:
        return (_SEGMENT_FRAMES + _FORERUN_FRAMES + _BEYOND_FRAMES) * self._settings.frame_samples

    def write(self, block: FloatBlock) -> None:
        """Take samples; what is beyond ±1.0 is clipped."""
        self._samples += len(block)
        while len(block):
            count = min(len(block), len(self._segment) - self._filled)
            np.clip(block[:count], -1.0, 1.0, out=self._segment[self._filled : self._filled + count])
            self._filled += count
            block = block[count:]
            if self._filled == len(self._segment):
                self._encode(last=False)

    def _encode(self, *, last: bool) -> None:
        """Hand a segment to the threads, and keep the end of it as the next one's start."""
        samples = self._segment[: self._filled]
        self._waiting.append(self._pool.submit(lame.encode, samples, self._settings))
        if last:
            return
        rest = samples[_SEGMENT_FRAMES * self._settings.frame_samples :]
        self._segment = np.empty_like(self._segment)
        self._segment[: len(rest)] = rest
        self._filled = len(rest)
        if len(self._waiting) >= self._most_waiting:
            self._append_oldest(last=False)

    def _append_oldest(self, *, last: bool) -> None:
        frames = self._waiting.popleft().result()
        frames = frames[_FORERUN_FRAMES if self._segments else 0 : None if last else _SEGMENT_FRAMES + _FORERUN_FRAMES]
        if not self._segments:
            self._first = frames[0][:4]
            # Keep the place of the tag, which is written last, when the length is known.
            self._file.write(bytes(len(self._tag(0))))
        self._segments += 1
        self._sizes.extend(map(len, frames))
        self._file.writelines(frames)

    def _tag(self, padding: int) -> bytes:
        return mpeg.info_tag(
            self._first, sizes=self._sizes, delay=lame.DELAY, padding=padding, variable=self._settings.variable
        )

    def _close(self, *, complete: bool) -> None:
        try:
            if complete and self._samples:
                self._encode(last=True)
                while self._waiting:
                    self._append_oldest(last=len(self._waiting) == 1)
                padding = len(self._sizes) * self._settings.frame_samples - lame.DELAY - self._samples
                self._file.seek(self._head_bytes)
                self._file.write(self._tag(padding))
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._file.close()


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
