"""The distribution reaches the HTTP API, so that page and API share one origin."""

from __future__ import annotations

import http.client
import json
import uuid
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


def distribution_before_an_api(emulator: Emulator) -> str:
    """Make an HTTP API on an echoing function and a distribution before it; return the distribution's host name."""
    function = emulator.zip_function(ECHO)
    gateway = emulator.client("apigatewayv2")
    api = gateway.create_api(Name=function, ProtocolType="HTTP")
    integration = gateway.create_integration(
        ApiId=api["ApiId"],
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:lambda:eu-west-1:000000000000:function:{function}",
        PayloadFormatVersion="2.0",
    )
    target = f"integrations/{integration['IntegrationId']}"
    gateway.create_route(ApiId=api["ApiId"], RouteKey="GET /v1/echo", Target=target)
    gateway.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    emulator.client("lambda").add_permission(
        FunctionName=function, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    ports = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    host = f"{api['ApiId']}.execute-api.eu-west-1.amazonaws.com"
    behaviour = {
        "TargetOriginId": "api",
        "ViewerProtocolPolicy": "redirect-to-https",
        # Managed-CachingDisabled and Managed-AllViewerExceptHostHeader.
        "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    }
    config = {
        "CallerReference": uuid.uuid4().hex,
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [{"Id": "api", "DomainName": host, "CustomOriginConfig": ports}]},
        "DefaultCacheBehavior": behaviour,
    }
    made = emulator.client("cloudfront").create_distribution(DistributionConfig=config)
    domain: str = made["Distribution"]["DomainName"]
    return domain


def ask(emulator: Emulator, host: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    connection.request("GET", "/v1/echo?a=b%20c", headers={"Host": host, "X-Forwarded-Proto": "https"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_a_request_for_the_distribution_reaches_the_function(emulator: Emulator) -> None:
    status, body = ask(emulator, distribution_before_an_api(emulator))
    assert status == 200
    assert json.loads(body) == {"path": "/v1/echo", "query": "a=b%20c"}


def test_ministack_alone_refuses_such_an_origin(bare: Emulator) -> None:
    assert ask(bare, distribution_before_an_api(bare))[0] == 502
