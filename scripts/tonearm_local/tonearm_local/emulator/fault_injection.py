"""Where faults meet the emulator: the service handlers, the SQS mapping, and the functions' processes.

This closes no gap of ministack: it exists for tests (see `faults`), and is installed only for them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.iam_actions import extract_iam_action
from ministack.core.iam_evaluator import resolve_caller_identity
from ministack.services import lambda_svc

from tonearm_local.emulator.faults import answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tonearm_local.emulator.faults import Kind, Plan

    Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]

# The services whose writes a function of Tonearm makes.
SERVICES = ("dynamodb", "s3", "sns", "sqs", "states")
_CALL_KINDS: tuple[Kind, ...] = ("observe", "lost_reply", "refused", "late")


def install(plan: Plan) -> None:
    """Wrap the five services, the SQS batches and the worker processes."""
    lock = threading.Lock()
    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = _faulty_handler(plan, lock, service, app.SERVICE_HANDLERS[service])
    _repeat_batches(plan, lock)
    _kill_processes(plan, lock)


def _faulty_handler(plan: Plan, lock: threading.Lock, service: str, handle: Handler) -> Handler:
    async def faulty(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        function = _calling_function(headers, query) if plan.armed() else None
        if function is None:
            return await handle(method, path, headers, body, query)
        params = app._routing_params(method, path, headers, body, query)
        action = extract_iam_action(service, method, path, headers, body, params) or f"{service}:{method}"
        with lock:
            fault = plan.take(_CALL_KINDS, action=action, function=function)
        if fault is not None and fault.kind == "refused":
            return answer(service, fault.status)
        if fault is not None and fault.kind == "late":
            await asyncio.sleep(fault.seconds)
        reply = await handle(method, path, headers, body, query)
        return answer(service, fault.status) if fault is not None and fault.kind == "lost_reply" else reply

    return faulty


def _calling_function(headers: dict[str, str], query: dict[str, Any]) -> str | None:
    """Return the function whose role signed a call: its name is the name of the role's session."""
    caller = resolve_caller_identity(app.extract_access_key_id(headers, query)) or {}
    arn = str(caller.get("userArn", ""))
    return arn.rsplit("/", 1)[-1] if ":assumed-role/" in arn else None


def _repeat_batches(plan: Plan, lock: threading.Lock) -> None:
    run_batch = lambda_svc._run_sqs_batch

    def run(mapping: dict[str, Any], func: dict[str, Any], event: Any, *rest: Any) -> Any:
        name = func["config"]["FunctionName"]
        with lock:
            fault = plan.take(("repeated_batch",), action="sqs:ReceiveMessage", function=name)
        if fault is not None:
            lambda_svc._execute_function(func, event)
        return run_batch(mapping, func, event, *rest)

    lambda_svc._run_sqs_batch = run


def _kill_processes(plan: Plan, lock: threading.Lock) -> None:
    invoke = lambda_runtime.ProvidedWorker.invoke

    def killed(worker: Any, event: Any, request_id: str, **named: Any) -> Any:
        with lock:
            fault = plan.take(("killed",), action="lambda:InvokeFunction", function=worker.func_name)
        if fault is not None:
            arguments = (worker, request_id, fault.seconds)
            threading.Thread(target=_kill_during, args=arguments, daemon=True).start()
        return invoke(worker, event, request_id, **named)

    lambda_runtime.ProvidedWorker.invoke = killed


def _kill_during(worker: Any, request_id: str, seconds: float) -> None:
    """Kill a worker's process `seconds` after it took the event of a request; give up after a minute."""
    deadline = time.monotonic() + 60
    while worker._current_request_id != request_id or not worker._pending.empty():
        if time.monotonic() > deadline:
            return
        time.sleep(0.002)
    time.sleep(seconds)
    process = worker._proc
    if process is not None and worker._current_request_id == request_id:
        process.kill()
