"""Terraform is found, fed, followed and interrupted as it should; a small script stands for the program itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tonearm_local import terraform as terraform_module
from tonearm_local.errors import StackError
from tonearm_local.terraform import Change, Terraform, find_plugin_dir, find_terraform

if TYPE_CHECKING:
    from tonearm_local.progress import Step

# Notes how it was called, then does what the file `script.json` beside it says for the subcommand.
FAKE = """
    import json, os, signal, sys, time
    from pathlib import Path
    home = Path(__file__).parent
    subcommand = sys.argv[1]
    note = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ), "pid": os.getpid()}
    with (home / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(note) + "\\n")
    script = json.loads((home / "script.json").read_text()).get(subcommand, {})
    def interrupted(*_):
        (home / "interrupted").touch()
        raise SystemExit(1)
    signal.signal(signal.SIGINT, interrupted)
    for line in script.get("lines", []):
        print(line if isinstance(line, str) else json.dumps(line), flush=True)
    time.sleep(script.get("seconds", 0))
    if subcommand == "init":
        Path(".terraform").mkdir(exist_ok=True)
    sys.stderr.write(script.get("stderr", ""))
    raise SystemExit(script.get("status", 0))
"""


class Fake:
    """The script on PATH, what it is told to say, and how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "program.py"
        program.write_text(textwrap.dedent(FAKE))
        (folder / "bin").mkdir()
        (folder / "bin" / "terraform").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
        (folder / "bin" / "terraform").chmod(0o755)
        self.says(version={"lines": [json.dumps({"terraform_version": "1.11.4"})]})

    def says(self, **subcommands: dict[str, Any]) -> None:
        file = self.folder / "script.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(known | subcommands))

    def calls(self, subcommand: str) -> list[dict[str, Any]]:
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["arguments"][0] == subcommand]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    (tmp_path / "fake").mkdir()
    made = Fake(tmp_path / "fake")
    monkeypatch.setenv("PATH", f"{made.folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path / "plugins"))
    monkeypatch.setattr(terraform_module, "_checked", set())
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a configuration of two files and a module."""
    source = tmp_path / "check out" / "terraform"
    (source / "environments").mkdir(parents=True)
    (source / "modules" / "queue").mkdir(parents=True)
    (source / "main.tf").write_text("# main\n")
    (source / "backend.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    (source / "modules" / "queue" / "main.tf").write_text("# queue\n")
    (source / "environments" / "local.tfvars").write_text("")
    (source / ".terraform.lock.hcl").write_text("# lock\n")
    return tmp_path / "check out"


@pytest.fixture
def terraform(root: Path, fake: Fake) -> Terraform:
    folder = root / ".tonearm" / "main" / "terraform"
    variables = {"images": {"light": "a", "audio": "b"}}
    return Terraform(root=root, folder=folder, endpoint_url="http://127.0.0.1:4566", variables=variables)


def planned(address: str, action: str) -> dict[str, Any]:
    return {"type": "planned_change", "change": {"resource": {"addr": address}, "action": action}}


def hook(kind: str, address: str, action: str = "create", **more: Any) -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": address}, "action": action, **more}}


def test_a_missing_or_old_terraform_is_told_in_one_line(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake.says(version={"lines": [json.dumps({"terraform_version": "1.9.8"})]})
    with pytest.raises(StackError, match=r"^Terraform 1\.9\.8 at .* is too old; .* 1\.11 or newer\.$"):
        find_terraform()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(StackError, match=r"^Terraform is not installed; get 1\.11 or newer from https://.*$"):
        find_terraform()


@pytest.mark.parametrize("version", ["1.11.0", "1.11.4", "1.12.0-rc1", "2.0.0"])
def test_a_new_enough_terraform_is_taken(fake: Fake, version: str) -> None:
    fake.says(version={"lines": [json.dumps({"terraform_version": version})]})
    assert find_terraform() == str(fake.folder / "bin" / "terraform")


def test_an_apply_is_counted_resource_by_resource(terraform: Terraform, fake: Fake) -> None:
    # Given an apply that creates one resource, replaces another, reads a third, and has a provider that chats
    fake.says(
        apply={
            "lines": [
                planned("aws_sqs_queue.jobs", "create"),
                planned("aws_lambda_layer_version.core", "replace"),
                "a line of a provider",
                hook("apply_start", "data.aws_region.here", "read"),
                hook("apply_complete", "data.aws_region.here", "read"),
                hook("apply_start", "aws_sqs_queue.jobs"),
                hook("apply_progress", "aws_sqs_queue.jobs", elapsed_seconds=10),
                hook("apply_complete", "aws_sqs_queue.jobs"),
                hook("apply_complete", "aws_lambda_layer_version.core", "delete"),
                hook("apply_complete", "aws_lambda_layer_version.core", "create"),
            ]
        }
    )
    steps: list[Step] = []
    # When it is followed
    terraform.apply(steps.append)
    # Then every step of it can be read, with the count
    counted = [str(step) for step in steps if step.total is not None]
    assert counted == [
        "Applying Terraform 0 of 3: aws_sqs_queue.jobs",
        "Applying Terraform 0 of 3: aws_sqs_queue.jobs (10 s)",
        "Applying Terraform 1 of 3: aws_sqs_queue.jobs",
        "Applying Terraform 2 of 3: aws_lambda_layer_version.core",
        "Applying Terraform 3 of 3: aws_lambda_layer_version.core",
    ]


def test_a_plan_lists_its_changes(terraform: Terraform, fake: Fake) -> None:
    fake.says(plan={"lines": [planned("aws_sqs_queue.jobs", "update")]})
    assert terraform.plan() == [Change("aws_sqs_queue.jobs", "update")]
    fake.says(plan={"lines": [{"type": "change_summary"}]})
    assert terraform.plan() == []


def test_what_terraform_says_of_a_failure_is_told(terraform: Terraform, fake: Fake) -> None:
    diagnostic = {
        "severity": "error",
        "summary": "creating queue",
        "detail": "AccessDenied.",
        "address": "aws_sqs_queue.jobs",
        "range": {"filename": "queue.tf", "start": {"line": 7}},
    }
    warning = {"severity": "warning", "summary": "deprecated"}
    lines = [{"type": "diagnostic", "diagnostic": warning}, {"type": "diagnostic", "diagnostic": diagnostic}]
    fake.says(apply={"lines": lines, "status": 1})
    with pytest.raises(StackError) as failure:
        terraform.apply()
    told = str(failure.value)
    assert told == "`terraform apply` failed:\naws_sqs_queue.jobs: creating queue (queue.tf:7). AccessDenied."


def test_an_interrupted_apply_may_save_its_state(terraform: Terraform, fake: Fake) -> None:
    # Given an apply that takes long, and somebody who presses Ctrl-C meanwhile
    fake.says(apply={"lines": [hook("apply_start", "aws_sqs_queue.jobs")], "seconds": 30})

    def press(step: Step) -> None:
        if step.detail == "aws_sqs_queue.jobs":
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            terraform.apply(press)
    finally:
        signal.signal(signal.SIGINT, before)
    # Then Terraform was told once, and had ended before the interruption went on
    assert (fake.folder / "interrupted").exists()
    assert time.monotonic() - began < 20


def test_it_runs_in_a_working_copy_against_the_emulator_only(
    terraform: Terraform, fake: Fake, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a developer with other work in the shell
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
    monkeypatch.setenv("TF_VAR_prefix", "other")
    monkeypatch.setenv("TF_WORKSPACE", "other")
    # When Terraform applies
    terraform.apply()
    (call,) = fake.calls("apply")
    # Then it sees the emulator and none of that
    environment = call["environment"]
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "TF_VAR_prefix", "TF_WORKSPACE"} & environment.keys()
    # And it works in the copy, on links to the configuration and a backend of its own
    copy = Path(call["cwd"])
    assert copy == root / ".tonearm" / "main" / "terraform"
    assert (copy / "main.tf").resolve() == root / "terraform" / "main.tf"
    assert (copy / "modules").resolve() == root / "terraform" / "modules"
    assert 'backend "local"' in (copy / "backend_override.tf").read_text()
    assert json.loads((copy / "stack.tfvars.json").read_text()) == {"images": {"light": "a", "audio": "b"}}
    # And this stack's values win over those of every laptop
    files = [argument for argument in call["arguments"] if argument.startswith("-var-file")]
    assert files == [f"-var-file={root}/terraform/environments/local.tfvars", "-var-file=stack.tfvars.json"]
    # And nothing was written into the configuration itself
    found = sorted(file.name for file in (root / "terraform").iterdir())
    assert found == [".terraform.lock.hcl", "backend.tf", "environments", "main.tf", "modules"]


def test_init_runs_once_for_the_same_configuration(terraform: Terraform, fake: Fake, root: Path) -> None:
    terraform.plan()
    terraform.plan()
    assert len(fake.calls("init")) == 1
    assert f"-plugin-dir={root.parent / 'plugins'}" in fake.calls("init")[0]["arguments"]
    # When a module's files change, and one file goes, then it runs again, on the files of now
    (root / "terraform" / "modules" / "queue" / "main.tf").write_text("# other\n")
    (root / "terraform" / "other.tf").write_text("")
    terraform.plan()
    (root / "terraform" / "other.tf").unlink()
    terraform.plan()
    assert len(fake.calls("init")) == 3
    assert not (root / ".tonearm" / "main" / "terraform" / "other.tf").is_symlink()


def test_a_failed_init_says_why_and_is_tried_again(terraform: Terraform, fake: Fake) -> None:
    fake.says(init={"status": 1, "stderr": "no such provider"})
    with pytest.raises(StackError, match="no such provider"):
        terraform.init()
    fake.says(init={})
    terraform.init()
    assert len(fake.calls("init")) == 2


def test_the_fingerprint_follows_configuration_values_and_named_folders(terraform: Terraform, root: Path) -> None:
    folder = root / "zips"
    folder.mkdir()

    def fingerprint(**variables: Any) -> str:
        made = Terraform(root=root, folder=root / "copy", endpoint_url="", variables=variables)
        return made.fingerprint()

    values = {"artifacts_dir": str(folder), "images": {"light": "a"}}
    seen = {fingerprint(**values)}
    assert fingerprint(**values) in seen
    (folder / "layer.zip").write_bytes(b"1")
    seen.add(fingerprint(**values))
    (root / "terraform" / "main.tf").write_text("# changed\n")
    seen.add(fingerprint(**values))
    seen.add(fingerprint(**values | {"images": {"light": "b"}}))
    assert len(seen) == 4
    # Terraform's own folder changes nothing
    (root / "terraform" / ".terraform").mkdir()
    (root / "terraform" / ".terraform" / "x").touch()
    assert fingerprint(**values | {"images": {"light": "b"}}) in seen


def test_outputs_and_resources_before_the_first_apply_are_none(terraform: Terraform) -> None:
    assert terraform.outputs() == {}
    assert terraform.resources() == []


def test_outputs_and_resources_are_read(terraform: Terraform, fake: Fake) -> None:
    terraform.init()
    terraform.state_file.write_text("{}")
    fake.says(
        output={"lines": [json.dumps({"region": {"value": "eu-west-1"}, "names": {"value": {"api": "tonearm-api"}}})]},
        state={"lines": ["data.aws_region.here", "module.a.data.aws_region.here", 'module.step["data"].aws_x.this']},
    )
    assert terraform.outputs() == {"region": "eu-west-1", "names": {"api": "tonearm-api"}}
    assert terraform.resources() == ['module.step["data"].aws_x.this']


class TestPluginDir:
    """Where providers come from on a machine that cannot reach the registry."""

    @pytest.fixture(autouse=True)
    def _machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("TF_PLUGIN_DIR", "TF_CLI_CONFIG_FILE", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
        (tmp_path / "home").mkdir()
        monkeypatch.setattr(terraform_module, "ADD_ON_FOLDERS", (tmp_path / "opt",))
        monkeypatch.setattr(terraform_module, "_registry_answers", lambda: False)

    @staticmethod
    def mirror(folder: Path) -> Path:
        (folder / "registry.terraform.io" / "hashicorp" / "aws").mkdir(parents=True)
        return folder

    def test_the_developers_word_is_taken(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path / "named"))
        assert find_plugin_dir() == tmp_path / "named"

    def test_nothing_is_looked_for_where_the_registry_answers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.mirror(tmp_path / "opt" / "mirror")
        monkeypatch.setattr(terraform_module, "_registry_answers", lambda: True)
        assert find_plugin_dir() is None

    def test_a_configuration_that_names_sources_is_left_to_terraform(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror = self.mirror(tmp_path / "opt" / "mirror")
        monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "absent"))
        assert find_plugin_dir() == mirror
        (tmp_path / "present").write_text("provider_installation {}")
        monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "present"))
        assert find_plugin_dir() is None

    @pytest.mark.parametrize(
        "place", ["home/.terraform.d/plugins", "home/.local/share/terraform/plugins", "home/.mirror", "opt/mirror"]
    )
    def test_a_mirror_is_found_in_its_usual_places(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "opt" / "another").mkdir(parents=True)
        assert find_plugin_dir() is None
        mirror = self.mirror(tmp_path / place)
        assert find_plugin_dir() == mirror


def test_a_registry_that_cannot_be_reached_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terraform_module, "_REGISTRY", "https://registry.invalid/.well-known/terraform.json")
    assert not terraform_module._registry_answers()


def test_the_real_terraform_takes_the_arguments(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a configuration that needs no provider, so that the real program can run it without a network
    source = root / "terraform"
    (source / "main.tf").write_text(
        'variable "name" {\n  type = string\n}\n'
        'resource "terraform_data" "one" {\n  input = var.name\n}\n'
        'output "name" {\n  value = terraform_data.one.output\n}\n'
    )
    (source / "environments" / "local.tfvars").write_text('name = "of every laptop"\n')
    (source / ".terraform.lock.hcl").write_text("")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(root))
    made = Terraform(root=root, folder=root / "copy", endpoint_url="http://x", variables={"name": "of this stack"})
    steps: list[Step] = []
    # When it is planned, applied, planned again and destroyed
    assert made.plan() == [Change("terraform_data.one", "create")]
    made.apply(steps.append)
    assert made.outputs() == {"name": "of this stack"}
    assert made.resources() == ["terraform_data.one"]
    assert made.plan() == []
    made.destroy()
    # Then nothing is left, and the real events gave a count
    assert made.resources() == []
    assert (steps[-1].done, steps[-1].total) == (1, 1)


# `tonearm demo`, whose song is a Terraform that takes long.
DEMO = """
    import signal
    import sys
    from pathlib import Path
    from tonearm_cli import demo, main
    from tonearm_local.terraform import Terraform
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Whoever runs the tests may ignore it, as nohup(1) does.
    root, url = Path(sys.argv[1]), "http://127.0.0.1:4566"
    terraform = Terraform(root=root, folder=root / "terraform-of-demo", endpoint_url=url, variables={})
    demo.run = lambda *_: terraform.apply(lambda step: print(step, flush=True))
    main.app(["demo"])
"""


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_leaves_no_terraform_running(
    root: Path, fake: Fake, tmp_path: Path, ending: signal.Signals
) -> None:
    # Given a demo that applies
    fake.says(apply={"lines": [hook("apply_start", "aws_sqs_queue.jobs")], "seconds": 30})
    command = [sys.executable, "-c", textwrap.dedent(DEMO), str(root)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "aws_sqs_queue.jobs" not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
        # When something else than Ctrl-C ends it
        process.send_signal(ending)
        said = process.stderr.read()
    # Then it says how to go on, and Terraform was interrupted and has ended
    assert (process.returncode, said) == (130, "tonearm: interrupted; run the same command again to go on.\n")
    assert (fake.folder / "interrupted").exists()
    assert not psutil.pid_exists(fake.calls("apply")[0]["pid"])
