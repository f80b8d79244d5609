"""A stack comes up, stays, comes back and goes, with a small cloud in the place of Terraform's large one."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import psutil
import pytest

from tests.support.ports import free_port
from tests.unit.local.conftest import Cloud
from tonearm_local import stack as stack_module
from tonearm_local.artifacts import LocalArtifacts
from tonearm_local.errors import StackError
from tonearm_local.stack import Outputs, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tonearm_local.progress import Progress, Step

HEALTHY = """
    def handler(event, context):
        return {"statusCode": 200 if event["rawPath"] == "/v1/health" else 404, "body": "{}"}
"""
MADE_BY_TERRAFORM = {field.name for field in fields(Outputs)} - {
    *("endpoint_url", "edge_url", "api_url", "demo_user", "demo_password")
}


class SmallCloud:
    """Stands for Terraform: makes a user pool, an API that is healthy, and a distribution before it."""

    applies: ClassVar[list[str]] = []
    interrupt: ClassVar[bool] = False
    refusal: ClassVar[str] = ""
    forgets: ClassVar[bool] = False
    source: ClassVar[str] = "1"

    def __init__(self, *, root: Path, folder: Path, endpoint_url: str, variables: dict[str, Any]) -> None:
        self._folder = folder
        self._cloud = Cloud(int(endpoint_url.rsplit(":", 1)[-1]), folder)
        self._variables = variables

    def fingerprint(self) -> str:
        return json.dumps([self.source, self._variables], sort_keys=True)

    def apply(self, progress: Progress) -> None:
        SmallCloud.applies.append(str(self._folder))
        if self.interrupt:
            SmallCloud.interrupt = False
            raise KeyboardInterrupt
        self._folder.mkdir(exist_ok=True)
        if self.refusal:
            # It was made, and its answer was lost.
            self._cloud.client("sqs").create_queue(QueueName="made-already")
            said, SmallCloud.refusal = self.refusal, ""
            raise StackError(said)
        if self.outputs():
            return
        cognito = self._cloud.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="users", UsernameAttributes=["email"])["UserPool"]["Id"]
        client = cognito.create_user_pool_client(
            UserPoolId=pool, ClientName="studio", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        domain = self._cloud.distribution_before_an_api(self._cloud.zip_function(HEALTHY))
        made = dict.fromkeys(MADE_BY_TERRAFORM, "-") | {
            "region": "eu-west-1",
            "user_pool_id": pool,
            "user_pool_client_id": client,
            "distribution_domain": domain,
            "function_names": {"api": "tonearm-api"},
            "function_role_arns": {},
            "more": "than anybody asked for",
        }
        (self._folder / "outputs.json").write_text(json.dumps(made))

    def forget(self) -> None:
        (self._folder / "outputs.json").unlink(missing_ok=True)

    def outputs(self) -> dict[str, Any]:
        file = self._folder / "outputs.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def destroy(self, progress: Progress) -> None:
        if not self.forgets:
            self._cloud.client("cognito-idp").delete_user_pool(UserPoolId=self.outputs()["user_pool_id"])
            for function in self._cloud.client("lambda").list_functions()["Functions"]:
                self._cloud.client("lambda").delete_function(FunctionName=function["FunctionName"])
                self._cloud.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{function['FunctionName']}")
            for api in self._cloud.client("apigatewayv2").get_apis()["Items"]:
                self._cloud.client("apigatewayv2").delete_api(ApiId=api["ApiId"])
            for role in self._cloud.client("iam").list_roles()["Roles"]:
                self._cloud.client("iam").delete_role(RoleName=role["RoleName"])
            cloudfront = self._cloud.client("cloudfront")
            for made in cloudfront.list_distributions()["DistributionList"]["Items"]:
                found = cloudfront.get_distribution_config(Id=made["Id"])
                off = found["DistributionConfig"] | {"Enabled": False}
                tag = cloudfront.update_distribution(Id=made["Id"], IfMatch=found["ETag"], DistributionConfig=off)[
                    "ETag"
                ]
                cloudfront.delete_distribution(Id=made["Id"], IfMatch=tag)
        (self._folder / "outputs.json").unlink()


@pytest.fixture
def root(tmp_path: Path, managed_python: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in a folder with a space, and nothing real to build or to apply."""
    monkeypatch.delenv("TONEARM_FAULTS", raising=False)
    monkeypatch.setattr(stack_module, "Terraform", SmallCloud)
    for name, value in (("applies", []), ("interrupt", False), ("forgets", False), ("source", "1")):
        monkeypatch.setattr(SmallCloud, name, value)
    digests = {"light": "0" * 64, "audio": "1" * 64}
    made = LocalArtifacts(tmp_path, tmp_path / "web", digests, tmp_path / "images", managed_python)
    monkeypatch.setattr(stack_module, "build_local", lambda *_: made)
    (tmp_path / "check out").mkdir()
    return tmp_path / "check out"


@pytest.fixture
def make(root: Path) -> Iterator[Callable[..., Stack]]:
    """Make stacks on free ports; all are stopped afterwards."""
    made: list[Stack] = []

    def new(name: str = "main", **options: Any) -> Stack:
        ports = {"port": free_port(), "edge_port": free_port()} | options
        made.append(Stack(name, root=root, **ports))
        return made[-1]

    yield new
    for stack in made:
        stack.down()


def answers(stack: Stack, path: str = "/v1/health") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", stack.edge_port, timeout=20)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_of(stack: Stack) -> list[str]:
    """Every process of this machine that belongs to the stack: started from its folder, or for its port."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join([*process.cmdline(), *process.environ().values()])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        ours = (str(stack.folder), f"http://127.0.0.1:{stack.port}", f"--emulator-port {stack.port}")
        if process.pid != os.getpid() and any(mark in words for mark in ours):
            found.append(" ".join(process.cmdline()))
    return found


def sign_in(stack: Stack, outputs: Outputs) -> str:
    answer = stack.client("cognito-idp").initiate_auth(
        ClientId=outputs.user_pool_client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": outputs.demo_user, "PASSWORD": outputs.demo_password},
    )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


def test_a_stack_comes_up_stays_comes_back_and_goes(make: Callable[..., Stack]) -> None:
    stack = make()
    steps: list[Step] = []
    # When it is brought up
    outputs = stack.up(steps.append)
    # Then the API answers on the edge, the demo user can sign in, and every part was told
    assert outputs.api_url == f"http://127.0.0.1:{stack.edge_port}/v1"
    assert answers(stack) == 200
    assert sign_in(stack, outputs)
    assert stack.outputs() == outputs
    status = stack.status()
    assert status.running
    assert status.current
    assert {"Building functions and page", "Starting the emulator", "Starting the edge"} <= {
        step.title for step in steps
    }
    # When it is brought up again, then nothing is applied or started, and all is the same
    assert stack.up() == outputs
    assert len(SmallCloud.applies) == 1
    again = stack.status()
    assert (again.emulator_pid, again.edge_pid) == (status.emulator_pid, status.edge_pid)
    # When it goes down, then nothing listens and nothing runs
    assert len(processes_of(stack)) >= 3
    stack.down()
    assert not listens(stack.port)
    assert not listens(stack.edge_port)
    assert processes_of(stack) == []
    assert not stack.status().running
    # When it comes back, then it holds what it held, without an apply
    assert stack.up() == outputs
    assert sign_in(stack, outputs)
    assert len(SmallCloud.applies) == 1
    # And a second `down` is no error
    stack.down()
    stack.down()


def test_after_a_crash_terraform_looks_again(make: Callable[..., Stack]) -> None:
    # Given a stack whose emulator crashes
    stack = make()
    outputs = stack.up()
    pid = stack.status().emulator_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    # When it is brought up
    again = stack.up()
    # Then it holds what was saved at the end of `up`, and Terraform has looked whether anything is missing
    assert again == outputs
    assert len(SmallCloud.applies) == 2
    assert answers(stack) == 200
    assert sign_in(stack, again)


def queues(stack: Stack) -> set[str]:
    return {url.rsplit("/", 1)[-1] for url in stack.client("sqs").list_queues().get("QueueUrls", [])}


LOST = "CreateRole, https response error StatusCode: 409, EntityAlreadyExists: Role tonearm-api already exists."


def test_a_new_stack_that_an_earlier_try_stands_in_the_way_of_begins_anew(
    make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a first apply in which the answer to one call is lost
    stack = make()
    monkeypatch.setattr(SmallCloud, "refusal", LOST)
    # When it is brought up, Then it is up, and nothing of the first try is in it
    stack.up()
    assert len(SmallCloud.applies) == 2
    assert answers(stack) == 200
    assert queues(stack) == set()


def test_what_somebody_has_used_is_kept(make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make()
    stack.up()
    stack.client("sqs").create_queue(QueueName="somebodys-work")
    monkeypatch.setattr(SmallCloud, "source", "2")
    monkeypatch.setattr(SmallCloud, "refusal", LOST)
    with pytest.raises(StackError, match="EntityAlreadyExists"):
        stack.up()
    assert queues(stack) == {"made-already", "somebodys-work"}


def test_a_mistake_in_the_configuration_is_told_at_once(
    make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make()
    monkeypatch.setattr(SmallCloud, "refusal", "Invalid for_each argument")
    with pytest.raises(StackError, match="Invalid for_each argument"):
        stack.up()
    assert len(SmallCloud.applies) == 1


def test_what_changed_is_applied(make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make()
    stack.up()
    monkeypatch.setattr(SmallCloud, "source", "2")
    stack.up()
    stack.up()
    assert len(SmallCloud.applies) == 2


def test_an_interrupted_up_goes_on_where_it_was(make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an `up` that is interrupted while it applies
    stack = make()
    monkeypatch.setattr(SmallCloud, "interrupt", True)
    with pytest.raises(KeyboardInterrupt):
        stack.up()
    pid = stack.status().emulator_pid
    assert not stack.status().current
    # When it is run again, then it uses the emulator that runs, and applies
    stack.up()
    assert stack.status().emulator_pid == pid
    assert len(SmallCloud.applies) == 2


def test_two_stacks_do_not_meet(make: Callable[..., Stack]) -> None:
    # Given two stacks
    one, two = make("one"), make("two")
    first, second = one.up(), two.up()
    # Then each has its own user, whom the other does not know
    assert first.user_pool_id != second.user_pool_id
    assert first.demo_password != second.demo_password
    # And the end of one leaves the other
    one.down()
    assert answers(two) == 200
    assert sign_in(two, second)


@pytest.mark.parametrize("which", ["port", "edge_port"])
def test_a_port_that_is_taken_is_told_in_one_line_with_the_mend(make: Callable[..., Stack], which: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack = make(**{which: port})
        with pytest.raises(StackError) as error:
            stack.up()
        option = "--port" if which == "port" else "--edge-port"
        assert f"Port {port} is taken by" in str(error.value)
        assert f"{option} <port>" in str(error.value)
        assert "\n" not in str(error.value)
        # And nothing has been started, and the stranger is left alone
        assert which == "port" or not listens(stack.port)
        stack.down()
        assert listens(port)


def test_a_stack_cannot_move_to_another_port(make: Callable[..., Stack]) -> None:
    stack = make()
    stack.up()
    stack.down()
    moved = make(edge_port=stack.edge_port)
    with pytest.raises(StackError, match=f"was made on port {stack.port}, not {moved.port}.*reset"):
        moved.up()


def test_the_edge_may_move(make: Callable[..., Stack]) -> None:
    stack = make()
    stack.up()
    moved = make(port=stack.port)
    outputs = moved.up()
    assert outputs.edge_url == f"http://127.0.0.1:{moved.edge_port}"
    assert answers(moved) == 200
    assert not listens(stack.edge_port)


def test_one_command_at_a_time(make: Callable[..., Stack]) -> None:
    stack = make()
    stack.folder.mkdir(parents=True)
    with (stack.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StackError, match="Another command is at work on stack main"):
            stack.up()


def test_destroy_leaves_nothing_and_says_what_is_left(
    make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a stack whose resources Terraform forgets to delete
    stack = make()
    outputs = stack.up()
    monkeypatch.setattr(SmallCloud, "forgets", True)
    # When it is destroyed, then what is left is named, and can still be looked at
    with pytest.raises(StackError, match=r"this is left: lambda fn-.*cognito-idp users.*cloudfront "):
        stack.destroy()
    assert listens(stack.port)
    # When it is destroyed without a slip, then nothing is left and nothing runs
    monkeypatch.setattr(SmallCloud, "forgets", False)
    monkeypatch.setattr(SmallCloud, "outputs", lambda _: {"user_pool_id": outputs.user_pool_id})
    (stack.folder / "terraform" / "outputs.json").touch()
    stack.destroy()
    assert processes_of(stack) == []
    with pytest.raises(StackError, match="has not been brought up"):
        stack.outputs()


def test_reset_deletes_all_that_a_stack_holds(make: Callable[..., Stack]) -> None:
    stack = make()
    first = stack.up()
    stack.reset()
    assert not stack.folder.exists()
    assert processes_of(stack) == []
    assert stack.up().user_pool_id != first.user_pool_id


def test_an_emulator_that_does_not_start_shows_its_log(make: Callable[..., Stack]) -> None:
    stack = make()
    (stack.folder / "emulator").mkdir(parents=True)
    (stack.folder / "emulator" / "s3").write_text("in the way")
    with pytest.raises(StackError, match=r"(?s)The emulator did not start; its log says:.*FileExistsError"):
        stack.up()
    assert processes_of(stack) == []
    shutil.rmtree(stack.folder / "emulator")
    stack.up()


def test_outputs_that_are_missing_are_named(make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make()
    outputs = SmallCloud.outputs

    def without_queue(cloud: SmallCloud) -> dict[str, Any]:
        return {name: value for name, value in outputs(cloud).items() if name != "jobs_queue_url"}

    monkeypatch.setattr(SmallCloud, "outputs", without_queue)
    with pytest.raises(StackError, match="gives no output jobs_queue_url"):
        stack.up()


def test_faults_are_there_for_tests_only(make: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    def command(stack: Stack) -> list[str]:
        stack.up()
        words: list[str] = psutil.Process(stack.status().emulator_pid).cmdline()
        return words

    stack = make()
    assert "--faults" not in command(stack)
    monkeypatch.setenv("TONEARM_FAULTS", "1")
    armed = make(port=stack.port, edge_port=stack.edge_port)
    assert str(armed.faults_file) in command(armed)


@pytest.mark.parametrize("name", ["Main", "", "a/b", "..", "-x", "a" * 32])
def test_a_name_that_is_none_is_refused(name: str, root: Path) -> None:
    with pytest.raises(StackError, match="is no stack's name"):
        Stack(name, root=root)


def test_both_ports_must_differ(root: Path) -> None:
    with pytest.raises(StackError, match="cannot both have port 4566"):
        Stack(port=4566, edge_port=4566, root=root)


def test_a_stack_is_found_on_the_ports_that_it_was_made_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "repository_root", lambda: root)
    folder = root / ".tonearm" / "mine"
    folder.mkdir(parents=True)
    (folder / "stack.json").write_text('{"port": 4777, "edge_port": 8777}')
    assert (Stack.named("mine").port, Stack.named("mine").edge_port) == (4777, 8777)
    assert (Stack.named("mine", port=4888).port, Stack.named("new").port) == (4888, 4566)


def test_what_a_stack_holds_is_its_owners(make: Callable[..., Stack]) -> None:
    # Given a stack's folder that everybody may enter, as an older version made it
    stack = make()
    stack.folder.mkdir(parents=True, mode=0o755)
    # When a command is at work on it, then only its owner may
    stack.down()
    assert stack.folder.stat().st_mode & 0o777 == 0o700
    # And the same holds for one that is made anew
    stack.reset()
    stack.up()
    assert stack.folder.stat().st_mode & 0o777 == 0o700


def test_what_is_secret_is_the_owners_to_read(make: Callable[..., Stack]) -> None:
    stack = make()
    stack.up()
    for name in ("demo.json", "outputs.json"):
        assert (stack.folder / name).stat().st_mode & 0o077 == 0, name
