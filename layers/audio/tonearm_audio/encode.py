"""Sinks: a stream of float32 blocks becomes a WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus or M4A file, whole or not at all.

A file is written under a temporary name beside its destination and takes the destination's name when it is complete.
"""

from __future__ import annotations

from pathlib import Path

from tonearm_audio import lame
from tonearm_audio.dither import Quantizer
from tonearm_audio.errors import AudioError
from tonearm_audio.mp3 import Mp3Sink
from tonearm_audio.output_format import OutputFormat
from tonearm_audio.packets import FloatBlock
from tonearm_audio.sink import LibsndfileSink, Sink
from tonearm_audio.tag_writing import id3, ilst, tag_flac, tag_wav, wav_chunks
from tonearm_audio.tags import Tags
from tonearm_audio.xiph import OPUS_SAMPLE_RATES_HZ, OpusSink, VorbisSink

_WAV_LIMIT_BYTES = 0xFFFF0000


def output_sample_rate(sample_rate_hz: int, output: OutputFormat) -> int:
    """The rate that a render has: the source's own, except where the codec has no such rate.

    MP3 and AAC take nine rates up to 48 kHz (AAC's three higher ones are left to lossless files). Others go to the
    nearest rate that divides them (96 to 48 kHz, 88.2 to 44.1 kHz), or to the next higher one, 48 kHz at most. Opus
    takes 8, 12, 16, 24 and 48 kHz; all others go to 48 kHz.
    """
    if output.codec == "opus":
        return sample_rate_hz if sample_rate_hz in OPUS_SAMPLE_RATES_HZ else max(OPUS_SAMPLE_RATES_HZ)
    if output.codec not in {"mp3", "m4a"} or sample_rate_hz in lame.SAMPLE_RATES_HZ:
        return sample_rate_hz
    divisors = [rate for rate in lame.SAMPLE_RATES_HZ if rate >= 32000 and sample_rate_hz % rate == 0]
    higher = [rate for rate in lame.SAMPLE_RATES_HZ if rate > sample_rate_hz]
    return max(divisors) if divisors else min(higher, default=48000)


def open_sink(
    destination: Path,
    *,
    output: OutputFormat,
    sample_rate_hz: int,
    channels: int,
    tags: Tags | None = None,
    wide: bool = False,
) -> Sink:
    """Open the sink for an output format.

    Args:
        destination: where the complete file appears; its folder must exist.
        output: codec and its setting.
        sample_rate_hz: rate of the blocks that will be written, as `output_sample_rate` gives it.
        channels: 1 or 2.
        tags: what the file is to say about the song; None says nothing.
        wide: left and right are known to be so unlike that an encoder need not look for what they share.
    """
    said = tags or Tags()
    if output.codec == "mp3":
        settings = lame.Settings(sample_rate_hz, channels, output.bitrate_kbps, output.variable, joint=not wide)
        return Mp3Sink(destination, settings, head=id3(said))
    if output.codec == "ogg":
        return VorbisSink(destination, sample_rate_hz=sample_rate_hz, channels=channels, tags=said)
    if output.codec == "opus":
        rate, kbps = sample_rate_hz, output.bitrate_kbps
        return OpusSink(destination, sample_rate_hz=rate, channels=channels, bitrate_kbps=kbps, tags=said)
    if output.codec == "m4a":
        from tonearm_audio.aac import AacSink  # noqa: PLC0415  (for AAC only)

        return AacSink(destination, sample_rate_hz, channels, output.bitrate_kbps, items=ilst(said))
    return _PcmSink(destination, output, sample_rate_hz, channels, said)


class _PcmSink(LibsndfileSink):
    """WAV and FLAC through libsndfile."""

    def __init__(self, destination: Path, output: OutputFormat, sample_rate_hz: int, channels: int, tags: Tags) -> None:
        super().__init__(
            destination,
            samplerate=sample_rate_hz,
            channels=channels,
            format=output.codec.upper(),
            subtype=f"PCM_{output.bit_depth}",
        )
        self._tags = tags
        self._put_tags = tag_wav if output.codec == "wav" else tag_flac
        self._bits = output.bit_depth
        self._quantize = Quantizer(output.bit_depth)
        self._room = _WAV_LIMIT_BYTES - len(wav_chunks(tags)) if output.codec == "wav" else None

    def write(self, block: FloatBlock) -> None:
        if self._room is not None:
            self._room -= block.size * self._bits // 8
            if self._room < 0:
                raise AudioError(
                    "recipe.invalid",
                    "The render is larger than the 4 GiB that a WAV file can hold.",
                    value="more than 4 GiB",
                    limit="4 GiB",
                    mend="Choose flac as the output format.",
                )
        # libsndfile reads the high bits of the integer type it is handed.
        self._put(self._quantize(block))

    def _close(self, *, complete: bool) -> None:
        self._close_file()
        if complete and self._tags:
            with self._temporary.open("r+b") as file:
                self._put_tags(file, self._tags)
