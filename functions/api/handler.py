"""The API."""

from typing import Any

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.api.app import app
from tonearm.adapters import invocation
from tonearm.entrypoint import count_outcome, logger, tracer


@logger.inject_lambda_context(correlation_id_path=API_GATEWAY_HTTP, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    invocation.current.set(context)
    answer = app.resolve(event, context)
    count_outcome(f"http_{answer['statusCode']}")
    logger.info("answered", extra={"route": event.get("routeKey"), "status": answer["statusCode"]})
    return answer
