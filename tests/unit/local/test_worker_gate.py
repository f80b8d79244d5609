"""A burst waits at the gate instead of starting a process an invocation."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import lambda_svc

from tonearm_local.emulator import worker_gate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.local.conftest import Emulator

WHO = """
    import os, time
    from pathlib import Path
    def handler(event, context):
        here = Path("{folder}")
        (here / str(os.getpid())).touch()
        for _ in range(900):
            if len(list(here.iterdir())) == 10:
                break
            time.sleep(0.02)
        return os.getpid()
"""


class Meter:
    """Stands for the pool of processes, and measures how many run at once: each stays until so many were there."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._full = threading.Barrier(places)
        self._running = 0
        self.most = 0

    def __call__(self, func: Any, event: Any, request_id: str) -> str:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        self._full.wait(10)
        # Time for one too many to come in.
        time.sleep(0.05)
        with self._lock:
            self._running -= 1
        return request_id


@pytest.mark.parametrize(("memory_mb", "places"), [(3008, 2), (1024, 2), (1023, 6), (128, 6)])
def test_as_many_run_as_there_are_places(monkeypatch: pytest.MonkeyPatch, memory_mb: int, places: int) -> None:
    # Given a gate for two cores
    meter = Meter(places)
    monkeypatch.setattr(lambda_svc, "_execute_function_provided_warm", meter)
    worker_gate.install(cores=2)
    func = {"config": {"FunctionName": "fn", "MemorySize": memory_mb}}
    # When twelve invocations come at once
    with ThreadPoolExecutor(12) as pool:
        run = lambda_svc._execute_function_provided_warm
        answers = list(pool.map(lambda number: run(func, None, str(number)), range(12)))
    # Then all are answered, and no more than the places ran at once
    assert answers == [str(number) for number in range(12)]
    assert meter.most == places


def test_who_waits_when_the_emulator_stops_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a gate for one, whom the second waits for
    entered, leave, asked, ran = threading.Event(), threading.Event(), threading.Event(), []

    def run(func: Any, event: Any, request_id: str) -> str:
        ran.append(request_id)
        entered.set()
        assert leave.wait(10)
        return request_id

    monkeypatch.setattr(lambda_svc, "_execute_function_provided_warm", run)
    monkeypatch.setattr("tonearm_local.emulator.stopping.asked", asked)
    worker_gate.install(cores=1)
    func = {"config": {"FunctionName": "fn", "MemorySize": 2048}}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda_svc._execute_function_provided_warm, func, None, "first")
        assert entered.wait(10)
        second = pool.submit(lambda_svc._execute_function_provided_warm, func, None, "second")
        # When the emulator is asked to stop
        asked.set()
        leave.set()
        # Then the first is done, and the second is answered and was never run
        assert first.result() == "first"
        assert second.result()["body"]["errorType"] == "Runtime.ExitError"
    assert ran == ["first"]


def test_a_small_function_passes_while_every_heavy_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def run(func: Any, event: Any, request_id: str) -> str:
        if func["config"]["MemorySize"] >= worker_gate.HEAVY_MEMORY_MB:
            release.wait(60)
        return request_id

    monkeypatch.setattr(lambda_svc, "_execute_function_provided_warm", run)
    worker_gate.install(cores=1)
    gated = lambda_svc._execute_function_provided_warm
    with ThreadPoolExecutor(4) as pool:
        heavy = [pool.submit(gated, {"config": {"MemorySize": 3008}}, None, str(number)) for number in range(3)]
        assert gated({"config": {"MemorySize": 512}}, None, "api") == "api"
        assert not any(future.done() for future in heavy)
        release.set()
        assert [future.result() for future in heavy] == ["0", "1", "2"]


def test_ministack_alone_starts_a_process_an_invocation(bare: Emulator, tmp_path: Path) -> None:
    # Given invocations that wait until there are processes for all. Once this fails, ministack has a gate of its own.
    function = bare.zip_function(WHO.format(folder=tmp_path), MemorySize=3008)
    with ThreadPoolExecutor(10) as pool:
        pids = set(pool.map(lambda _: bare.invoke(function), range(10)))
    assert len(pids) == 10
