"""What every Lambda function begins with: its environment as a typed model, logs, counts, traces, error names."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Self, TypeVar

from aws_lambda_powertools import Logger, Tracer, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, StringConstraints

from tonearm.adapters import invocation
from tonearm.adapters.aws import passing_errors_named
from tonearm.domain.errors import TonearmError
from tonearm.domain.job import StepInput
from tonearm.domain.values import Value

NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Tonearm")
Name = Annotated[str, StringConstraints(min_length=1)]

logger = Logger(utc=True)
tracer = Tracer()


class Environment(BaseModel):
    """A function's environment variables, read once; each function's own model names just those it uses."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def of_process(cls) -> Self:
        """Read the variables that the fields name, in capitals.

        Raises:
            pydantic.ValidationError: naming every variable that is missing or wrong.
        """
        given = {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        return cls.model_validate(given)


def count_outcome(outcome: str) -> None:
    """Count one outcome of this function: ``succeeded`` or the code of what went wrong."""
    with single_metric(name="Outcome", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        metric.add_dimension("function", logger.service)
        metric.add_dimension("outcome", outcome)


Step = TypeVar("Step", bound=StepInput)
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def workflow_step(model: type[Step]) -> Callable[[Callable[[Step], Value | None]], Handler]:
    """Make a use case a step of the workflow.

    The step is given its typed input; what it answers goes back as JSON. Logs carry the correlation id of the
    request that began it all, the outcome is counted, and passing AWS errors get the name that is retried on.
    """

    def decorate(use: Callable[[Step], Value | None]) -> Handler:
        @wraps(use)
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            invocation.current.set(context)
            step = model.model_validate(event)
            logger.set_correlation_id(step.correlation_id)
            logger.append_keys(job_id=step.job_id, track_id=step.track_id)
            try:
                with passing_errors_named():
                    answer = use(step)
            except TonearmError as error:
                count_outcome(error.problem.code)
                logger.warning("step refused", extra={"problem": error.problem.model_dump(exclude_none=True)})
                raise
            except Exception:
                count_outcome("crashed")
                logger.exception("step crashed")
                raise
            count_outcome("succeeded")
            logger.info("step done")
            return {} if answer is None else answer.model_dump(mode="json", exclude_none=True)

        observed: Handler = logger.inject_lambda_context(clear_state=True)(
            tracer.capture_lambda_handler(capture_response=False)(handler)
        )
        return observed

    return decorate
