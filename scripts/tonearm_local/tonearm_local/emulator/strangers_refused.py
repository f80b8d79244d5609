"""Only programs and pages of this machine may talk to the emulator.

The gap: ministack answers whoever reaches its port, under any `Host`, for a page of any origin, and lets every page
read the answer (`Access-Control-Allow-Origin: *`). Its root key is public. So any web page that the developer's
browser shows could make a function, and with it run code as the developer.

A browser tells the page in `Origin` on everything but plain GET and HEAD. By those the query protocol of AWS takes
calls too (`GET /?Action=CreateStack&...`), which no SDK makes: they are refused, whoever asks.

A page of this machine may read what a bucket's CORS rules let it read, and Cognito's answers to the calls by which the
studio's page signs people up and in; they need no key, as on AWS. No page may read the answer to a call that is signed,
in its headers or in its query.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ministack import app
from ministack.services import s3

from tonearm_local.loopback import is_loopback_host, is_loopback_origin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

# The names of AWS under which the edge, the SDKs and the emulator's own parts ask. No stranger gives out names there.
_AWS_HOST = re.compile(r"(?:[a-z0-9_-]+\.)+(?:cloudfront\.net|amazonaws\.com)(?::[0-9]{1,5})?", re.IGNORECASE)

# The calls of Cognito that the page makes (web/src/sign-in): all of them need no key, or the person's own token.
_SIGN_IN_CALLS = frozenset(
    f"AWSCognitoIdentityProviderService.{operation}"
    for operation in (
        "SignUp",
        "ConfirmSignUp",
        "ResendConfirmationCode",
        "InitiateAuth",
        "RespondToAuthChallenge",
        "GetTokensFromRefreshToken",
        "ForgotPassword",
        "ConfirmForgotPassword",
        "GetUser",
        "GlobalSignOut",
        "RevokeToken",
    )
)

# For the request at hand: notes that a bucket's own CORS rules have answered.
_bucket_answered: ContextVar[list[bool] | None] = ContextVar("bucket_answered", default=None)


def install() -> None:
    """Stand before the whole emulator, HTTP and WebSocket alike."""
    # ministack's main() looks `app` up when it starts to serve.
    app.app = _guarded(app.app)
    _note_cors_of_buckets()


def reason_to_refuse(scope: Message) -> str | None:
    """Return why a request must not be served, in one line; None when it may be."""
    headers: Headers = scope["headers"]
    for origin in _values(headers, b"origin"):
        if not is_loopback_origin(origin):
            return f"The page {origin} is not of this machine; the laptop stack serves pages of 127.0.0.1 only."
    hosts = _values(headers, b"host")
    for host in hosts or [""]:
        if not (is_loopback_host(host) or _AWS_HOST.fullmatch(host)):
            return f"The host {host!r} is not this machine; ask the laptop stack as 127.0.0.1."
    if scope.get("method") in ("GET", "HEAD") and "Action" in parse_qs(scope["query_string"].decode("latin-1")):
        return "A call of the query protocol comes by POST, as every SDK sends it."
    return None


def _guarded(serve: Callable[[Message, Receive, Send], Awaitable[None]]) -> Any:
    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await serve(scope, receive, send)
            return
        reason = reason_to_refuse(scope)
        if reason is None:
            answered: list[bool] = []
            _bucket_answered.set(answered)
            await serve(scope, receive, _without_wildcard(send, answered, _page_that_signs_in(scope)))
        elif scope["type"] == "http":
            await _refuse(send, reason)
        else:
            # The server answers 403 to a handshake that is closed before it was accepted.
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason})

    return guarded


async def _refuse(send: Send, reason: str) -> None:
    problem = {"type": "about:blank", "title": "Refused", "status": 403, "detail": reason, "code": "emulator.stranger"}
    body = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        # The body of the request was not read.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _page_that_signs_in(scope: Message) -> str | None:
    """Return the origin of a page that signs in without a key, or asks whether it may; None for all else."""
    headers: Headers = scope["headers"]
    origins = _values(headers, b"origin")
    if scope["path"] != "/" or len(origins) != 1 or _values(headers, b"authorization"):
        return None
    # A signature may stand in the query, too, and the page never sends one.
    if scope["query_string"]:
        return None
    if scope.get("method") == "OPTIONS":
        asked = ",".join(_values(headers, b"access-control-request-headers")).lower()
        named = {name.strip() for name in asked.split(",")}
        return origins[0] if "x-amz-target" in named and "authorization" not in named else None
    targets = _values(headers, b"x-amz-target")
    return origins[0] if len(targets) == 1 and targets[0] in _SIGN_IN_CALLS else None


def _without_wildcard(send: Send, bucket_answered: list[bool], page: str | None) -> Send:
    """Leave out the leave for every page to read the answer, unless a bucket's own rules gave it; give it to `page`."""

    async def sent(message: Message) -> None:
        headers: Headers = message.get("headers") or []
        if "*" in _values(headers, b"access-control-allow-origin") and not bucket_answered:
            kept = [header for header in headers if not header[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        if page is not None and message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_leave_to_read(page)]}
        await send(message)

    return sent


def _note_cors_of_buckets() -> None:
    preflight, response_headers = s3.cors_preflight, s3.cors_response_headers

    def noted_preflight(*arguments: Any) -> Any:
        status, headers, body = preflight(*arguments)
        _note(headers)
        return status, headers, body

    def noted_response_headers(*arguments: Any) -> Any:
        headers = response_headers(*arguments)
        _note(headers)
        return headers

    s3.cors_preflight, s3.cors_response_headers = noted_preflight, noted_response_headers


def _note(headers: dict[str, str]) -> None:
    answered = _bucket_answered.get()
    if answered is not None and "Access-Control-Allow-Origin" in headers:
        answered.append(True)


def _leave_to_read(page: str) -> Headers:
    return [
        (b"access-control-allow-origin", page.encode("latin-1")),
        (b"access-control-allow-methods", b"POST"),
        # Of browsers it means every header but Authorization.
        (b"access-control-allow-headers", b"*"),
        (b"vary", b"Origin"),
    ]


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for found, value in headers if found.lower() == name]
