"""/v1/jobs"""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api import cursors
from functions.api.identity import owner_id_of
from functions.api.responses import MAX_PAGE, IdempotencyKey, json_answer
from functions.api.schemas import DownloadsView, JobsView, JobView, NewJobBody
from functions.api.use_cases import use_cases
from tonearm.domain.ids import JobId, TrackId

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped
JobIdInPath = Annotated[JobId, Path()]


@router.post(
    "/v1/jobs",
    summary="Render a ready track with a recipe",
    tags=["jobs"],
    status_code=HTTPStatus.ACCEPTED,
    response_description="The queued job; its place is in the header Location",
)
def create_job(body: NewJobBody, idempotency_key: IdempotencyKey = None) -> Response[JobView]:
    """Answers at once; read the job at its Location until it has ended."""
    owner_id = owner_id_of(router.current_event)
    job = use_cases().create_job(
        owner_id,
        body.track_id,
        body.recipe,
        job_id=use_cases().new_ids.job(owner_id, idempotency_key, body.model_dump_json()),
        correlation_id=router.current_event.request_context.request_id,
    )
    headers = {"Location": f"/v1/jobs/{job.job_id}", "Retry-After": "1"}
    return json_answer(HTTPStatus.ACCEPTED, JobView.of(job), headers)


@router.get("/v1/jobs", summary="List your jobs, newest first", tags=["jobs"], response_description="A page of jobs")
def list_jobs(
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    track_id: Annotated[TrackId | None, Query()] = None,
) -> Response[JobsView]:
    """Of one track with `track_id`; follow `next_cursor` until it is null."""
    owner_id = owner_id_of(router.current_event)
    after = cursors.decode(cursor, "job")
    if track_id is None:
        page = use_cases().jobs.page(owner_id, after=after, limit=limit)
    else:
        track = use_cases().ownership.track(owner_id, track_id)
        page = use_cases().jobs.of_track(owner_id, track.track_id, after=after, limit=limit)
    now = use_cases().ownership.clock()
    view = JobsView(
        jobs=[JobView.of(job) for job in page.rows if now < job.expires_at],
        next_cursor=cursors.encode(page.next_after),
    )
    return json_answer(HTTPStatus.OK, view)


@router.get("/v1/jobs/<job_id>", summary="Read a job", tags=["jobs"], response_description="The job")
def read_job(job_id: JobIdInPath) -> Response[JobView]:
    """A job that has failed says why in `problem`."""
    job = use_cases().ownership.job(owner_id_of(router.current_event), job_id)
    return json_answer(HTTPStatus.OK, JobView.of(job))


@router.get(
    "/v1/jobs/<job_id>/downloads",
    summary="Get links to what a job made",
    tags=["jobs"],
    response_description="The links",
)
def read_downloads(job_id: JobIdInPath) -> Response[DownloadsView]:
    """The links work for five minutes."""
    links = use_cases().create_downloads.of_job(owner_id_of(router.current_event), job_id)
    return json_answer(HTTPStatus.OK, DownloadsView.of(links))
