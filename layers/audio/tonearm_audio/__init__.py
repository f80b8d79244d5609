"""The audio engine: streams of float32 blocks between sources, processors and sinks.

Importing this package loads numpy and soundfile, which is all that a probe needs. What describes operations, analyzes,
renders and certifies is imported when it is first used, so that a program never loads a stretcher, a resampler or an
encoder for nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import tonearm_audio.one_blas_thread  # noqa: F401  (before anything imports numpy)
from tonearm_audio.decode import Limits
from tonearm_audio.errors import AudioError
from tonearm_audio.probe import Probe, probe
from tonearm_audio.version import ENGINE_VERSION

if TYPE_CHECKING:
    from tonearm_audio.analysis import Analysis, analyze
    from tonearm_audio.certificate import Certificate, Promise, certify
    from tonearm_audio.engine import RenderResult, render
    from tonearm_audio.guarded import guarded_probe
    from tonearm_audio.loudness import MeasuredLoudness
    from tonearm_audio.operations import (
        Band,
        Compress,
        Convert,
        Equalize,
        Fade,
        Loudness,
        Master,
        Mix,
        MixTrack,
        Operation,
        Pitch,
        Reverb,
        Spatial,
        Tempo,
        Trim,
    )
    from tonearm_audio.output_format import OutputFormat
    from tonearm_audio.peaks import Peaks

__all__ = [
    "ENGINE_VERSION",
    "Analysis",
    "AudioError",
    "Band",
    "Certificate",
    "Compress",
    "Convert",
    "Equalize",
    "Fade",
    "Limits",
    "Loudness",
    "Master",
    "MeasuredLoudness",
    "Mix",
    "MixTrack",
    "Operation",
    "OutputFormat",
    "Peaks",
    "Pitch",
    "Probe",
    "Promise",
    "RenderResult",
    "Reverb",
    "Spatial",
    "Tempo",
    "Trim",
    "analyze",
    "certify",
    "guarded_probe",
    "probe",
    "render",
]

_LOADED_WHEN_USED = {
    "Analysis": "analysis",
    "Band": "operations",
    "Certificate": "certificate",
    "Compress": "operations",
    "Convert": "operations",
    "Equalize": "operations",
    "Fade": "operations",
    "Loudness": "operations",
    "Master": "operations",
    "MeasuredLoudness": "loudness",
    "Mix": "operations",
    "MixTrack": "operations",
    "Operation": "operations",
    "OutputFormat": "output_format",
    "Peaks": "peaks",
    "Pitch": "operations",
    "Promise": "certificate",
    "RenderResult": "engine",
    "Reverb": "operations",
    "Spatial": "operations",
    "Tempo": "operations",
    "Trim": "operations",
    "analyze": "analysis",
    "certify": "certificate",
    "guarded_probe": "guarded",
    "render": "engine",
}


def __getattr__(name: str) -> object:
    if name not in _LOADED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LOADED_WHEN_USED[name]}"), name)
