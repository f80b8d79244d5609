"""MP3: segments of a song encoded side by side, with a tag of our own that makes the file gapless to the sample.

Without a bit reservoir a frame depends on the few before it alone, so the frames of the segments are those of one long
encoding, byte for byte.
"""

from __future__ import annotations

import os
from array import array
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tonearm_audio import lame, mpeg
from tonearm_audio.packets import FloatBlock
from tonearm_audio.segments import Cut, Segments
from tonearm_audio.sink import Sink

_SEGMENT_FRAMES = 3 * 49
"""Four seconds at 44.1 kHz, where every 49th frame begins a new round of padded and unpadded ones."""
_FORERUN_FRAMES = {1152: 4, 576: 6}
"""After three (MPEG-1) to five (MPEG-2) frames every frame is the same."""
_BEYOND_FRAMES = 1
"""So far LAME looks ahead: it gives a frame when it has heard this much more."""
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
        self._sizes = array("I")
        self._first = b""
        self._head_bytes = len(head)
        self._segments = Segments(
            partial(lame.encode, settings=settings),
            Cut(settings.frame_samples, _SEGMENT_FRAMES, _FORERUN_FRAMES[settings.frame_samples], _BEYOND_FRAMES),
            channels=settings.channels,
            threads=min(_cores(), _MOST_THREADS),
        )
        self._file: BinaryIO = self._temporary.open("w+b")
        self._file.write(head)

    def write(self, block: FloatBlock) -> None:
        """Take samples; what is beyond ±1.0 is clipped."""
        self._samples += len(block)
        self._append(self._segments.feed(block))

    def _append(self, frames: list[bytes]) -> None:
        if frames and not self._first:
            self._first = frames[0][:4]
            # Keep the place of the tag, which is written last, when the length is known.
            self._file.write(bytes(len(self._tag(0))))
        self._sizes.extend(map(len, frames))
        self._file.writelines(frames)

    def _tag(self, padding: int) -> bytes:
        return mpeg.info_tag(
            self._first, sizes=self._sizes, delay=lame.DELAY, padding=padding, variable=self._settings.variable
        )

    def _close(self, *, complete: bool) -> None:
        try:
            if complete and self._samples:
                self._append(self._segments.finish())
                padding = len(self._sizes) * self._settings.frame_samples - lame.DELAY - self._samples
                self._file.seek(self._head_bytes)
                self._file.write(self._tag(padding))
        finally:
            self._segments.close()
            self._file.close()


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
