"""Whose request it is. API Gateway has checked the token; what it does not check is checked here."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tonearm.domain.errors import TonearmError
from tonearm.domain.tier import Tier

# Groups of the user pool by what they grant; Terraform makes them, and only an admin puts people there.
_TIER_OF_GROUP = {"tier-pro": Tier.PRO}


class NotAnAccessToken(TonearmError):
    """A token of the right pool and the wrong use: an id token is for the client, not for the API."""


def owner_id_of(event: APIGatewayProxyEventV2) -> str:
    """The caller's `sub`. Raises `NotAnAccessToken`."""
    claims = _claims(event)
    if claims.get("token_use") != "access" or not claims.get("sub"):
        raise NotAnAccessToken(
            "auth.not_an_access_token",
            "The bearer token is not an access token.",
            value=str(claims.get("token_use")),
            limit="access",
            mend="Send the access token that logging in gave you.",
        )
    return str(claims["sub"])


def tier_of(event: APIGatewayProxyEventV2) -> Tier:
    """The highest tier that the caller's groups grant; free without any."""
    granted = {_TIER_OF_GROUP.get(group, Tier.FREE) for group in _groups(_claims(event).get("cognito:groups"))}
    return max(granted, key=list(Tier).index, default=Tier.FREE)


def _groups(claim: object) -> list[str]:
    """The names in the claim: API Gateway writes a token's list as one text, ``[admin tier-pro]``."""
    return claim[1:-1].split(" ") if isinstance(claim, str) and claim[:1] == "[" and claim[-1:] == "]" else []


def _claims(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    authorizer = event.request_context.authorizer
    return (authorizer.jwt_claim if authorizer else None) or {}
