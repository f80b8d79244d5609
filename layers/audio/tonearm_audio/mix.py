"""Mix: other files are decoded beside the song, each through a strip of its own, and added to it.

A strip is an equalizer, a compressor, a reverb, a gain and a pan, in this order, as on a mixing desk. Nothing is held
back: at any moment a block of each file is in memory, and at most sixteen decoders are open, each from the moment at
which its file is first heard to its end.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path

import numpy as np

from tonearm_audio.decode import BLOCK_FRAMES, FloatBlock, Source
from tonearm_audio.operations import Mix, MixTrack
from tonearm_audio.resample import fit_length, resample

_STRIP = ("equalize", "compress", "reverb")


def process(
    blocks: Iterator[FloatBlock],
    *,
    operation: Mix,
    sample_rate_hz: int,
    channels: int,  # noqa: ARG001  # as every operation is called; a block says it too
) -> Iterator[FloatBlock]:
    """Mix other files into a stream.

    Files of another rate are resampled to the stream's. The sum is left as it is, whatever its peak: the engine brings
    it below full scale at the end.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32], of any length.
        operation: the files, their strips, and gain and pan of the stream itself.
        sample_rate_hz: of the stream.
        channels: 1 or 2.

    Yields:
        np.ndarray [shape=(frames, 2), dtype=float32]: as long as whatever ends last, reverberation included.

    Raises:
        AudioError: any `track.*` code for one of the files.
        OSError: one of them cannot be read.
    """
    with ExitStack() as opened:
        others = [
            _Voice(opened.enter_context(closing(_strip(track, sample_rate_hz))), _start(track, sample_rate_hz))
            for track in operation.tracks
        ]
        for block in blocks:
            yield _added(panned(block, gain_db=operation.gain_db, pan=operation.pan), others)
        while any(voice.sounds for voice in others):
            heard = [voice.take(BLOCK_FRAMES) for voice in others]
            mixed = np.zeros((max(map(len, heard)), 2), np.float32)
            for part in heard:
                mixed[: len(part)] += part
            if len(mixed):
                yield mixed


def mixed_frames(operation: Mix, sample_rate_hz: int) -> int:
    """How many frames after the beginning the last of the other files ends, its reverberation included.

    The files are decoded for it: what a header says of a length may be wrong.

    Args:
        operation: the files.
        sample_rate_hz: of the song that they are mixed into.

    Raises:
        AudioError: any `track.*` code for one of the files.
        OSError: one of them cannot be read.
    """
    counted = {track.path: _frames(track.path, sample_rate_hz) for track in operation.tracks}

    def end(track: MixTrack) -> int:
        tail = round(track.reverb.tail_s * sample_rate_hz) if track.reverb is not None else 0
        return _start(track, sample_rate_hz) + counted[track.path] + tail

    return max(end(track) for track in operation.tracks)


def panned(block: FloatBlock, *, gain_db: float, pan: float) -> FloatBlock:
    """Place a block in the stereo image, by constant power.

    Mono is panned by the sine-cosine law (Blumlein, British patent 394,325, 1931): left cos, right sin of (pan + 1)
    times 45 degrees, so that the middle is 3 dB down on each side and no louder than an end. Of stereo the channel on
    the side that it is panned away from wanders over by the same law, and the other one stays: in the middle nothing is
    changed, at an end both are heard there, and nothing is lost on the way. So has it StereoPannerNode in W3C's Web
    Audio API.

    Args:
        block: np.ndarray [shape=(frames, channels), dtype=float32], mono or stereo.
        gain_db: of both.
        pan: -1 (left) to 1 (right).

    Returns:
        np.ndarray [shape=(frames, 2), dtype=float32].
    """
    gain = math.pow(10.0, gain_db / 20.0)
    out = np.empty((len(block), 2), np.float32)
    if block.shape[1] == 1:
        angle = (pan + 1.0) * math.pi / 4.0
        np.multiply(block[:, 0], np.float32(gain * math.cos(angle)), out=out[:, 0])
        np.multiply(block[:, 0], np.float32(gain * math.sin(angle)), out=out[:, 1])
        return out
    np.multiply(block, np.float32(gain), out=out)
    if pan != 0.0:
        near, far = (1, 0) if pan > 0.0 else (0, 1)
        angle = abs(pan) * math.pi / 2.0
        out[:, near] += out[:, far] * np.float32(math.sin(angle))
        out[:, far] *= np.float32(math.cos(angle))
    return out


class _Voice:
    """One of the other files as it is heard: silent until its start, then its strip's frames, then over."""

    def __init__(self, strip: Generator[FloatBlock], start: int) -> None:
        self._strip = strip
        self._silent = start
        self._held = np.zeros((0, 2), np.float32)
        self.sounds = True
        """Whether there may be more to come."""

    def take(self, frames: int) -> FloatBlock:
        """The next np.ndarray [shape=(frames, 2), dtype=float32]; fewer at the end, and then none."""
        parts, missing = [], frames
        if self._silent:
            parts.append(np.zeros((min(missing, self._silent), 2), np.float32))
            self._silent -= len(parts[0])
            missing -= len(parts[0])
        while missing and self.sounds:
            if not len(self._held):
                following = next(self._strip, None)
                if following is None:
                    self.sounds = False
                    break
                self._held = following
            parts.append(self._held[:missing])
            self._held = self._held[missing:]
            missing -= len(parts[-1])
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)


def _added(mixed: FloatBlock, others: list[_Voice]) -> FloatBlock:
    for voice in others:
        part = voice.take(len(mixed))
        mixed[: len(part)] += part
    return mixed


def _strip(track: MixTrack, sample_rate_hz: int) -> Generator[FloatBlock]:
    with Source(track.path) as source:
        blocks, channels = source.blocks(), source.channels
        if source.sample_rate_hz != sample_rate_hz:
            blocks = resample(blocks, ratio=source.sample_rate_hz / sample_rate_hz, channels=channels)
            blocks = fit_length(blocks, frames=lambda: _resampled(source, sample_rate_hz), channels=channels)
        for name in _STRIP:
            operation = getattr(track, name)
            if operation is not None:
                blocks = import_module(f"tonearm_audio.{name}").process(
                    blocks, operation=operation, sample_rate_hz=sample_rate_hz, channels=channels
                )
        for block in blocks:
            yield panned(block, gain_db=track.gain_db, pan=track.pan)


def _start(track: MixTrack, sample_rate_hz: int) -> int:
    return round(track.start_s * sample_rate_hz)


def _frames(path: Path, sample_rate_hz: int) -> int:
    with Source(path) as source:
        for _ in source.blocks():
            pass
        return _resampled(source, sample_rate_hz)


def _resampled(source: Source, sample_rate_hz: int) -> int:
    return max(1, round(source.frames * sample_rate_hz / source.sample_rate_hz))
