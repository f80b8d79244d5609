"""Probe: what a track is, found out by decoding all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tonearm_audio.container import Container
from tonearm_audio.decode import Limits, Source


@dataclass(frozen=True)
class Probe:
    """What a file holds.

    Attributes:
        container: "wav", "aiff", "flac", "mp3", "ogg", "mp4", "webm", "matroska" or "adts".
        codec: name of the encoding, lower case: "pcm_16", "mpeg_layer_iii", "aac", "alac", "opus", "vorbis".
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        frames: frames counted by decoding.
        duration_s: frames / sample_rate_hz.
        size_bytes: the file's size.
    """

    container: Container
    codec: str
    sample_rate_hz: int
    channels: int
    frames: int
    duration_s: float
    size_bytes: int


def probe(path: Path, *, limits: Limits) -> Probe:
    """Decode a file from end to end and say what it holds.

    Args:
        path: the file; its name plays no part.
        limits: what it may be.

    Raises:
        AudioError: any `track.*` code, with the value, the limit and the mend.
        OSError: the file cannot be opened.
    """
    with Source(path, limits=limits) as source:
        for _ in source.blocks():
            pass
        return Probe(
            container=source.container,
            codec=source.codec,
            sample_rate_hz=source.sample_rate_hz,
            channels=source.channels,
            frames=source.frames,
            duration_s=source.frames / source.sample_rate_hz,
            size_bytes=path.stat().st_size,
        )
