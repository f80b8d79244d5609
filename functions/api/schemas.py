"""What the API takes and answers; the words are the domain's."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.errors import Problem
from tonearm.domain.ids import JobId, OwnerId, TrackId
from tonearm.domain.job import Job, JobKind, JobStatus, Stage
from tonearm.domain.output_format import Codec
from tonearm.domain.recipe import Recipe
from tonearm.domain.tier import Tier
from tonearm.domain.track import Filename, Tags, Title, TrackStatus
from tonearm.ports import DownloadLink, UploadForm

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Body(BaseModel):
    """A request's body: unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What is shown of a domain value."""

    model_config = ConfigDict(from_attributes=True)


class NewTrackBody(Body):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "filename": "song.mp3",
                    "size_bytes": 4813012,
                    "tags": ["demo"],
                    "recipe": {"operations": [{"type": "tempo", "factor": 1.1}, {"type": "pitch", "semitones": 2}]},
                }
            ]
        }
    )

    filename: Filename
    size_bytes: int = Field(gt=0, description="exactly what will be uploaded")
    sha256: Sha256 | None = Field(default=None, description="of the file's bytes, in lower-case hex; checked")
    title: Title | None = Field(default=None, description="the file's name without its ending, unless given")
    tags: Tags = ()
    recipe: Recipe | None = Field(default=None, description="render with this as soon as the track is ready")


class LabelsBody(Body):
    """New labels of a track; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Song of the sea", "tags": ["live"]}]})

    title: Title | None = None
    tags: Tags | None = None


class NewJobBody(Body):
    """A render to make of a ready track."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "track_id": "trk_01jd3v8w2q5r7s9t1v3x5y7z9a",
                    "recipe": {
                        "operations": [
                            {"type": "pitch", "semitones": -2},
                            {"type": "spatial", "seed": 7, "speed_hz": 0.2, "depth": 1, "room": 0.2, "mix": 1},
                        ],
                        "output": {"codec": "flac"},
                    },
                },
                {
                    "track_id": "trk_01jd3v8w2q5r7s9t1v3x5y7z9a",
                    "recipe": {
                        "operations": [
                            {"type": "trim", "start_s": 10, "end_s": 95.5},
                            {
                                "type": "equalize",
                                "bands": [
                                    {"kind": "high_pass", "frequency_hz": 40},
                                    {"kind": "peak", "frequency_hz": 2500, "gain_db": 2, "q": 1.4},
                                ],
                            },
                            {"type": "compress", "threshold_dbfs": -20, "ratio": 2.5},
                            {
                                "type": "mix",
                                "tracks": [
                                    {
                                        "track_id": "trk_01jd3v9b7k2m4n6p8q0r2s4t6v",
                                        "gain_db": -3,
                                        "pan": 0.2,
                                        "start_s": 4,
                                        "reverb": {"decay_s": 1.8, "mix": 0.2},
                                    }
                                ],
                            },
                            {"type": "fade", "in_s": 0.5, "out_s": 6},
                            {"type": "master", "preset": "streaming"},
                        ],
                        "output": {"codec": "m4a", "bitrate_kbps": 256},
                    },
                },
            ]
        }
    )

    track_id: TrackId
    recipe: Recipe


class TrackView(View):
    """A track."""

    track_id: TrackId
    status: TrackStatus
    problem: Problem | None = Field(description="why it was rejected")
    filename: str
    title: str
    tags: tuple[str, ...]
    size_bytes: int
    ingest_job_id: JobId = Field(description="the job that validates and analyses it, and renders its recipe")
    recipe: Recipe | None
    probe: Probe | None = Field(description="what was found by decoding all of it")
    analysis: AnalysisSummary | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    version: int


class UploadView(View):
    """Send `fields`, and then the file as the field `file`, as multipart/form-data by POST to `url`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime

    @classmethod
    def of(cls, form: UploadForm) -> Self:
        """What is shown of a form."""
        return cls.model_validate(form)


class CreatedTrackView(View):
    """A new track and how to upload its bytes."""

    track: TrackView
    upload: UploadView


class TracksView(View):
    """A page of tracks, newest first."""

    tracks: list[TrackView]
    next_cursor: str | None


class RenderView(View):
    """The file that a job made; its downloads lead to it."""

    codec: Codec
    content_type: str
    size_bytes: int
    duration_s: float
    pcm_sha256: str = Field(description="of the samples before encoding: equal work has equal samples")
    recipe_hash: str
    engine_version: str


class JobView(View):
    """A job."""

    job_id: JobId
    track_id: TrackId
    kind: JobKind
    status: JobStatus
    stage: Stage | None
    percent: int
    problem: Problem | None = Field(description="why it failed or was cancelled")
    recipe: Recipe | None
    render: RenderView | None = Field(description="what it made, once it has succeeded")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        """What is shown of a job: its render when it has succeeded, and not while it may still fail."""
        view = cls.model_validate(job)
        return view if job.status is JobStatus.SUCCEEDED else view.model_copy(update={"render": None})


class JobsView(View):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None


class MeasuredView(View):
    """A part of an analysis; a newer engine may say more."""

    model_config = ConfigDict(extra="allow")


class TempoPointView(MeasuredView):
    """The tempo from one moment on."""

    at_s: float
    tempo_bpm: float


class KeyView(MeasuredView):
    """The note that a track rests on, and its mode."""

    tonic: str = Field(description="C, Db, D, Eb, E, F, F#, G, Ab, A, Bb or B")
    mode: Literal["major", "minor"]
    confidence: float = Field(description="0 to 1; 0 where another key fits as well")


class ShortTermView(MeasuredView):
    """The course of the loudness."""

    step_s: float
    lufs: list[float | None] = Field(description="of the 3 s from `i * step_s` on; null below -70 LUFS")


class LoudnessView(MeasuredView):
    """By ITU-R BS.1770 and EBU R 128; null where there is only silence."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    max_momentary_lufs: float | None = Field(default=None, description="the loudest 400 ms")
    max_short_term_lufs: float | None = Field(default=None, description="the loudest 3 s")
    short_term: ShortTermView | None = None


class OctaveView(MeasuredView):
    """The power of one octave; a sine at full scale is 0 dBFS."""

    centre_hz: float
    level_dbfs: float


class SpectrumView(MeasuredView):
    """Where the sound lies, from dark to bright."""

    centroid_hz: float
    bandwidth_hz: float
    rolloff_hz: float = Field(description="85 % of the magnitudes lie below it")
    flatness: float = Field(description="0 for a tone, 0.56 for white noise")
    tilt_db_per_octave: float = Field(description="0 for white noise, -3 for pink")
    octave_bands: list[OctaveView]


class GapView(MeasuredView):
    """A silence between sounds."""

    start_s: float
    end_s: float


class SilenceView(MeasuredView):
    """Where no channel exceeds the threshold."""

    threshold_dbfs: float
    leading_s: float = Field(description="the whole length of a silent track")
    trailing_s: float
    least_gap_s: float = Field(description="no shorter gap is listed")
    gaps: list[GapView]


class ClippedView(MeasuredView):
    """One run of clipped samples."""

    at_s: float
    channel: int = Field(description="0 for left or mono, 1 for right")
    samples: int


class ClippingView(MeasuredView):
    """Runs of three or more samples of a channel at or beyond full scale."""

    runs: int
    samples: int
    longest: int
    places: list[ClippedView] = Field(description="the first hundred")


class SpectrogramView(MeasuredView):
    """The axes of the picture that the link `spectrogram` leads to."""

    width: int = Field(description="points, for the whole duration")
    height: int = Field(description="points, every octave alike")
    low_hz: float
    high_hz: float
    top_dbfs: float | None = Field(description="of the lightest colour; null for a silent track")
    dynamic_range_db: float = Field(description="from there to black")


class AnalysisView(MeasuredView):
    """All that was measured on a track; a newer engine may say more, and one from before `version` 2 said less."""

    version: int | None = Field(default=None, description="of this document: 2; null for one from before it")
    engine_version: str
    duration_s: float = Field(description="counted by decoding all of it")
    frames: int
    sample_rate_hz: int
    channels: int
    tempo_bpm: float | None = Field(description="null where there is no pulse")
    tempo_confidence: float = Field(description="0 to 1")
    beats_s: list[float] = Field(description="when each beat falls, in seconds from the beginning")
    tempo_over_time: list[TempoPointView] | None = Field(default=None, description="empty where there is no pulse")
    key: KeyView | None = Field(default=None, description="null for silence, noise, and drums alone")
    loudness: LoudnessView
    spectrum: SpectrumView | None = Field(default=None, description="null for a track below -70 dBFS")
    silence: SilenceView | None = None
    clipping: ClippingView | None = None
    spectrogram: SpectrogramView | None = None


class LinkView(View):
    """A link that works until `expires_at`."""

    url: str
    filename: str
    expires_at: datetime


_PEAKS = "the waveform, as the JSON of BBC audiowaveform, version 2; what was made before there were peaks has none"
_DETAIL = "the same at 256 samples a pixel, or coarser where that would be more than 65,536 pixels"
_SPECTROGRAM = "of the source: a PNG of 1200 x 400 points whose axes are in the analysis"
_AUDIO = "plays in a page's <audio>, and saves as a file when it is gone to"


class LinksView(View):
    """Links by what they lead to."""

    @classmethod
    def of(cls, links: dict[str, DownloadLink]) -> Self:
        """What is shown of the links."""
        return cls.model_validate({name: LinkView.model_validate(link) for name, link in links.items()})


class TrackDownloadsView(LinksView):
    """Links to a track and what was measured on it."""

    source: LinkView = Field(description=f"the file as it was uploaded; {_AUDIO}")
    analysis: LinkView
    peaks: LinkView | None = Field(default=None, description=f"of the source: {_PEAKS}")
    peaks_detail: LinkView | None = Field(default=None, description=_DETAIL)
    spectrogram: LinkView | None = Field(default=None, description=_SPECTROGRAM)


class DownloadsView(LinksView):
    """Links to what a job made; a job without a recipe made no render."""

    analysis: LinkView
    peaks: LinkView | None = Field(default=None, description=f"of the source: {_PEAKS}")
    peaks_detail: LinkView | None = Field(default=None, description=_DETAIL)
    spectrogram: LinkView | None = Field(default=None, description=_SPECTROGRAM)
    render: LinkView | None = Field(default=None, description=_AUDIO)
    render_peaks: LinkView | None = Field(default=None, description=f"of the render: {_PEAKS}")
    certificate: LinkView | None = None


class LimitsView(View):
    """What one upload may be."""

    max_upload_bytes: int
    max_duration_s: float


class AccountView(View):
    """Who is asking."""

    user_id: OwnerId
    tier: Tier
    limits: LimitsView


class HealthView(View):
    """The API answers."""

    status: str
    version: str


class ProblemView(BaseModel):
    """RFC 9457: what every error answers, as application/problem+json."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Content Too Large",
                    "status": 413,
                    "code": "track.too_large",
                    "detail": "song.wav is 300.0 MB; the limit for tier free is 104.9 MB.",
                    "value": 300000000,
                    "limit": 104857600,
                    "mend": "Send it as FLAC or MP3, or cut it into parts or ask your admin for tier pro.",
                    "correlation_id": "JKJaXmPLvHcESHA=",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="stable: programs may depend on it")
    detail: str
    value: str | int | float | None = None
    limit: str | int | float | None = None
    mend: str = ""
    correlation_id: str
    errors: list[dict[str, str]] | None = Field(default=None, description="one for each wrong field")
