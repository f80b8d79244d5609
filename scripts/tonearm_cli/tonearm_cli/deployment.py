"""Which deployment a command talks to, as its own website describes it in config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import httpx
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from tonearm_cli.errors import CliError, Unreachable, WrongUse

if TYPE_CHECKING:
    from typing import Self

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_VERSION = "/v1"
_HIGHEST_PORT = 65_535
_LONGEST_LABEL = 63
_NAME_IT = "Name the address of a Tonearm website: what its users open in their browser."

# It becomes part of the name of a host, to which the password goes.
Region = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=32)]


class Deployment(BaseModel):
    """What one needs to sign in and to call the API.

    Attributes:
        origin: the website's address.
        api_url: the API's address, absolute, with its version.
        cognito_endpoint: of an emulator; None is AWS.

    Only a website of this machine may name other hosts: one that was tampered with, or that only looks like a
    deployment, must not choose who gets the password and the tokens.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    origin: str
    region: Region
    user_pool_id: str
    user_pool_client_id: str
    api_url: str
    cognito_endpoint: str | None = None

    @property
    def api_origin(self) -> str:
        """What stands before `/v1`."""
        return self.api_url.removesuffix(_VERSION)

    @classmethod
    def at(cls, address: str, *, transport: httpx.BaseTransport | None = None) -> Self:
        """Ask a website what it belongs to.

        Raises:
            WrongUse: no address of a deployment, or one that would send passwords in the open.
            Unreachable: nobody answers there.
            CliError: what answers is no deployment.
        """
        origin = _origin(address)
        config = f"{origin}/config.json"
        try:
            with httpx.Client(timeout=httpx.Timeout(20.0, connect=5.0), transport=transport) as http:
                answer = http.get(config)
        except httpx.HTTPError as error:
            mend = "Check the address and your network; a laptop stack is started by `tonearm stack up`."
            raise Unreachable(f"{origin} does not answer: {error}.", value=origin, mend=mend) from error
        try:
            if not answer.is_success:
                raise CliError(
                    f"{config} answered {answer.status_code}.", code="deployment.unknown", value=origin, mend=_NAME_IT
                )
            found = cls.model_validate({**answer.json(), "origin": origin})
            api = str(httpx.URL(f"{origin}/").join(found.api_url)).rstrip("/")
        except (ValueError, TypeError, ValidationError, httpx.InvalidURL) as error:
            message = f"{config} describes no deployment."
            raise CliError(message, code="deployment.unknown", value=origin, mend=_NAME_IT) from error
        _require_own(origin, "API", api)
        if found.cognito_endpoint is not None:
            _require_own(origin, "sign-in", found.cognito_endpoint)
        if not api.endswith(_VERSION):
            raise CliError(
                f"The API at {api} is of a version that this command does not know.",
                code="deployment.version",
                value=api,
                limit=_VERSION,
                mend="Use a `tonearm` of the system's own version.",
            )
        return found.model_copy(update={"api_url": api})

    @classmethod
    def on_this_machine(cls, name: str) -> Self:
        """Ask the laptop stack of a name. Raises as `at` does."""
        from tonearm_local.stack import Stack

        return cls.at(Stack.named(name).edge_url)


def laptop_runs(name: str) -> bool:
    """Tell whether a laptop stack runs."""
    from tonearm_local.errors import StackError
    from tonearm_local.stack import Stack

    try:
        return Stack.named(name).status().running
    except StackError:
        # Installed without a checkout there is no laptop stack.
        return False


def _require_own(origin: str, what: str, address: str) -> None:
    """Refuse an address that a website names for the password or the tokens, unless it is for the website to say."""
    named, own = httpx.URL(_origin(address)).host, httpx.URL(origin).host
    if named != own and own not in _LOOPBACK:
        raise CliError(
            f"{origin} would have its {what} at {named}: your password or your login would go to another host.",
            code="deployment.elsewhere",
            value=named,
            limit=own,
            mend="Check the address; if it is right, ask those who run it why its config.json names another host.",
        )


def _origin(address: str) -> str:
    """The address without a trailing slash, when a password may be sent there."""
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL as error:
        raise WrongUse(f"{address!r} is no address: {error}.", value=address, mend="Write https://NAME.") from error
    nameable = all(0 < len(label) <= _LONGEST_LABEL for label in url.host.removesuffix(".").split("."))
    if not nameable or (url.port or 0) > _HIGHEST_PORT or url.scheme not in {"http", "https"} or url.userinfo:
        raise WrongUse(f"{address!r} is no address of a website.", value=address, mend="Write https://NAME.")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise WrongUse(
            f"{address} is not encrypted: your password could be read on the way.",
            code="deployment.not_https",
            value=address,
            limit="https, or this machine",
            mend="Use its https address.",
        )
    return str(url.copy_with(query=None, fragment=None)).rstrip("/")
