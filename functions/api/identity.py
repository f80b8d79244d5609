"""Whose request it is. API Gateway has checked the token; what it does not check is checked here."""

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tonearm.domain.errors import TonearmError


class NotAnAccessToken(TonearmError):
    """A token of the right pool and the wrong use: an id token is for the client, not for the API."""


def owner_id_of(event: APIGatewayProxyEventV2) -> str:
    """The caller's `sub`. Raises `NotAnAccessToken`."""
    authorizer = event.request_context.authorizer
    claims = (authorizer.jwt_claim if authorizer else None) or {}
    if claims.get("token_use") != "access" or not claims.get("sub"):
        raise NotAnAccessToken(
            "auth.not_an_access_token",
            "The bearer token is not an access token.",
            value=str(claims.get("token_use")),
            limit="access",
            mend="Send the access token that logging in gave you.",
        )
    return str(claims["sub"])
