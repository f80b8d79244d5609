"""/v1/account"""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.identity import owner_id_of, tier_of
from functions.api.responses import json_answer
from functions.api.schemas import AccountView, LimitsView
from functions.api.use_cases import use_cases

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.get(
    "/v1/account",
    summary="Read your tier and its limits",
    tags=["account"],
    response_description="Who you are here, and what you may upload",
)
def read_account() -> Response[AccountView]:
    """A new tier counts from the next access token on, for tracks that are created from then on."""
    tier = tier_of(router.current_event)
    limits = LimitsView.model_validate(use_cases().tiers.of(tier))
    view = AccountView(user_id=owner_id_of(router.current_event), tier=tier, limits=limits)
    return json_answer(HTTPStatus.OK, view)
