"""What a website may say of the deployment that it belongs to: never that a password or a login goes elsewhere."""

from typing import Any

import httpx
import pytest

from tests.unit.cli.world import EMAIL, PASSWORD, Terminal, World
from tonearm_cli.auth import Accounts
from tonearm_cli.deployment import Deployment
from tonearm_cli.errors import CliError

STUDIO = "https://studio.example"
CONFIG = {"region": "eu-west-1", "user_pool_id": "pool", "user_pool_client_id": "client", "api_url": "/v1"}


def at(address: str, **says: Any) -> Deployment:
    """Ask a website whose config.json differs from a sound one in what `says` holds."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=CONFIG | says))
    return Deployment.at(address, transport=transport)


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ({"region": "x.evil.com/#"}, "deployment.unknown"),
        ({"region": ""}, "deployment.unknown"),
        ({"api_url": "http://[::1/v1"}, "deployment.unknown"),
        ({"api_url": "https://evil.example/v1"}, "deployment.elsewhere"),
        ({"api_url": "//evil.example/v1"}, "deployment.elsewhere"),
        ({"api_url": "https://studio.example.evil.example/v1"}, "deployment.elsewhere"),
        ({"api_url": "http://127.0.0.1/v1"}, "deployment.elsewhere"),
        ({"api_url": "http://studio.example/v1"}, "deployment.not_https"),
        ({"cognito_endpoint": "https://evil.example"}, "deployment.elsewhere"),
        ({"cognito_endpoint": "http://127.0.0.1:4566"}, "deployment.elsewhere"),
        ({"cognito_endpoint": "https://[::1"}, "usage"),
        ({"cognito_endpoint": ""}, "usage"),
        ({"api_url": "https://studio.example:99999/v1"}, "usage"),
    ],
)
def test_a_document_that_would_lead_elsewhere_or_nowhere_is_refused(says: dict[str, Any], code: str) -> None:
    with pytest.raises(CliError) as caught:
        at(STUDIO, **says)
    assert caught.value.code == code
    assert caught.value.mend


@pytest.mark.parametrize("api_url", ["/v1", "v1", f"{STUDIO}/v1", f"{STUDIO}/v1/"])
def test_a_website_names_its_own_api(api_url: str) -> None:
    assert at(STUDIO, api_url=api_url).api_origin == STUDIO


def test_a_website_of_this_machine_may_name_others() -> None:
    found = at("http://127.0.0.1:8080", cognito_endpoint="http://localhost:4566", api_url=f"{STUDIO}/v1")
    assert (found.cognito_endpoint, found.api_origin) == ("http://localhost:4566", STUDIO)


@pytest.mark.parametrize("address", ["https://a..b", "https://.", f"https://{'a' * 64}.example", "https://a:99999"])
def test_an_address_that_no_network_takes_is_refused(address: str) -> None:
    with pytest.raises(CliError) as caught:
        Deployment.at(address)
    assert caught.value.code == "usage"


@pytest.mark.parametrize("where", [{"region": "x.evil.com/#"}, {"endpoint_url": "http://-/"}])
def test_accounts_without_an_address_are_told(where: dict[str, str]) -> None:
    with pytest.raises(CliError) as caught:
        Accounts(client_id="client", **({"region": "eu-west-1"} | where))
    assert caught.value.code == "deployment.unknown"


@pytest.mark.parametrize("says", [{"region": "x.evil.com/#"}, {"api_url": "http://[::1/v1"}])
def test_nobody_sees_a_traceback_or_sends_a_password(tonearm: Terminal, world: World, says: dict[str, str]) -> None:
    world.config |= says
    result = tonearm("login", "--api", world.url, "--email", EMAIL, TONEARM_PASSWORD=PASSWORD)
    assert result.exit_code == 1
    assert "describes no deployment" in result.stderr
    assert world.cognito("InitiateAuth") == []
