"""What an Analysis says of a Track, as much of it as the Track's row keeps; the whole lies beside the media."""

from tonearm.domain.values import Value


class Probe(Value):
    """What was found in the upload by decoding all of it."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    frames: int
    duration_s: float
    size_bytes: int
    content_sha256: str


class AnalysisSummary(Value):
    """The figures that lists show."""

    engine_version: str
    duration_s: float
    tempo_bpm: float | None = None
    tempo_confidence: float
    integrated_lufs: float | None = None
    true_peak_dbtp: float | None = None
