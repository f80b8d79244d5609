"""What the API takes and answers; the words are the domain's."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Render
from tonearm.domain.errors import Problem
from tonearm.domain.ids import JobId, TrackId
from tonearm.domain.job import JobKind, JobStatus, Stage
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Tags, Title, TrackStatus
from tonearm.ports import DownloadLink, UploadForm

Filename = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Body(BaseModel):
    """A request's body: unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What is shown of a domain value."""

    model_config = ConfigDict(from_attributes=True)


class NewTrackBody(Body):
    """A file that is about to be uploaded."""

    filename: Filename
    size_bytes: int = Field(gt=0, description="exactly what will be uploaded")
    sha256: Sha256 | None = Field(default=None, description="of the file's bytes, in lower-case hex; checked")
    title: Title | None = Field(default=None, description="the file's name without its ending, unless given")
    tags: Tags = ()
    recipe: Recipe | None = Field(default=None, description="render with this as soon as the track is ready")


class LabelsBody(Body):
    """New labels of a track; what is left out stays."""

    title: Title | None = None
    tags: Tags | None = None


class NewJobBody(Body):
    """A render to make of a ready track."""

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
    render: Render | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    expires_at: datetime


class JobsView(View):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None


class LinkView(View):
    """A link that works until `expires_at`."""

    url: str
    filename: str
    expires_at: datetime


class DownloadsView(View):
    """Links to what a job made; a job without a recipe made no render."""

    analysis: LinkView
    render: LinkView | None = None
    certificate: LinkView | None = None

    @classmethod
    def of(cls, links: dict[str, DownloadLink]) -> Self:
        """What is shown of the links."""
        return cls.model_validate({name: LinkView.model_validate(link) for name, link in links.items()})


class HealthView(View):
    """The API answers."""

    status: str
    version: str


class ProblemView(BaseModel):
    """RFC 9457: what every error answers, as application/problem+json."""

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
