"""Sinks: a stream of float32 blocks becomes a WAV, FLAC, MP3 or Ogg Vorbis file, whole or not at all.

A file is written under a temporary name beside its destination and takes the destination's name when it is complete.
"""

from __future__ import annotations

import math
import os
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import lameenc
import numpy as np
import numpy.typing as npt
import soundfile

from tonearm_audio import mpeg, ogg
from tonearm_audio.decode import FloatBlock
from tonearm_audio.errors import AudioError
from tonearm_audio.output_format import OutputFormat

MP3_SAMPLE_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_LAME_DELAY = 576
_LAME_QUALITY = 5
_LAME_SCALES = ((160, 0.95), (192, 0.97), (224, 0.98))
_DITHER_SEED = 1
_WAV_LIMIT_BYTES = 0xFFFF0000
_VORBIS_QUALITY = 0.8
"""Of 1.0; some 256 kbit/s for music in stereo at 44.1 kHz."""
_VORBIS_BLOCK_FRAMES = 2048


def output_sample_rate(sample_rate_hz: int, output: OutputFormat) -> int:
    """The rate that a render has: the source's own, except where MP3 has no such rate.

    MP3 takes nine rates up to 48 kHz. Others go to the nearest rate that divides them (96 to 48 kHz, 88.2 to 44.1 kHz),
    or to the next higher one, 48 kHz at most.
    """
    if output.codec != "mp3" or sample_rate_hz in MP3_SAMPLE_RATES_HZ:
        return sample_rate_hz
    divisors = [rate for rate in MP3_SAMPLE_RATES_HZ if rate >= 32000 and sample_rate_hz % rate == 0]
    higher = [rate for rate in MP3_SAMPLE_RATES_HZ if rate > sample_rate_hz]
    return max(divisors) if divisors else min(higher, default=48000)


def encoder_loss_db(output: OutputFormat) -> float:
    """By how much an encoder turns its input down before it encodes it, in dB.

    LAME does at low bit rates, against clipping: its scale is 0.95 up to 160 kbit/s, 0.97 at 192, 0.98 at 224.
    """
    scale = next((scale for kbps, scale in _LAME_SCALES if output.bitrate_kbps <= kbps), 1.0)
    return -20 * math.log10(scale) if output.codec == "mp3" else 0.0


class Sink(ABC):
    """A file being written; use it as a context manager.

    Leaving the context without an error puts the file in place; leaving it with one leaves nothing behind.
    """

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        handle, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.", suffix=".part")
        os.close(handle)
        self._temporary = Path(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close(complete=error is None)
            if error is None:
                # mkstemp gives 0600; a render is an ordinary file.
                self._temporary.chmod(0o644)
                self._temporary.replace(self._destination)
        finally:
            self._temporary.unlink(missing_ok=True)

    @abstractmethod
    def write(self, block: FloatBlock) -> None:
        """Append np.ndarray [shape=(frames, channels), dtype=float32] within ±1.0."""

    @abstractmethod
    def _close(self, *, complete: bool) -> None:
        """Finish the temporary file, or just let go of it."""


def open_sink(destination: Path, *, output: OutputFormat, sample_rate_hz: int, channels: int) -> Sink:
    """Open the sink for an output format.

    Args:
        destination: where the complete file appears; its folder must exist.
        output: codec and its setting.
        sample_rate_hz: rate of the blocks that will be written, as `output_sample_rate` gives it.
        channels: 1 or 2.
    """
    if output.codec == "mp3":
        return _Mp3Sink(destination, output.bitrate_kbps, sample_rate_hz, channels)
    if output.codec == "ogg":
        return _VorbisSink(destination, sample_rate_hz, channels)
    return _PcmSink(destination, output, sample_rate_hz, channels)


class _Quantizer:
    """Rounds to integers with triangular dither of two quanta, unless the samples are on the grid already.

    Dither makes the rounding error independent of the music (Lipshitz, Wannamaker and Vanderkooy 1992). Samples that
    are on the grid, such as untouched 16-bit audio and digital silence, have no error and pass exactly.
    """

    def __init__(self, bits: int) -> None:
        self._scale = np.float32(2 ** (bits - 1))
        self._random = np.random.Generator(np.random.PCG64(_DITHER_SEED))

    def __call__(self, block: FloatBlock) -> npt.NDArray[np.int32]:
        scaled = block * self._scale
        rounded = np.rint(scaled)
        if not np.array_equal(rounded, scaled):
            noise = self._random.random(scaled.shape, dtype=np.float32)
            noise -= self._random.random(scaled.shape, dtype=np.float32)
            rounded = np.rint(scaled + noise)
        integers: npt.NDArray[np.int32] = np.clip(rounded, -self._scale, self._scale - 1).astype(np.int32)
        return integers


class _PcmSink(Sink):
    """WAV and FLAC through libsndfile."""

    def __init__(self, destination: Path, output: OutputFormat, sample_rate_hz: int, channels: int) -> None:
        super().__init__(destination)
        self._bits = output.bit_depth
        self._quantize = _Quantizer(output.bit_depth)
        self._room = _WAV_LIMIT_BYTES if output.codec == "wav" else None
        # The bytes of a path: on Linux a name need not be text.
        self._file = soundfile.SoundFile(
            os.fsencode(self._temporary),
            "w",
            samplerate=sample_rate_hz,
            channels=channels,
            format=output.codec.upper(),
            subtype=f"PCM_{output.bit_depth}",
        )

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
        integers = self._quantize(block)
        # libsndfile reads the high bits of the integer type it is handed.
        self._file.write(integers.astype(np.int16) if self._bits == 16 else integers << 8)

    def _close(self, *, complete: bool) -> None:  # noqa: ARG002  (libsndfile writes its header either way)
        self._file.close()


class _VorbisSink(Sink):
    """Ogg Vorbis through libsndfile, of constant quality; the same samples give the same bytes."""

    def __init__(self, destination: Path, sample_rate_hz: int, channels: int) -> None:
        super().__init__(destination)
        self._file = soundfile.SoundFile(
            os.fsencode(self._temporary),
            "w",
            samplerate=sample_rate_hz,
            channels=channels,
            format="OGG",
            subtype="VORBIS",
            compression_level=1 - _VORBIS_QUALITY,
        )

    def write(self, block: FloatBlock) -> None:
        # libvorbis lays out what it is given on the stack: a long block ends the process.
        for start in range(0, len(block), _VORBIS_BLOCK_FRAMES):
            self._file.write(block[start : start + _VORBIS_BLOCK_FRAMES])

    def _close(self, *, complete: bool) -> None:
        self._file.close()
        if complete:
            # libsndfile draws the stream's number by lot.
            with self._temporary.open("r+b") as file:
                ogg.set_serial(file)


class _Mp3Sink(Sink):
    """Constant-bit-rate MP3 by LAME, with a tag of our own that makes it gapless to the sample."""

    def __init__(self, destination: Path, bitrate_kbps: int, sample_rate_hz: int, channels: int) -> None:
        super().__init__(destination)
        self._quantize = _Quantizer(16)
        self._samples = 0
        self._head = b""
        self._tag_bytes = 0
        self._file: BinaryIO = self._temporary.open("w+b")
        highest = 320 if sample_rate_hz >= 32000 else 160 if sample_rate_hz >= 16000 else 64
        self._encoder = lameenc.Encoder()
        self._encoder.silence()
        self._encoder.set_channels(channels)
        self._encoder.set_in_sample_rate(sample_rate_hz)
        self._encoder.set_out_sample_rate(sample_rate_hz)
        self._encoder.set_bit_rate(min(bitrate_kbps, highest))
        self._encoder.set_quality(_LAME_QUALITY)

    def write(self, block: FloatBlock) -> None:
        self._samples += len(block)
        self._append(bytes(self._encoder.encode(self._quantize(block).astype("<i2").tobytes())))

    def _append(self, data: bytes) -> None:
        if not self._tag_bytes and data:
            self._head = data[:4]
            # Keep the place of the tag, which is written last, when the length is known.
            self._tag_bytes = len(mpeg.info_tag(self._head, frames=0, audio_bytes=0, delay=0, padding=0))
            self._file.write(bytes(self._tag_bytes))
        self._file.write(data)

    def _close(self, *, complete: bool) -> None:
        with self._file:
            if not complete or not self._samples:
                return
            self._append(bytes(self._encoder.flush()))
            size = self._file.tell()
            found = mpeg.scan(self._file, size)
            if found is None:
                raise RuntimeError("LAME wrote no frames")
            padding = found.frames * found.header.samples - _LAME_DELAY - self._samples
            tag = mpeg.info_tag(
                self._head,
                frames=found.frames,
                audio_bytes=size - self._tag_bytes,
                delay=_LAME_DELAY,
                padding=padding,
            )
            self._file.seek(0)
            self._file.write(tag)
