"""/v1/tracks"""

import re
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api import cursors
from functions.api.identity import owner_id_of, tier_of
from functions.api.responses import MAX_PAGE, IdempotencyKey, json_answer
from functions.api.schemas import (
    AnalysisView,
    CreatedTrackView,
    LabelsBody,
    NewTrackBody,
    TrackDownloadsView,
    TracksView,
    TrackView,
    UploadView,
)
from functions.api.use_cases import use_cases
from tonearm.domain.errors import Conflict, InvalidRequest
from tonearm.domain.ids import TrackId
from tonearm.domain.track import Track
from tonearm.services.create_track import NewTrack

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped
TrackIdInPath = Annotated[TrackId, Path()]
_ETAG = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')


def _etag(track: Track) -> dict[str, str]:
    return {"ETag": f'"{track.version}"'}


@router.post(
    "/v1/tracks",
    summary="Create a track and get a form to upload it with",
    tags=["tracks"],
    status_code=HTTPStatus.CREATED,
    response_description="The track, and the form; the track's place is in the header Location",
)
def create_track(body: NewTrackBody, idempotency_key: IdempotencyKey = None) -> Response[CreatedTrackView]:
    """The upload starts the workflow; no other call is needed."""
    owner_id = owner_id_of(router.current_event)
    track, form = use_cases().create_track(
        owner_id,
        NewTrack(**dict(body)),
        tier=tier_of(router.current_event),
        track_id=use_cases().new_ids.track(owner_id, idempotency_key, body.model_dump_json()),
        correlation_id=router.current_event.request_context.request_id,
    )
    view = CreatedTrackView(track=TrackView.model_validate(track), upload=UploadView.of(form))
    location = {"Location": f"/v1/tracks/{track.track_id}"}
    return json_answer(HTTPStatus.CREATED, view, {**location, **_etag(track)})


@router.get(
    "/v1/tracks",
    summary="List your tracks, newest first",
    tags=["tracks"],
    response_description="A page of tracks",
)
def list_tracks(
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
) -> Response[TracksView]:
    """Follow `next_cursor` until it is null."""
    owner_id = owner_id_of(router.current_event)
    page = use_cases().tracks.page(owner_id, after=cursors.decode(cursor, "trk"), limit=limit)
    now = use_cases().ownership.clock()
    view = TracksView(
        tracks=[TrackView.model_validate(track) for track in page.rows if not track.gone(now)],
        next_cursor=cursors.encode(page.next_after),
    )
    return json_answer(HTTPStatus.OK, view)


@router.get(
    "/v1/tracks/<track_id>",
    summary="Read a track",
    tags=["tracks"],
    response_description="The track; its version is in the header ETag",
)
def read_track(track_id: TrackIdInPath) -> Response[TrackView]:
    """A rejected track says why in `problem`."""
    track = use_cases().ownership.track(owner_id_of(router.current_event), track_id)
    return json_answer(HTTPStatus.OK, TrackView.model_validate(track), _etag(track))


@router.patch(
    "/v1/tracks/<track_id>",
    summary="Change a track's title and tags",
    tags=["tracks"],
    response_description="The track with its new labels; its new version is in the header ETag",
)
def relabel_track(
    track_id: TrackIdInPath,
    body: LabelsBody,
    if_match: Annotated[str | None, Header(alias="if-match", max_length=40)] = None,
) -> Response[TrackView]:
    """With `If-Match: <ETag>` only what you have read is changed."""
    track = use_cases().relabel_track(
        owner_id_of(router.current_event),
        track_id,
        title=body.title,
        tags=body.tags,
        if_version=_version(if_match),
    )
    return json_answer(HTTPStatus.OK, TrackView.model_validate(track), _etag(track))


@router.delete(
    "/v1/tracks/<track_id>",
    summary="Delete a track and all that was made from it",
    tags=["tracks"],
    status_code=HTTPStatus.NO_CONTENT,
    response_description="The track is gone",
)
def delete_track(track_id: TrackIdInPath) -> Response[str]:
    """Jobs that run are cancelled. There is no way back."""
    owner_id = owner_id_of(router.current_event)
    use_cases().ownership.track(owner_id, track_id)
    use_cases().delete_track(owner_id, track_id)
    return Response(HTTPStatus.NO_CONTENT, body="")


@router.get(
    "/v1/tracks/<track_id>/analysis",
    summary="Read a track's analysis",
    tags=["tracks"],
    response_description="The whole analysis",
)
def read_analysis(track_id: TrackIdInPath) -> Response[AnalysisView]:
    """Duration, tempo, beats, key, loudness, spectrum, silence and clipping."""
    track = use_cases().ownership.track(owner_id_of(router.current_event), track_id)
    document = use_cases().media.read_json(track.analysis_key) if track.analysis else None
    if document is None:
        raise Conflict(
            "track.not_analysed",
            f"Track {track_id} is {track.status} and has no analysis yet.",
            value=track.status.value,
            limit="ready",
            mend="Wait until it is ready.",
        )
    return json_answer(HTTPStatus.OK, AnalysisView.model_validate(document))


@router.get(
    "/v1/tracks/<track_id>/downloads",
    summary="Get links to a track's source, its analysis and its waveform",
    tags=["tracks"],
    response_description="The links",
)
def read_track_downloads(track_id: TrackIdInPath) -> Response[TrackDownloadsView]:
    """The links work for five minutes; a page that plays longer asks again. A track has them once it is ready."""
    links = use_cases().create_downloads.of_track(owner_id_of(router.current_event), track_id)
    return json_answer(HTTPStatus.OK, TrackDownloadsView.of(links))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    etag = _ETAG.fullmatch(if_match.strip())
    if etag is None:
        raise InvalidRequest(
            "request.if_match_invalid",
            "If-Match does not hold an ETag of a track.",
            value=if_match,
            limit='"<version>"',
            mend="Send the ETag that reading the track gave you.",
        )
    return int(etag[1])
