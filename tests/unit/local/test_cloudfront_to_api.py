"""The distribution reaches the HTTP API, so that page and API share one origin."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.local.conftest import Emulator

ECHO = """
    def handler(event, context):
        return {
            "statusCode": 200,
            "headers": {"content-type": "application/json"},
            "body": __import__("json").dumps({"path": event["rawPath"], "query": event["rawQueryString"]}),
        }
"""


def ask(emulator: Emulator, host: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    connection.request("GET", "/v1/echo?a=b%20c", headers={"Host": host, "X-Forwarded-Proto": "https"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_a_request_for_the_distribution_reaches_the_function(emulator: Emulator) -> None:
    status, body = ask(emulator, emulator.distribution_before_an_api(emulator.zip_function(ECHO)))
    assert status == 200
    assert json.loads(body) == {"path": "/v1/echo", "query": "a=b%20c"}


def test_ministack_alone_refuses_such_an_origin(bare: Emulator) -> None:
    assert ask(bare, bare.distribution_before_an_api(bare.zip_function(ECHO)))[0] == 502
