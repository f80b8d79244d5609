"""The login behind a command's requests: renewed before it ends, and once more when it is refused all the same."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from tonearm_cli.client import StudioClient
from tonearm_cli.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tonearm_cli.auth import Accounts
    from tonearm_cli.deployment import Deployment

# An access token that ends while its request is on the way would be refused.
_BEFORE_THE_END = timedelta(minutes=2)


def accounts_of(deployment: Deployment) -> Accounts:
    """The accounts of a deployment."""
    # Loads boto3, which most commands never need.
    from tonearm_cli.auth import Accounts

    return Accounts(
        client_id=deployment.user_pool_client_id,
        region=deployment.region,
        endpoint_url=deployment.cognito_endpoint,
    )


class Session(httpx.Auth):
    """Signs requests as the user of a profile."""

    def __init__(self, profile: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use a profile's login. Raises what `Credentials.load` raises."""
        self._profile = profile
        self._now = now
        self.credentials = Credentials.load(profile)

    @property
    def access_token(self) -> str:
        """A token that works for a while yet. Raises NotSignedIn when none is to be had."""
        if self._now() >= self.credentials.expires_at - _BEFORE_THE_END:
            self.renew()
        return self.credentials.access_token

    def renew(self) -> None:
        """Get a new access token, and keep it. Raises NotSignedIn."""
        from tonearm_cli.auth import Login

        old = self.credentials
        login = accounts_of(old.deployment).renewed(Login(old.email, old.access_token, old.refresh_token))
        self.credentials = old.model_copy(
            update={
                "access_token": login.access_token,
                "refresh_token": login.refresh_token,
                "expires_at": self._now() + timedelta(seconds=login.expires_in_s),
            }
        )
        self.credentials.save(self._profile)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with the token, and again with a new one when it is refused."""
        request.headers["Authorization"] = f"Bearer {self.access_token}"
        answer = yield request
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self.renew()
            request.headers["Authorization"] = f"Bearer {self.credentials.access_token}"
            yield request


@contextmanager
def signed_in(profile: str) -> Iterator[StudioClient]:
    """The API of a profile's deployment, for its user. Raises what `Session` raises."""
    session = Session(profile)
    with StudioClient(session.credentials.deployment.api_origin, session) as client:
        yield client
