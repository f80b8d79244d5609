"""LAME's own interface, in the shared library that `lameenc` brings, which wraps only a part of it.

The calls into LAME let go of the interpreter's lock, so threads encode side by side. The samples are handed over as
floats: nothing is rounded before LAME's own transform. Source: include/lame.h of LAME 3.100 and 4.0.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import lameenc
import numpy as np

from tonearm_audio import mpeg
from tonearm_audio.packets import FloatBlock

SAMPLE_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
DELAY = 576
"""Samples that LAME's output lags behind its input, the decoder's own 529 not counted."""
_QUALITY = 5
_VBR_MTRH = 4
_STEREO, _MONO = 0, 3
_FULL_SCALE = 32768 / 32767
"""LAME multiplies floats by 32,767; what is on the 16-bit grid is to stay there."""
_PIECE_FRAMES = 1 << 15
_VBR_KBPS = (245.0, 225.0, 190.0, 175.0, 165.0, 130.0, 115.0, 100.0, 85.0, 65.0)
"""What V0 to V9 come to for music in stereo at 44.1 kHz (lame --longhelp)."""


@dataclass(frozen=True)
class Settings:
    """How to encode.

    Args:
        sample_rate_hz: one of `SAMPLE_RATES_HZ`.
        channels: 1 or 2.
        bitrate_kbps: of every frame; at most what the rate allows is used. With `variable`, about what is wanted.
        variable: let LAME choose each frame's bit rate, by a quality.
        joint: let LAME choose for each frame whether middle and sides take fewer bits than left and right. It hears
            both to know, which takes a seventh of its time; in vain where left and right differ as much as they can.
    """

    sample_rate_hz: int
    channels: int
    bitrate_kbps: int
    variable: bool
    joint: bool = True

    @property
    def frame_samples(self) -> int:
        """Samples a channel in a frame."""
        return 1152 if self.sample_rate_hz >= 32000 else 576

    @property
    def constant_kbps(self) -> int:
        """The bit rate of a constant-rate file: at most what MPEG-1, 2 or 2.5 has."""
        highest = 320 if self.sample_rate_hz >= 32000 else 160 if self.sample_rate_hz >= 16000 else 64
        return min(self.bitrate_kbps, highest)

    @property
    def vbr_quality(self) -> float:
        """LAME's V from 0 (best) to 9 that comes to the bit rate for music in stereo at 44.1 kHz."""
        descending = range(len(_VBR_KBPS))
        return float(np.interp(-self.bitrate_kbps, [-kbps for kbps in _VBR_KBPS], descending))


@cache
def _library() -> ctypes.CDLL:
    """The extension module itself: its wheels export all that LAME does."""
    library = ctypes.CDLL(lameenc.__file__)
    library.lame_init.restype = ctypes.c_void_p
    library.lame_get_scale.restype = ctypes.c_float
    return library


def _set(encoder: ctypes.c_void_p, **values: float) -> None:
    for name, value in values.items():
        given = ctypes.c_float(value) if isinstance(value, float) else value
        if getattr(_library(), f"lame_set_{name}")(encoder, given) < 0:
            raise RuntimeError(f"LAME refuses {value} for {name}")


@contextmanager
def _encoder(settings: Settings, scale: float) -> Iterator[ctypes.c_void_p]:
    """An encoder of which every frame depends on its near past alone, so that it may begin anywhere in a song."""
    pointer = _library().lame_init()
    if not pointer:
        raise MemoryError("LAME cannot begin")
    encoder = ctypes.c_void_p(pointer)
    try:
        _set(
            encoder,
            in_samplerate=settings.sample_rate_hz,
            out_samplerate=settings.sample_rate_hz,
            num_channels=settings.channels,
            quality=_QUALITY,
            scale=scale,
            bWriteVbrTag=0,
            # No bits saved up for later frames, and no threshold of hearing that follows the music for seconds.
            disable_reservoir=1,
            athaa_type=0,
        )
        if settings.channels == 1:
            _set(encoder, mode=_MONO)
        elif not settings.joint:
            _set(encoder, mode=_STEREO)
        if settings.variable:
            _set(encoder, VBR=_VBR_MTRH, VBR_quality=settings.vbr_quality)
        else:
            _set(encoder, brate=settings.constant_kbps)
        if _library().lame_init_params(encoder) < 0:
            raise RuntimeError(f"LAME refuses {settings}")
        yield encoder
    finally:
        _library().lame_close(encoder)


@cache
def _level(settings: Settings) -> float:
    """What undoes LAME's own scale: at low bit rates it turns its input down by up to 0.45 dB, against clipping."""
    with _encoder(settings, 1.0) as encoder:
        return _FULL_SCALE / float(_library().lame_get_scale(encoder))


def encode(samples: FloatBlock, settings: Settings, *, ends: bool = True) -> list[bytes]:
    """Encode a stretch of sound on its own.

    Args:
        samples: np.ndarray [shape=(frames, channels), dtype=float32] within ±1.0.
        settings: how.
        ends: whether nothing follows; otherwise the last frame, which hears what does, is left out.

    Returns:
        Its MP3 frames, which need no other.
    """
    library, channels = _library(), settings.channels
    room = ctypes.create_string_buffer(2 * _PIECE_FRAMES * channels + 7200)
    found: list[bytes] = []

    def keep(count: int) -> None:
        if count < 0:
            raise RuntimeError(f"LAME failed with {count}")
        found.append(room.raw[:count])

    with _encoder(settings, _level(settings)) as encoder:
        for start in range(0, len(samples), _PIECE_FRAMES):
            piece = np.ascontiguousarray(samples[start : start + _PIECE_FRAMES])
            data, size = ctypes.c_void_p(piece.ctypes.data), ctypes.c_int(len(piece))
            if channels == 1:
                keep(library.lame_encode_buffer_ieee_float(encoder, data, data, size, room, len(room)))
            else:
                keep(library.lame_encode_buffer_interleaved_ieee_float(encoder, data, size, room, len(room)))
        if ends:
            keep(library.lame_encode_flush(encoder, room, len(room)))
    return mpeg.split_frames(b"".join(found))
