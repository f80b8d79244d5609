"""Ogg Vorbis and Ogg Opus through libsndfile: the same samples give the same bytes, however they are cut."""

from __future__ import annotations

from pathlib import Path

from tonearm_audio import ogg
from tonearm_audio.packets import FloatBlock
from tonearm_audio.sink import LibsndfileSink, splice
from tonearm_audio.tag_writing import vendor, vorbis_comments
from tonearm_audio.tags import Tags

OPUS_SAMPLE_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
_VORBIS_QUALITY = 0.8
"""Of 1.0; some 256 kbit/s for music in stereo at 44.1 kHz."""
_BLOCK_FRAMES = 2048
_OPUS_KBPS = (6.0, 256.0)
"""What libsndfile's compression levels 1 and 0 stand for, a channel."""


class XiphSink(LibsndfileSink):
    """One stream in Ogg.

    Args:
        destination: where the complete file appears.
        subtype: libsndfile's name of the codec.
        sample_rate_hz: one that the codec has.
        channels: 1 or 2.
        level: libsndfile's compression level, 0 to 1.
        tags: what is said of the song.
    """

    _HEADERS = 0
    _MARK, _END = b"", b""
    """What the packet of comments begins and ends with."""

    def __init__(
        self, destination: Path, subtype: str, *, sample_rate_hz: int, channels: int, level: float, tags: Tags
    ) -> None:
        super().__init__(
            destination,
            samplerate=sample_rate_hz,
            channels=channels,
            format="OGG",
            subtype=subtype,
            compression_level=level,
        )
        self._tags = tags

    def write(self, block: FloatBlock) -> None:
        """Take samples."""
        # libvorbis lays out what it is given on the stack: a long block ends the process.
        for start in range(0, len(block), _BLOCK_FRAMES):
            self._put(block[start : start + _BLOCK_FRAMES])

    def _close(self, *, complete: bool) -> None:
        self._close_file()
        if complete:
            with self._temporary.open("r+b") as file:
                packets, end = ogg.read_headers(file, self._HEADERS)
                comments = vorbis_comments(self._tags, vendor(packets[1][len(self._MARK) :]), with_cover=True)
                packets[1] = self._MARK + comments + self._END
                splice(file, 0, end, ogg.header_pages(packets))
                # libsndfile draws the stream's number by lot.
                ogg.set_serial(file)


class VorbisSink(XiphSink):
    """Ogg Vorbis of constant quality."""

    _HEADERS = 3
    _MARK, _END = b"\x03vorbis", b"\x01"

    def __init__(self, destination: Path, *, sample_rate_hz: int, channels: int, tags: Tags) -> None:
        level = 1 - _VORBIS_QUALITY
        super().__init__(
            destination, "VORBIS", sample_rate_hz=sample_rate_hz, channels=channels, level=level, tags=tags
        )


class OpusSink(XiphSink):
    """Ogg Opus of about a bit rate, at most 256 kbit/s a channel, at one of `OPUS_SAMPLE_RATES_HZ`."""

    _HEADERS = 2
    _MARK = b"OpusTags"

    def __init__(self, destination: Path, *, sample_rate_hz: int, channels: int, bitrate_kbps: int, tags: Tags) -> None:
        lowest, highest = _OPUS_KBPS
        level = (highest - min(bitrate_kbps / channels, highest)) / (highest - lowest)
        super().__init__(destination, "OPUS", sample_rate_hz=sample_rate_hz, channels=channels, level=level, tags=tags)
