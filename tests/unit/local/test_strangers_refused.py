"""Only programs and pages of this machine may talk to the emulator; a bucket's own CORS rules still answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.local.conftest import REGION, zip_of

if TYPE_CHECKING:
    from tests.unit.local.conftest import Emulator

PAGE = "http://127.0.0.1:8080"
ALLOWED = "Access-Control-Allow-Origin"


def ask(
    emulator: Emulator, method: str, target: str, *, body: bytes | None = None, **headers: str
) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, target, body=body, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def make_function_as_a_page_would(emulator: Emulator, *, origin: str, host: str) -> tuple[int, Any, bytes]:
    """POST what a page can without asking first: text/plain, and the public key's signature in the query."""
    role = emulator.role()
    wish = {
        "FunctionName": f"evil-{os.urandom(4).hex()}",
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "app.handler",
        "Code": {"ZipFile": base64.b64encode(zip_of(app="def handler(event, context): return 1")).decode()},
    }
    body = json.dumps(wish).encode()
    url = f"http://{host}/2015-03-31/functions"
    request = AWSRequest(method="POST", url=url, data=body, headers={"Content-Type": "text/plain", "Host": host})
    SigV4Auth(Credentials("test", "test"), "lambda", REGION).add_auth(request)
    headers = dict(request.headers.items()) | {"Origin": origin}
    return ask(emulator, "POST", "/2015-03-31/functions", body=body, **headers)


def upgrade(emulator: Emulator, *, origin: str, host: str) -> int:
    """Ask for a WebSocket and return the status of the answer."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /socket HTTP/1.1",
        *(f"Host: {host}", f"Origin: {origin}", "Connection: Upgrade", "Upgrade: websocket"),
        *(f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"),
    )
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(1000).split()[1])


class TestMinistackAlone:
    """The gap that the extension closes."""

    def test_makes_a_function_for_any_page_and_lets_it_read_the_answer(self, bare: Emulator) -> None:
        status, headers, _ = make_function_as_a_page_would(bare, origin="http://evil.example", host="evil.example:4700")
        assert status == 201
        assert headers[ALLOWED] == "*"

    def test_takes_calls_by_get(self, bare: Emulator) -> None:
        status, _, body = ask(bare, "GET", presigned_call(bare))
        assert status == 200
        assert b"<GetCallerIdentityResult>" in body


def presigned_call(emulator: Emulator) -> str:
    url: str = emulator.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    return url.removeprefix(emulator.url)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "evil.example:4700"),
        ("http://evil.example", "127.0.0.1:4700"),
        (PAGE, "evil.example:4700"),
        ("null", "127.0.0.1"),
        ("http://127.0.0.1.evil.example", "127.0.0.1"),
        ("http://evil.s3.amazonaws.com", "127.0.0.1"),
        (PAGE, "localhost.evil.example"),
        (PAGE, "amazonaws.com.evil.example"),
        (PAGE, "evilamazonaws.com"),
    ],
)
def test_a_stranger_is_refused(emulator: Emulator, origin: str, host: str) -> None:
    # When a stranger's page makes a function
    status, headers, body = make_function_as_a_page_would(emulator, origin=origin, host=host)
    # Then it is refused in one line, which it may not read
    assert status == 403
    assert headers["Content-Type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["code"] == "emulator.stranger"
    assert "\n" not in problem["detail"]
    assert ALLOWED not in headers


@pytest.mark.parametrize("path", ["/2015-03-31/functions", "/_ministack/health", "/_ministack/reset", "/bucket/key"])
def test_a_strangers_page_is_refused_its_question_beforehand(emulator: Emulator, path: str) -> None:
    asked = {"Origin": "http://evil.example", "Access_Control_Request_Method": "POST"}
    status, headers, _ = ask(emulator, "OPTIONS", path, **asked)
    assert status == 403
    assert ALLOWED not in headers


@pytest.mark.parametrize(
    "host", ["127.0.0.1:4566", "localhost", "abcdef12.execute-api.localhost:4566", "[::1]:4566", "s3.amazonaws.com"]
)
@pytest.mark.parametrize("origin", [None, PAGE, "http://localhost:8080", "http://[::1]:8080"])
def test_this_machine_is_served(emulator: Emulator, host: str, origin: str | None) -> None:
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    status, answered, _ = ask(emulator, "GET", "/_ministack/health", **headers)
    assert status == 200
    assert ALLOWED not in answered


def test_no_page_of_this_machine_may_read_what_is_no_buckets(emulator: Emulator) -> None:
    """Another program's page on this machine is no part of the studio."""
    status, headers, _ = make_function_as_a_page_would(emulator, origin="http://localhost:3000", host="127.0.0.1")
    assert status == 201
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    asked = {"Origin": "http://localhost:3000", "Access_Control_Request_Method": "POST"}
    assert ALLOWED not in ask(emulator, "OPTIONS", "/2015-03-31/functions", **asked)[1]


def test_a_call_by_get_is_refused(emulator: Emulator) -> None:
    """A picture or a link on any page can ask for it, and its request has no Origin."""
    call = presigned_call(emulator)
    for target in (call, call.replace("Action=", "%41ction=")):
        status, _, body = ask(emulator, "GET", target)
        assert status == 403
        assert b"POST" in body


def test_a_websocket_of_a_stranger_is_refused(emulator: Emulator) -> None:
    # Given an API that takes WebSockets
    gateway = emulator.client("apigatewayv2")
    api = gateway.create_api(Name="socket", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    gateway.create_stage(ApiId=api["ApiId"], StageName="socket", AutoDeploy=True)
    host = f"{api['ApiId']}.execute-api.localhost:{emulator.port}"
    # Then a page of this machine gets through to it, and a stranger's does not
    assert upgrade(emulator, origin=PAGE, host=host) != 403
    assert upgrade(emulator, origin="http://evil.example", host=host) == 403
    assert upgrade(emulator, origin=PAGE, host=host.replace("localhost", "evil.example")) == 403


@pytest.mark.parametrize("rule", [PAGE, "*"])
def test_a_bucket_answers_a_page_by_its_own_rules(emulator: Emulator, rule: str) -> None:
    # Given a bucket whose rules name the page, or every page
    s3, bucket = emulator.client("s3"), f"cors-{hashlib.sha256(rule.encode()).hexdigest()[:8]}"
    emulator.bucket(bucket)
    rules = [{"AllowedOrigins": [rule], "AllowedMethods": ["GET", "PUT", "POST"], "AllowedHeaders": ["*"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    # When the page asks beforehand, uploads by a presigned form, and downloads by a presigned link
    asked = {"Origin": PAGE, "Access_Control_Request_Method": "POST"}
    beforehand, told, _ = ask(emulator, "OPTIONS", f"/{bucket}", **asked)
    form = s3.generate_presigned_post(bucket, "song")
    body, kind = multipart(form["fields"], b"a song")
    posted, of_post, _ = ask(emulator, "POST", f"/{bucket}", body=body, Origin=PAGE, Content_Type=kind)
    link = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "song"}))
    got, of_get, song = ask(emulator, "GET", f"{link.path}?{link.query}", Origin=PAGE)
    # Then all of it works, and the page may read the answers
    assert (beforehand, posted, got, song) == (200, 204, 200, b"a song")
    assert [headers[ALLOWED] for headers in (told, of_post, of_get)] == [rule] * 3
    # And a link may be opened by any program, and a stranger's page may not have it
    assert ask(emulator, "GET", f"{link.path}?{link.query}")[0] == 200
    assert ask(emulator, "GET", f"{link.path}?{link.query}", Origin="http://evil.example")[0] == 403


def call_cognito(emulator: Emulator, action: str, wish: dict[str, str], **headers: str) -> tuple[int, Any, bytes]:
    named = {
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{action}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    return ask(emulator, "POST", "/", body=json.dumps(wish).encode(), **named, **headers)


def test_the_page_signs_in_as_on_aws(emulator: Emulator) -> None:
    # Given a browser that asks beforehand, as it does for the headers of such a call
    asked = {
        "Origin": PAGE,
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "cache-control,content-type,x-amz-target,x-amz-user-agent",
    }
    status, told, _ = ask(emulator, "OPTIONS", "/", **asked)
    assert (status, told[ALLOWED]) == (200, PAGE)
    assert told["Access-Control-Allow-Headers"] == "*"
    # When the page signs in where there is no such client
    wish = {"ClientId": "none", "AuthFlow": "USER_SRP_AUTH"}
    status, headers, _ = call_cognito(emulator, "InitiateAuth", wish, Origin=PAGE)
    # Then it may read why it cannot, and a stranger's page may not even ask
    assert (status, headers.get_all(ALLOWED)) == (400, [PAGE])
    assert call_cognito(emulator, "InitiateAuth", wish, Origin="http://evil.example")[0] == 403


def test_no_page_may_read_the_answer_to_a_signed_call_of_cognito(emulator: Emulator) -> None:
    """The root key is public: with it a page could read every account."""
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cognito-idp/aws4_request"}
    assert ALLOWED not in call_cognito(emulator, "ListUserPools", {}, Origin=PAGE, **signed)[1]
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,x-amz-target"}
    assert ALLOWED not in ask(emulator, "OPTIONS", "/", Origin=PAGE, **asked)[1]


def test_a_signature_in_the_query_counts_as_one(emulator: Emulator) -> None:
    # Given a call that is signed with the public root key, but without a header that tells
    named = {"X-Amz-Target": "AWSCognitoIdentityProviderService.GetUser", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest(method="POST", url=f"{emulator.url}/", data=b"{}", headers=named)
    SigV4QueryAuth(Credentials("test", "test"), "cognito-idp", REGION, expires=60).add_auth(request)
    target = str(request.url).removeprefix(emulator.url)
    assert "X-Amz-Signature" in target
    # Then no page may read the answer, or is told beforehand that it might
    assert ALLOWED not in ask(emulator, "POST", target, body=b"{}", Origin=PAGE, **named)[1]
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type,x-amz-target"}
    assert ALLOWED not in ask(emulator, "OPTIONS", target, Origin=PAGE, **asked)[1]


@pytest.mark.parametrize("action", ["ListUserPools", "AdminGetUser", "AdminSetUserPassword", "ListUsers", ""])
def test_no_page_may_read_the_answer_to_what_signs_nobody_in(emulator: Emulator, action: str) -> None:
    assert ALLOWED not in call_cognito(emulator, action, {"MaxResults": "5"}, Origin=PAGE)[1]


@pytest.mark.parametrize("action", ["SignUp", "RespondToAuthChallenge", "GetTokensFromRefreshToken", "RevokeToken"])
def test_the_page_may_read_the_answer_to_what_it_calls(emulator: Emulator, action: str) -> None:
    assert call_cognito(emulator, action, {"ClientId": "none"}, Origin=PAGE)[1].get_all(ALLOWED) == [PAGE]


def multipart(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    boundary = hmac.new(b"boundary", file, "sha256").hexdigest()
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    last = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="song"\r\n\r\n'.encode()
    return b"".join(
        [*parts, last, file, f"\r\n--{boundary}--\r\n".encode()]
    ), f"multipart/form-data; boundary={boundary}"
