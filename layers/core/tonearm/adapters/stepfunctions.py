"""The state machine: an execution is named after its Job, so that a Job runs once."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tonearm.adapters.aws import error_code
from tonearm.domain.job import Job
from tonearm.ports import ExecutionState

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_STATES: dict[str, ExecutionState] = {
    "RUNNING": "running",
    "PENDING_REDRIVE": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed_out",
    "ABORTED": "aborted",
}


def execution_state(status: str) -> ExecutionState:
    """What an execution's status, as AWS words it, means."""
    return _STATES[status]


class StepFunctionsWorkflow:
    """Starts, stops and asks after executions."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, job: Job) -> None:
        """Start the job's execution; starting it again changes nothing, also after it has ended."""
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn,
                name=job.job_id,
                input=job.step_input.model_dump_json(),
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise

    def stop(self, job: Job, *, reason: str) -> None:
        """Stop the job's execution, if there is one."""
        try:
            self._client.stop_execution(executionArn=self._execution_arn(job), cause=reason)
        except ClientError as error:
            # One that ended a moment ago cannot be stopped any more, which is what was wanted.
            gone = error_code(error) == "ExecutionDoesNotExist"
            if not gone and (error_code(error) != "ValidationException" or self.state(job) == "running"):
                raise

    def state(self, job: Job) -> ExecutionState | None:
        """What became of the job's execution, or None when it was never started."""
        try:
            answer = self._client.describe_execution(executionArn=self._execution_arn(job))
        except ClientError as error:
            if error_code(error) == "ExecutionDoesNotExist":
                return None
            raise
        return execution_state(answer["status"])

    def _execution_arn(self, job: Job) -> str:
        return f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{job.job_id}"
