"""Invocations pay no fixed waits."""

from __future__ import annotations

import queue
from typing import Any

import pytest
from ministack.core import lambda_runtime

from tonearm_local.emulator import prompt_answers


def runtime_api_handler() -> Any:
    worker = lambda_runtime.ProvidedWorker("fn", {"FunctionName": "fn"}, b"")
    return worker._build_handler_class(1, queue.Queue())


def test_ministack_alone_waits_fifty_milliseconds_for_a_log_line() -> None:
    assert lambda_runtime.Worker._drain_stderr_bounded.__defaults__[0] == 0.05


def test_ministack_alone_answers_in_two_segments() -> None:
    handler = runtime_api_handler()
    assert handler.wbufsize == 0
    assert not handler.disable_nagle_algorithm


def test_both_waits_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given ministack's own, put back afterwards
    drain = lambda_runtime.Worker._drain_stderr_bounded
    monkeypatch.setattr(drain, "__defaults__", drain.__defaults__)
    build = lambda_runtime.ProvidedWorker._build_handler_class
    monkeypatch.setattr(lambda_runtime.ProvidedWorker, "_build_handler_class", build)
    # When the extension is installed
    prompt_answers.install()
    # Then a silent invocation waits 4 ms, and an answer leaves in one segment at once
    assert drain.__defaults__[0] == 0.004
    handler = runtime_api_handler()
    assert handler.wbufsize < 0
    assert handler.disable_nagle_algorithm
