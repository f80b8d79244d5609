"""Ogg Vorbis and Ogg Opus through libsndfile: the same samples give the same bytes, however they are cut."""

from __future__ import annotations

import os
from pathlib import Path

import soundfile

from tonearm_audio import ogg
from tonearm_audio.packets import FloatBlock
from tonearm_audio.sink import Sink

OPUS_SAMPLE_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
_VORBIS_QUALITY = 0.8
"""Of 1.0; some 256 kbit/s for music in stereo at 44.1 kHz."""
_BLOCK_FRAMES = 2048
_OPUS_KBPS = (6.0, 256.0)
"""What libsndfile's compression levels 1 and 0 stand for, a channel."""


class _OggSink(Sink):
    """One stream in Ogg."""

    def __init__(self, destination: Path, sample_rate_hz: int, channels: int, subtype: str, level: float) -> None:
        super().__init__(destination)
        self._file = soundfile.SoundFile(
            os.fsencode(self._temporary),
            "w",
            samplerate=sample_rate_hz,
            channels=channels,
            format="OGG",
            subtype=subtype,
            compression_level=level,
        )

    def write(self, block: FloatBlock) -> None:
        """Take samples."""
        # libvorbis lays out what it is given on the stack: a long block ends the process.
        for start in range(0, len(block), _BLOCK_FRAMES):
            self._file.write(block[start : start + _BLOCK_FRAMES])

    def _close(self, *, complete: bool) -> None:
        self._file.close()
        if complete:
            # libsndfile draws the stream's number by lot.
            with self._temporary.open("r+b") as file:
                ogg.set_serial(file)


class VorbisSink(_OggSink):
    """Ogg Vorbis of constant quality."""

    def __init__(self, destination: Path, sample_rate_hz: int, channels: int) -> None:
        super().__init__(destination, sample_rate_hz, channels, "VORBIS", 1 - _VORBIS_QUALITY)


class OpusSink(_OggSink):
    """Ogg Opus of about a bit rate, at most 256 kbit/s a channel.

    Args:
        destination: where the complete file appears.
        sample_rate_hz: one of `OPUS_SAMPLE_RATES_HZ`.
        channels: 1 or 2.
        bitrate_kbps: on average.
    """

    def __init__(self, destination: Path, sample_rate_hz: int, channels: int, bitrate_kbps: int) -> None:
        lowest, highest = _OPUS_KBPS
        level = (highest - min(bitrate_kbps / channels, highest)) / (highest - lowest)
        super().__init__(destination, sample_rate_hz, channels, "OPUS", level)
