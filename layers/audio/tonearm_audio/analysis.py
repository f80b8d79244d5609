"""Analyze: everything that is measured on a track, in one decode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from tonearm_audio.decode import Source
from tonearm_audio.loudness import LoudnessMeter, MeasuredLoudness
from tonearm_audio.peaks import Peaks, PeaksMeter, mono
from tonearm_audio.tempo import ANALYSIS_RATE_HZ, OnsetMeter, Pulse, find_pulse
from tonearm_audio.version import ENGINE_VERSION


@dataclass(frozen=True)
class Analysis:
    """What was measured on a track.

    Attributes:
        frames: frames counted by decoding.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        pulse: tempo, confidence and beats.
        loudness: loudness and its highest peaks.
        peaks: the waveform, a document of its own.
    """

    frames: int
    sample_rate_hz: int
    channels: int
    pulse: Pulse
    loudness: MeasuredLoudness
    peaks: Peaks

    @property
    def duration_s(self) -> float:
        """The counted length in seconds."""
        return self.frames / self.sample_rate_hz

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, all but the waveform: tempo to a hundredth of a bpm, times to a millisecond."""
        tempo = self.pulse.tempo_bpm
        return {
            "engine_version": ENGINE_VERSION,
            "duration_s": round(self.duration_s, 6),
            "frames": self.frames,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "tempo_bpm": None if tempo is None else round(tempo, 2),
            "tempo_confidence": round(self.pulse.confidence, 3),
            "beats_s": [round(beat, 3) for beat in self.pulse.beats_s],
            "loudness": self.loudness.to_dict(),
        }


def analyze(path: Path, *, on_progress: Callable[[float], None] | None = None) -> Analysis:
    """Measure duration, loudness, peaks, tempo and beats of a file.

    Args:
        path: a file of any format in docs/formats.md, mono or stereo.
        on_progress: called with 0.0 to 1.0, rising.

    Raises:
        AudioError: any `track.*` code.
        OSError: the file cannot be opened.

    Example:
        >>> analyze(Path("song.mp3")).to_dict()["tempo_bpm"]
        104.0
    """
    with Source(path) as source:
        meter = LoudnessMeter(source.sample_rate_hz, source.channels)
        peaks = PeaksMeter(source.sample_rate_hz)
        onsets = OnsetMeter()
        down = soxr.ResampleStream(source.sample_rate_hz, ANALYSIS_RATE_HZ, 1, dtype="float32", quality="MQ")
        expected = source.expected_frames
        for block in source.blocks():
            meter.feed(block)
            line = mono(block)
            peaks.feed(line)
            onsets.feed(down.resample_chunk(line))
            if on_progress is not None and expected:
                on_progress(min(0.9, 0.9 * source.frames / expected))
        onsets.feed(down.resample_chunk(np.zeros(0, np.float32), last=True))
        pulse = find_pulse(onsets.strength())
        if on_progress is not None:
            on_progress(1.0)
        return Analysis(source.frames, source.sample_rate_hz, source.channels, pulse, meter.result(), peaks.result())
