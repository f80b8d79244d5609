"""Accounts in Cognito, as anybody may use them: sign up, confirm with the code that was mailed, log in."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from tonearm_cli.errors import CliError, NotSignedIn, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CODE = re.compile(r"\b\d{6}\b")
_MAIL_PATIENCE_S = 10.0
_NOT_WHO_THEY_SAY = frozenset(
    {"NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException", "PasswordResetRequiredException"}
)


@dataclass(frozen=True)
class Login:
    """Who somebody is, and the proof of it.

    Attributes:
        email: the user's name.
        access_token: for the header Authorization; works for an hour.
        refresh_token: for a new access token, for thirty days.
        expires_in_s: how long the access token works.
    """

    email: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: float = 3600.0


def new_password() -> str:
    """A password that no policy refuses: 24 characters of every kind."""
    return f"{secrets.token_urlsafe(15)}-Aa1"


class Accounts:
    """One user pool, seen from outside: Cognito takes these calls without any AWS key."""

    def __init__(self, *, client_id: str, region: str, endpoint_url: str | None = None) -> None:
        """Use the pool of an app client.

        Args:
            client_id: Terraform's output `user_pool_client_id`.
            region: of the pool.
            endpoint_url: of an emulator; None is AWS.

        Raises:
            CliError: region or address are none.
        """
        self._client_id = client_id
        # Unsigned: otherwise keys are looked for, in the end on the network, though no call here needs any.
        config = Config(
            signature_version=UNSIGNED,
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        try:
            self._cognito = boto3.client("cognito-idp", region_name=region, endpoint_url=endpoint_url, config=config)
        # It checks region and address, and raises either.
        except (BotoCoreError, ValueError) as error:
            raise CliError(
                f"The deployment's accounts have no address that can be used: {error}",
                code="deployment.unknown",
                value=endpoint_url or region,
                mend="Run `tonearm login --api URL` with the address of a Tonearm website.",
            ) from error

    def sign_up(self, email: str, password: str) -> None:
        """Make an account; Cognito mails a code to the address. Raises CliError."""
        with _readable("sign up"):
            self._cognito.sign_up(
                ClientId=self._client_id,
                Username=email,
                Password=password,
                UserAttributes=[{"Name": "email", "Value": email}],
            )

    def confirm(self, email: str, code: str) -> None:
        """Prove the address with the code that was mailed. Raises CliError."""
        with _readable("confirm the address"):
            self._cognito.confirm_sign_up(ClientId=self._client_id, Username=email, ConfirmationCode=code)

    def log_in(self, email: str, password: str) -> Login:
        """Get tokens. Raises CliError."""
        with _readable("log in"):
            answer = self._cognito.initiate_auth(
                ClientId=self._client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password},
            )
        return self._login(email, answer)

    def renewed(self, login: Login) -> Login:
        """Get a new access token. Raises NotSignedIn when the refresh token does not count any more."""
        with _readable("stay signed in"):
            answer = self._cognito.initiate_auth(
                ClientId=self._client_id,
                AuthFlow="REFRESH_TOKEN_AUTH",
                AuthParameters={"REFRESH_TOKEN": login.refresh_token},
            )
        return self._login(login.email, answer, login.refresh_token)

    def user_id(self, access_token: str) -> str:
        """Ask who a token belongs to: the id by which the API knows its owner. Raises NotSignedIn."""
        with _readable("tell who is signed in"):
            return str(self._cognito.get_user(AccessToken=access_token)["Username"])

    def log_out(self, refresh_token: str) -> None:
        """Let a refresh token, and the access tokens that came of it, count no more. Raises CliError."""
        with _readable("log out"):
            self._cognito.revoke_token(Token=refresh_token, ClientId=self._client_id)

    @staticmethod
    def _login(email: str, answer: Mapping[str, Any], refresh_token: str = "") -> Login:
        tokens: Mapping[str, Any] = answer.get("AuthenticationResult", {})
        if "AccessToken" not in tokens:
            raise NotSignedIn(
                f"Cannot log in: the pool asks for {answer.get('ChallengeName', 'more than a password')}.",
                code="auth.challenge",
            )
        return Login(
            email,
            tokens["AccessToken"],
            tokens.get("RefreshToken", refresh_token),
            float(tokens.get("ExpiresIn", Login.expires_in_s)),
        )


def mailed_code(endpoint_url: str, email: str, *, http: httpx.Client, patience_s: float = _MAIL_PATIENCE_S) -> str:
    """The code in the newest mail that the emulator holds for an address. Raises CliError when none comes."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = http.get(f"{endpoint_url}/_ministack/ses/messages")
        answer.raise_for_status()
        for mail in reversed(list(_mails(answer.json()))):
            code = _CODE.search(f"{mail.get('BodyText') or ''} {mail.get('BodyHtml') or ''}")
            if email in mail.get("To", []) and code:
                return code.group()
        if time.monotonic() > deadline:
            raise CliError(f"No mail with a code came for {email} within {patience_s:g} s; see `tonearm stack status`.")
        time.sleep(0.1)


def _mails(inbox: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for account in inbox.get("messages", {}).values():
        yield from account


@contextmanager
def _readable(doing: str) -> Iterator[None]:
    """Turn what Cognito refuses into a line."""
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        message = f"Cannot {doing}: {said.get('Message')} ({said.get('Code')})."
        if said.get("Code") in _NOT_WHO_THEY_SAY:
            mend = "Check address and password, or run `tonearm login` again."
            raise NotSignedIn(message, code="auth.refused", mend=mend) from error
        raise CliError(message, code="auth.failed") from error
    except (HTTPClientError, NoConnectionError) as error:
        mend = "Check your network; a laptop stack is started by `tonearm stack up`."
        raise Unreachable(f"Cannot {doing}: {error}", mend=mend) from error
    except BotoCoreError as error:
        raise CliError(f"Cannot {doing}: {error}") from error
