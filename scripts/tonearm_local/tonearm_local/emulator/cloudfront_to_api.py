"""A CloudFront origin that is an HTTP API of this emulator is dialled here.

The gap: ministack refuses every origin under amazonaws.com (so that nothing reaches the real AWS by accident) and
answers 502, also for the execute-api host of an API that it serves itself. The web page and `/v1` need one origin.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.services import cloudfront

_EXECUTE_API = re.compile(r"^(?P<api_id>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$")


def install(*, port: int) -> None:
    """Forward requests for `<api id>.execute-api.<region>.amazonaws.com` to the gateway on `port`."""
    forward_to_origin = cloudfront._forward_to_origin

    def forward(
        origin: dict[str, Any], method: str, uri: str, query: str, headers: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        match = _EXECUTE_API.match(origin["domain_name"])
        if match:
            here = {"domain_name": "127.0.0.1", "protocol_policy": "http-only", "http_port": port}
            origin = {**origin, **here}
            kept = {name: value for name, value in headers.items() if name.lower() != "host"}
            headers = {**kept, "host": f"{match['api_id']}.execute-api.localhost:{port}"}
        return forward_to_origin(origin, method, uri, query, headers, *rest, **named)

    cloudfront._forward_to_origin = forward
