"""What one file holds, all that a promise may be held against, measured in one decode."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonearm_audio.circling import Image, ImageMeter
from tonearm_audio.clipping import FULL_SCALE
from tonearm_audio.decode import FloatBlock, Source
from tonearm_audio.envelope import Envelope, EnvelopeMeter
from tonearm_audio.long_term_spectrum import LongTermSpectrum, LongTermSpectrumMeter
from tonearm_audio.loudness import LoudnessMeter, MeasuredLoudness
from tonearm_audio.peaks import Peaks, PeaksMeter, mono


@dataclass(frozen=True)
class Span:
    """A part of a file, in seconds; `end_s` may lie beyond it."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Measured:
    """What one file holds.

    Attributes:
        frames: of the whole file.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        peak: highest sample of the part that was measured, 1.0 for full scale.
        spectrum: of that part, as everything below.
        envelope: level over time.
        clipped_percent: share of samples at full scale or beyond.
        peaks: the waveform.
        loudness: by BS.1770.
        image: left against right over time.
    """

    frames: int
    sample_rate_hz: int
    channels: int
    peak: float
    spectrum: LongTermSpectrum
    envelope: Envelope
    clipped_percent: float
    peaks: Peaks
    loudness: MeasuredLoudness
    image: Image


def measure(path: Path, *, span: Span, report: Callable[[float], None]) -> Measured:
    """Decode a file and measure a part of it.

    Args:
        path: the file.
        span: the part.
        report: told the share of the file that has been read.

    Raises:
        AudioError: any `track.*` code.
        OSError: the file cannot be opened.
    """
    with Source(path) as opened:
        first = round(span.start_s * opened.sample_rate_hz)
        last = sys.maxsize if math.isinf(span.end_s) else round(span.end_s * opened.sample_rate_hz)
        meters = _Meters(opened.sample_rate_hz, opened.channels)
        for block in opened.blocks():
            start = opened.frames - len(block)
            part = block[max(0, first - start) : max(0, last - start)]
            if len(part):
                meters.feed(part)
            if opened.expected_frames:
                report(min(1.0, opened.frames / opened.expected_frames))
        return meters.result(opened.frames)


class _Meters:
    """Every meter, fed with the same blocks."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._format = (sample_rate_hz, channels)
        self._spectrum = LongTermSpectrumMeter(sample_rate_hz, channels)
        self._envelope = EnvelopeMeter(sample_rate_hz)
        self._peaks = PeaksMeter(sample_rate_hz)
        self._loudness = LoudnessMeter(sample_rate_hz, channels)
        self._image = ImageMeter(sample_rate_hz, channels)
        self._peak = 0.0
        self._clipped = self._samples = 0

    def feed(self, block: FloatBlock) -> None:
        for meter in (self._spectrum, self._envelope, self._loudness, self._image):
            meter.feed(block)
        self._peaks.feed(mono(block))
        size = np.abs(block)
        self._peak = max(self._peak, float(size.max()))
        self._clipped += int(np.count_nonzero(size >= FULL_SCALE))
        self._samples += size.size

    def result(self, frames: int) -> Measured:
        sample_rate_hz, channels = self._format
        return Measured(
            frames=frames,
            sample_rate_hz=sample_rate_hz,
            channels=channels,
            peak=self._peak,
            spectrum=self._spectrum.result(),
            envelope=self._envelope.result(),
            clipped_percent=100 * self._clipped / max(1, self._samples),
            peaks=self._peaks.result(),
            loudness=self._loudness.result(),
            image=self._image.result(),
        )
