"""`tonearm stack` tells what it does, and what went wrong, in plain lines."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.command import TONEARM
from tests.support.patience import Patience
from tonearm_local import cli, told
from tonearm_local.errors import StackError
from tonearm_local.progress import Step
from tonearm_local.stack import Outputs, Stack, Status
from tonearm_local.told import go_on

RUNNER = CliRunner()
OUTPUTS = Outputs(
    **dict.fromkeys((field.name for field in fields(Outputs)), "-")
    | {
        "region": "eu-west-1",
        "function_names": {"api": "tonearm-api"},
        "edge_url": "http://127.0.0.1:8080",
        "api_url": "http://127.0.0.1:8080/v1",
        "demo_user": "demo@tonearm.example",
        "demo_password": "s3cret[bold]",
    }
)


class FakeStack:
    """Stands for a stack: does nothing, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[Any] = []
        self.folder = folder
        self.logs = folder
        self.pid: int | None = 12
        self.error: BaseException | None = None
        self.in_containers: bool | None = None

    def named(
        self, name: str, *, port: int | None = None, edge_port: int | None = None, in_containers: bool | None = None
    ) -> FakeStack:
        self.asked.append((name, port, edge_port))
        self.in_containers = in_containers
        return self

    def _do(self, what: str) -> None:
        self.asked.append(what)
        if self.error:
            raise self.error

    def up(self, progress: Any) -> Outputs:
        progress(Step("Applying Terraform", "aws_sqs_queue.jobs", 1, 3))
        progress(Step("Applying Terraform", "aws_sqs_queue.jobs", 2, 3))
        progress(Step("Starting the edge"))
        self._do("up")
        return OUTPUTS

    def down(self) -> None:
        self._do("down")

    def reset(self) -> None:
        self._do("reset")

    def destroy(self, progress: Any) -> None:
        self._do("destroy")

    def status(self) -> Status:
        return Status("main", 4566, 8080, self.pid, self.pid, 117, self.pid is not None)

    def outputs(self) -> Outputs:
        return OUTPUTS

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "ODD": "a b"}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    fake = FakeStack(tmp_path)
    monkeypatch.setattr("tonearm_local.stack.Stack", fake)
    for name in ("TONEARM_STACK", "TONEARM_PORT", "TONEARM_EDGE_PORT", "TONEARM_LAMBDA"):
        monkeypatch.delenv(name, raising=False)
    return fake


def test_up_tells_its_steps_and_ends_with_address_and_login(stack: FakeStack) -> None:
    done = RUNNER.invoke(cli.app, ["up"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    # One line a part where no terminal can redraw it, not one a resource
    assert lines[:2] == ["Applying Terraform 1 of 3: aws_sqs_queue.jobs", "Starting the edge"]
    assert lines[-5:] == [
        "  studio    http://127.0.0.1:8080",
        "  API       http://127.0.0.1:8080/v1",
        "  user      demo@tonearm.example",
        "  password  s3cret[bold]",
        "  codes     123456 to confirm an address, 654321 for a new password",
    ]


def test_name_and_ports_come_from_options_or_the_environment(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEARM_STACK", "mine")
    monkeypatch.setenv("TONEARM_PORT", "4777")
    monkeypatch.setenv("TONEARM_EDGE_PORT", "8777")
    RUNNER.invoke(cli.app, ["up"])
    RUNNER.invoke(cli.app, ["up", "--name", "other", "--port", "4888", "--edge-port", "8888"])
    RUNNER.invoke(cli.app, ["down"])
    assert [asked for asked in stack.asked if isinstance(asked, tuple)] == [
        ("mine", 4777, 8777),
        ("other", 4888, 8888),
        ("mine", None, None),
    ]


@pytest.mark.parametrize(
    ("options", "asked"), [([], None), (["--lambda", "docker"], True), (["--lambda", "process"], False)]
)
def test_what_functions_run_in_is_as_before_unless_it_is_said(
    stack: FakeStack, options: list[str], asked: bool | None
) -> None:
    assert RUNNER.invoke(cli.app, ["up", *options]).exit_code == 0
    assert stack.in_containers is asked


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_is_none_is_refused(stack: FakeStack, port: str) -> None:
    assert RUNNER.invoke(cli.app, ["up", "--port", port]).exit_code == 2
    assert stack.asked == []


@pytest.mark.parametrize("command", ["up", "down", "destroy"])
def test_what_can_be_mended_is_told_in_one_line(stack: FakeStack, command: str) -> None:
    stack.error = StackError("Port 4566 is taken; choose another.")
    done = RUNNER.invoke(cli.app, [command])
    assert done.exit_code == 1
    assert done.stderr == "tonearm: Port 4566 is taken; choose another.\n"


def test_an_interruption_says_how_to_go_on(stack: FakeStack) -> None:
    stack.error = KeyboardInterrupt()
    done = RUNNER.invoke(cli.app, ["up"])
    assert done.exit_code == 130
    assert "run the same command again" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_is_an_interruption(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    # Given tests that run in the background, which have the first one ignored
    before = signal.signal(number, signal.default_int_handler)
    try:
        monkeypatch.setattr(stack, "down", lambda: (signal.raise_signal(number), time.sleep(10)))
        assert RUNNER.invoke(cli.app, ["down"]).exit_code == 130
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_an_interruption_that_gets_lost_is_noticed_later(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def loses_it() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
            time.sleep(10)
        go_on()

    monkeypatch.setattr(stack, "down", loses_it)
    assert RUNNER.invoke(cli.app, ["down"]).exit_code == 130
    # And it concerns no later command
    monkeypatch.setattr(stack, "down", go_on)
    assert RUNNER.invoke(cli.app, ["down"]).exit_code == 0


@pytest.mark.parametrize(("asked", "loaded"), [(1, [True]), (2, [True]), (3, [])])
def test_a_module_is_loaded_whole_before_an_interruption_unless_somebody_insists(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: int, loaded: list[bool]
) -> None:
    # Given a module that is imported while somebody presses Ctrl-C, and work that never looks whether they did
    signals = "; ".join(["import signal", *["signal.raise_signal(signal.SIGTERM)"] * asked])
    (tmp_path / f"slowly_loaded_{asked}.py").write_text(f"{signals}; loaded = True")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[bool] = []

    def loads() -> None:
        seen.append(import_module(f"slowly_loaded_{asked}").loaded)
        time.sleep(10)
        seen.append(False)

    monkeypatch.setattr(stack, "down", loads)
    # When
    done = RUNNER.invoke(cli.app, ["down"])
    # Then
    assert (done.exit_code, seen) == (130, loaded)


def test_a_module_that_is_still_loaded_when_patience_ends_is_loaded_whole(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slowly = "import signal, time; signal.raise_signal(signal.SIGTERM); time.sleep(0.6); loaded = True"
    (tmp_path / "very_slowly_loaded.py").write_text(slowly)
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[bool] = []

    def loads() -> None:
        seen.append(import_module("very_slowly_loaded").loaded)
        time.sleep(10)
        seen.append(False)

    monkeypatch.setattr(stack, "down", loads)
    assert RUNNER.invoke(cli.app, ["down"]).exit_code == 130
    assert seen == [True]


def test_what_an_interruption_breaks_is_told_as_an_interruption(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a program that the terminal ends as well, before anybody has looked why
    def fails() -> None:
        signal.raise_signal(signal.SIGTERM)
        raise StackError("terraform failed; mend what it says and run again.")

    monkeypatch.setattr(stack, "down", fails)
    # When
    done = RUNNER.invoke(cli.app, ["down"])
    # Then
    assert (done.exit_code, done.stderr) == (130, "tonearm: interrupted; run the same command again to go on.\n")


def test_a_reset_that_nobody_can_be_asked_about_is_told_so() -> None:
    # Given standard input that was closed
    command = ["sh", "-c", 'exec "$0" stack reset --name nowhere <&-', TONEARM]
    closed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert closed.stderr.startswith("tonearm: Nobody said yes, so nothing was deleted.")
    assert closed.returncode == 1


@pytest.mark.parametrize("late", ["the end of patience", "the signal that it sends"])
def test_work_that_asks_is_interrupted_there_and_not_before(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    # Given work that is not to be interrupted anywhere, and whoever ends it asking once
    patience = Patience(monkeypatch)
    steps: list[str] = []

    def works() -> None:
        signal.raise_signal(signal.SIGTERM)
        steps.append("whole")
        try:
            go_on()
        finally:
            if late == "the end of patience":
                patience.ends()
            else:
                monkeypatch.setattr(told._interruption, "again", True)
                signal.raise_signal(signal.SIGTERM)
            steps.append("tidied up")

    monkeypatch.setattr(stack, "down", works)
    # When, Then
    assert RUNNER.invoke(cli.app, ["down"]).exit_code == 130
    assert steps == ["whole", "tidied up"]


def test_who_asks_twice_need_not_wait(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_twice() -> None:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("it went on")

    monkeypatch.setattr(stack, "down", asked_twice)
    assert RUNNER.invoke(cli.app, ["down"]).exit_code == 130


def test_a_command_under_nohup_outlives_its_terminal(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(stack, "down", lambda: seen.append(signal.getsignal(signal.SIGHUP)))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        RUNNER.invoke(cli.app, ["down"])
        assert seen == [signal.SIG_IGN]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_status_tells_by_its_exit_status_too(stack: FakeStack) -> None:
    running = RUNNER.invoke(cli.app, ["status"])
    assert running.exit_code == 0
    assert "emulator  runs on port 4566 (pid 12)" in running.output
    assert "resources 117" in running.output
    stack.pid = None
    stopped = RUNNER.invoke(cli.app, ["status"])
    assert stopped.exit_code == 3
    assert "edge      does not run" in stopped.output


def test_reset_asks_first(stack: FakeStack) -> None:
    refused = RUNNER.invoke(cli.app, ["reset"], input="n\n")
    assert refused.exit_code == 1
    assert "reset" not in stack.asked
    nobody_there = RUNNER.invoke(cli.app, ["reset"], input="")
    assert nobody_there.exit_code == 1
    assert "`tonearm stack reset --yes`" in nobody_there.stderr
    assert "reset" not in stack.asked
    assert RUNNER.invoke(cli.app, ["reset"], input="y\n").exit_code == 0
    assert RUNNER.invoke(cli.app, ["reset", "--yes"]).exit_code == 0
    assert stack.asked.count("reset") == 2


def test_env_can_be_evaluated_by_a_shell(stack: FakeStack) -> None:
    done = RUNNER.invoke(cli.app, ["env"])
    assert done.output == "export AWS_ENDPOINT_URL=http://127.0.0.1:4566\nexport ODD='a b'\n"


def test_logs_are_read_from_their_end(stack: FakeStack) -> None:
    (stack.folder / "edge.log").write_text("one\ntwo\nthree\n")
    assert RUNNER.invoke(cli.app, ["logs", "edge", "-n", "2"]).output == "two\nthree\n"
    unknown = RUNNER.invoke(cli.app, ["logs", "nobody"])
    assert unknown.exit_code == 1
    assert "there are emulator, edge, terraform, api" in unknown.stderr


def test_a_stack_that_was_never_up_says_so(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="has not been brought up; run `tonearm stack up`"):
        Stack("never", root=tmp_path).outputs()
