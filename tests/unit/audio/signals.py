"""Sounds of known content for the tests of the audio engine."""

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tonearm_audio.decode import FloatBlock

Samples = npt.NDArray[np.float64]
RATE = 44_100


def tone(
    frequency_hz: float, seconds: float, *, level_db: float = -12.0, rate: int = RATE, channels: int = 2
) -> Samples:
    """A sine, alike in all channels [shape=(frames, channels)]."""
    time = np.arange(round(seconds * rate)) / rate
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency_hz * time)
    return np.repeat(wave[:, np.newaxis], channels, axis=1)


def noise(seconds: float, *, rate: int = RATE, channels: int = 2, seed: int = 1, gain: float = 0.1) -> Samples:
    """White noise, different in each channel."""
    return gain * np.random.default_rng(seed).standard_normal((round(seconds * rate), channels))


def clicks(times_s: Sequence[float], seconds: float, *, rate: int = RATE) -> Samples:
    """Short bursts at given times over silence, in stereo."""
    out = np.zeros((round(seconds * rate), 2))
    length = rate // 100
    burst = np.random.default_rng(5).standard_normal(length) * np.exp(-np.arange(length) / (length / 5)) * 0.4
    for at in times_s:
        start = round(at * rate)
        room = out[start : start + length]
        room += burst[: len(room), np.newaxis]
    return out


def blocks(samples: Samples | FloatBlock, *sizes: int) -> Iterator[FloatBlock]:
    """A stream: the samples in blocks of these sizes, again and again."""
    start = 0
    for size in cycle(sizes or (65_536,)):
        if start >= len(samples):
            return
        yield samples[start : start + size].astype(np.float32)
        start += size


def processed(
    process: Callable[..., Iterator[FloatBlock]],
    operation: object,
    samples: Samples | FloatBlock,
    *sizes: int,
    rate: int = RATE,
) -> FloatBlock:
    """What an operation makes of a stream of blocks of these sizes."""
    channels = samples.shape[1]
    made = list(process(blocks(samples, *sizes), operation=operation, sample_rate_hz=rate, channels=channels))
    return np.concatenate(made) if made else np.zeros((0, channels), np.float32)


def write(path: Path, samples: Samples, *, rate: int = RATE, subtype: str | None = None) -> Path:
    """Write samples by the path's suffix."""
    soundfile.write(str(path), samples, rate, subtype=subtype)
    return path


def wav_bytes(
    data: bytes,
    *,
    channels: int = 2,
    rate: int = RATE,
    bits: int = 16,
    claimed: int | None = None,
    frame_bytes: int | None = None,
) -> bytes:
    """A WAV file built by hand, so that its header can lie."""
    frame = channels * bits // 8 if frame_bytes is None else frame_bytes
    size = len(data) if claimed is None else claimed
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, bits)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def run_python(code: str, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=120, env=env
    )
    return done.stdout
