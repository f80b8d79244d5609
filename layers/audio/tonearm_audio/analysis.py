"""Analyze: everything that is measured on a track, in one decode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from tonearm_audio.clipping import Clipping, ClippingMeter
from tonearm_audio.decode import Source
from tonearm_audio.key import ChromaMeter, Key
from tonearm_audio.loudness import LoudnessMeter, MeasuredLoudness
from tonearm_audio.memory import give_back_freed_memory, reuse_freed_memory
from tonearm_audio.peaks import DETAIL_PIXELS, DETAIL_SAMPLES_PER_PIXEL, Peaks, PeaksMeter, mono
from tonearm_audio.silence import Silence, SilenceMeter
from tonearm_audio.spectrogram import Spectrogram, SpectrogramMeter
from tonearm_audio.spectrum import Spectrum, SpectrumMeter
from tonearm_audio.tempo import ANALYSIS_RATE_HZ, BeatMeter, Pulse, find_pulse
from tonearm_audio.version import ENGINE_VERSION

ANALYSIS_VERSION = 2
"""Of the document; its JSON Schema is schemas/analysis-2.schema.json."""

_BLOCK_FRAMES = 1 << 18
"""Six seconds: so many meters cost a tenth less than at a quarter of it, and 2 MB more."""


@dataclass(frozen=True)
class Analysis:
    """What was measured on a track.

    Attributes:
        frames: frames counted by decoding.
        sample_rate_hz: frames a second.
        channels: 1 or 2.
        pulse: tempo, confidence and beats.
        key: tonic and mode; None where there is none.
        loudness: loudness, its course, and the highest peaks.
        spectrum: where the sound lies, from dark to bright; None for a track below -70 dBFS.
        silence: before, after and within the music.
        clipping: where it was cut off at full scale.
        peaks: the waveform, a document of its own.
        peaks_detail: the waveform at 256 samples a pixel, or coarser in a long track.
        spectrogram: a picture.
    """

    frames: int
    sample_rate_hz: int
    channels: int
    pulse: Pulse
    key: Key | None
    loudness: MeasuredLoudness
    spectrum: Spectrum | None
    silence: Silence
    clipping: Clipping
    peaks: Peaks
    peaks_detail: Peaks
    spectrogram: Spectrogram

    @property
    def duration_s(self) -> float:
        """The counted length in seconds."""
        return self.frames / self.sample_rate_hz

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, all but the waveforms and the picture itself: document version 2, docs/analysis.md."""
        tempo = self.pulse.tempo_bpm
        return {
            "version": ANALYSIS_VERSION,
            "engine_version": ENGINE_VERSION,
            "duration_s": round(self.duration_s, 6),
            "frames": self.frames,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "tempo_bpm": None if tempo is None else round(tempo, 2),
            "tempo_confidence": round(self.pulse.confidence, 3),
            "beats_s": [round(beat, 3) for beat in self.pulse.beats_s],
            "tempo_over_time": [
                {"at_s": round(at, 3), "tempo_bpm": round(tempo, 2)} for at, tempo in self.pulse.tempo_over_time()
            ],
            "key": self._key(),
            "loudness": self.loudness.to_dict(),
            "spectrum": None if self.spectrum is None else self.spectrum.to_dict(),
            "silence": self.silence.to_dict(),
            "clipping": self.clipping.to_dict(),
            "spectrogram": self.spectrogram.to_dict(),
        }

    def _key(self) -> dict[str, object] | None:
        if self.key is None:
            return None
        return {"tonic": self.key.tonic, "mode": self.key.mode, "confidence": round(self.key.confidence, 3)}


def analyze(path: Path, *, on_progress: Callable[[float], None] | None = None) -> Analysis:
    """Measure duration, tempo, key, loudness, spectrum, silence, clipping and waveforms of a file, in one decode.

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
    reuse_freed_memory()
    with Source(path) as source:
        found = _measured(source, on_progress)
    give_back_freed_memory()
    return found


def _measured(source: Source, on_progress: Callable[[float], None] | None) -> Analysis:
    rate = source.sample_rate_hz
    loudness = LoudnessMeter(rate, source.channels)
    silence, clipping = SilenceMeter(rate), ClippingMeter(rate, source.channels)
    peaks = PeaksMeter(rate)
    detail = PeaksMeter(rate, max_pixels=DETAIL_PIXELS, samples_per_pixel=DETAIL_SAMPLES_PER_PIXEL)
    spectrum = SpectrumMeter(rate)
    picture = SpectrogramMeter(rate, bins=spectrum.bins, hop=spectrum.hop)
    beats, chroma = BeatMeter(), ChromaMeter()
    down = soxr.ResampleStream(rate, ANALYSIS_RATE_HZ, 1, dtype="float32", quality="MQ")
    expected = source.expected_frames
    for block in source.blocks(_BLOCK_FRAMES):
        loudness.feed(block)
        silence.feed(block)
        clipping.feed(block)
        line = mono(block)
        peaks.feed(line)
        detail.feed(line)
        picture.feed(spectrum.feed(line))
        slow = down.resample_chunk(line)
        beats.feed(slow)
        chroma.feed(slow)
        if on_progress is not None and expected:
            on_progress(min(0.9, 0.9 * source.frames / expected))
    picture.feed(spectrum.finish())
    slow = down.resample_chunk(np.zeros(0, np.float32), last=True)
    beats.feed(slow)
    chroma.feed(slow)
    found = Analysis(
        frames=source.frames,
        sample_rate_hz=rate,
        channels=source.channels,
        pulse=find_pulse(beats.odds()),
        key=chroma.result(),
        loudness=loudness.result(),
        spectrum=spectrum.result(),
        silence=silence.result(),
        clipping=clipping.result(),
        peaks=peaks.result(),
        peaks_detail=detail.result(),
        spectrogram=picture.result(source.frames),
    )
    if on_progress is not None:
        on_progress(1.0)
    return found
