"""Accounts: what is sent to Cognito, where the code is found, and how refusals read."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.unit.cli.conftest import Asked, Told
from tonearm_cli.auth import Accounts, mailed_code, new_password
from tonearm_cli.errors import CliError

Serve = Callable[[Callable[[Asked], tuple[int, dict[str, str], bytes]]], Told]
ANSWERS: dict[str, Any] = {
    "SignUp": {"UserConfirmed": False, "UserSub": "1"},
    "ConfirmSignUp": {},
    "InitiateAuth": {"AuthenticationResult": {"AccessToken": "access", "IdToken": "id", "RefreshToken": "refresh"}},
}


def operation(asked: Asked) -> str:
    return asked.headers["X-Amz-Target"].rpartition(".")[2]


def pool(asked: Asked) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(ANSWERS[operation(asked)]).encode()


def accounts(at: Told) -> Accounts:
    return Accounts(client_id="client-1", region="eu-west-1", endpoint_url=at.url)


def test_somebody_signs_up_confirms_and_logs_in_without_any_aws_key(
    served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine without AWS credentials, but with a place where a server of AWS would find some
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    metadata = served(lambda _: (404, {}, b""))
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
    cognito = served(pool)
    # When
    of = accounts(cognito)
    of.sign_up("ada@example.com", "secret")
    of.confirm("ada@example.com", "123456")
    login = of.log_in("ada@example.com", "secret")
    # Then the access token is the one to use, and neither token shows in a log
    assert (login.email, login.access_token, login.refresh_token) == ("ada@example.com", "access", "refresh")
    assert "access" not in repr(login)
    assert [operation(asked) for asked in cognito.asked] == ["SignUp", "ConfirmSignUp", "InitiateAuth"]
    assert cognito.asked[0].json["UserAttributes"] == [{"Name": "email", "Value": "ada@example.com"}]
    assert cognito.asked[1].json["ConfirmationCode"] == "123456"
    assert cognito.asked[2].json["AuthFlow"] == "USER_PASSWORD_AUTH"
    assert all(asked.json["ClientId"] == "client-1" for asked in cognito.asked)
    assert not any("Authorization" in asked.headers for asked in cognito.asked)
    assert metadata.asked == []


def test_a_refusal_is_one_line(served: Serve) -> None:
    said = {"__type": "UsernameExistsException", "message": "An account with the given email already exists."}
    cognito = served(lambda _: (400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(said).encode()))
    with pytest.raises(CliError, match=r"Cannot sign up: An account .* already exists\. \(UsernameExistsException\)"):
        accounts(cognito).sign_up("ada@example.com", "secret")


def test_a_pool_that_asks_for_more_than_a_password_is_told(served: Serve) -> None:
    challenge = json.dumps({"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20}).encode()
    cognito = served(lambda _: (200, {"Content-Type": "application/x-amz-json-1.1"}, challenge))
    with pytest.raises(CliError, match="SOFTWARE_TOKEN_MFA"):
        accounts(cognito).log_in("ada@example.com", "secret")


def mail(to: str, text: str) -> dict[str, Any]:
    return {"To": [to], "BodyText": text, "BodyHtml": None}


def test_the_newest_code_for_the_address_counts() -> None:
    inbox = {
        "messages": {
            "000000000000": [
                mail("ada@example.com", "Your verification code is 111111."),
                mail("ada@example.com", "Your verification code is 222222."),
                mail("bob@example.com", "Your verification code is 333333."),
                mail("ada@example.com", "Welcome, 2 songs wait."),
            ]
        }
    }
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=inbox)))
    assert mailed_code("http://emulator", "ada@example.com", http=http) == "222222"


def test_a_code_that_comes_late_is_waited_for() -> None:
    late = iter([{"messages": {}}, {"messages": {"0": [mail("a@b.c", "code 654321")]}}])
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=next(late))))
    assert mailed_code("http://emulator", "a@b.c", http=http) == "654321"


def test_no_mail_is_told() -> None:
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"messages": {}})))
    with pytest.raises(CliError, match="No mail with a code came for ada"):
        mailed_code("http://emulator", "ada@example.com", http=http, patience_s=0.05)


def test_a_password_is_new_each_time_and_has_every_kind_of_character() -> None:
    passwords = {new_password() for _ in range(20)}
    assert len(passwords) == 20
    for password in passwords:
        kinds = (str.isupper, str.islower, str.isdigit, lambda character: not character.isalnum())
        assert len(password) >= 20
        assert all(any(kind(character) for character in password) for kind in kinds)
