"""AAC-LC in M4A through `codecpod`, which encodes a whole signal at a time: segments of it, joined packet to packet.

A packet overlaps its neighbours by half. Before the packets that are kept of a segment there are as many as the encoder
takes to find its bit rate, so that at a seam the window shapes agree and the music is as true as elsewhere.
"""

from __future__ import annotations

import io
from array import array
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tonearm_audio import m4a, mp4
from tonearm_audio.errors import AudioError
from tonearm_audio.packets import FloatBlock
from tonearm_audio.segments import Cut, Segments
from tonearm_audio.sink import Sink, splice

_SEGMENT_FRAMES = 1024
"""Twenty-four seconds at 44.1 kHz."""
_FORERUN_FRAMES = 64
"""The window shapes agree from the fourth on, the bit rate from about here."""
_BEYOND_FRAMES = 2
_PRIMING = 1024
_LIMIT_BYTES = 0xFF000000


class AacSink(Sink):
    """AAC-LC in M4A.

    Args:
        destination: where the complete file appears.
        sample_rate_hz: one of `lame.SAMPLE_RATES_HZ`, which AAC has as well.
        channels: 1 or 2.
        bitrate_kbps: on average; the encoder uses at most the 6 bits a sample that AAC allows.
        items: the entries of an `ilst` box: title, cover and so on.
    """

    def __init__(
        self, destination: Path, sample_rate_hz: int, channels: int, bitrate_kbps: int, *, items: bytes = b""
    ) -> None:
        super().__init__(destination)
        self._rate = sample_rate_hz
        self._channels = channels
        self._bitrate = bitrate_kbps * 1000
        self._items = items
        self._setup = b""
        self._samples = 0
        self._sizes = array("I")
        self._room = _LIMIT_BYTES
        # The encoder holds the interpreter's lock: more threads would gain nothing.
        cut = Cut(m4a.PACKET_SAMPLES, _SEGMENT_FRAMES, _FORERUN_FRAMES, _BEYOND_FRAMES)
        self._segments = Segments(self._encode, cut, channels=channels, threads=1)
        self._file: BinaryIO = self._temporary.open("w+b")

    def write(self, block: FloatBlock) -> None:
        """Take samples; what is beyond ±1.0 is clipped."""
        self._samples += len(block)
        self._append(self._segments.feed(block))

    def _encode(self, samples: FloatBlock, *, ends: bool) -> list[bytes]:  # noqa: ARG002  (this encoder always ends)
        # Only what writes AAC pays for the encoder.
        import codecpod  # noqa: PLC0415  (for AAC only)

        whole = np.ascontiguousarray(samples)
        made = codecpod.save_bytes(whole, self._rate, codecpod.Aac(self._bitrate), channels_first=False)
        track = mp4.demux(io.BytesIO(made), len(made))
        self._setup = track.setup[0]
        stops = track.offsets + track.sizes
        return [made[start:stop] for start, stop in zip(track.offsets.tolist(), stops.tolist(), strict=True)]

    def _append(self, packets: list[bytes]) -> None:
        self._sizes.extend(map(len, packets))
        self._room -= sum(map(len, packets))
        if self._room < 0:
            raise AudioError(
                "recipe.invalid",
                "The render is larger than the 4 GiB that an M4A file can hold.",
                value="more than 4 GiB",
                limit="4 GiB",
                mend="Choose a lower bit rate.",
            )
        self._file.writelines(packets)

    def _close(self, *, complete: bool) -> None:
        try:
            if complete and self._samples:
                self._append(self._segments.finish())
                movie = m4a.Movie(self._setup, self._rate, self._channels, self._sizes, _PRIMING, self._samples)
                splice(self._file, 0, 0, m4a.head(movie, self._items))
        finally:
            self._segments.close()
            self._file.close()
