"""Terraform against a mocked provider: no account, no emulator, nothing written into the source tree."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infrastructure.configuration import BOUNDARY, ENVIRONMENTS, TERRAFORM, Configuration, Plan
from tonearm_local.errors import StackError
from tonearm_local.terraform import find_plugin_dir, find_terraform


def _initialised(folder: Path, data: Path) -> Configuration:
    try:
        executable = find_terraform()
    except StackError as missing:
        pytest.fail(str(missing), pytrace=False)
    foreign = ("AWS_", "TF_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment = kept | {
        "TF_DATA_DIR": str(data),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
        # A plan that reached for an account would fail here, and not find one.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    if own := os.environ.get("TF_CLI_CONFIG_FILE"):
        environment["TF_CLI_CONFIG_FILE"] = own
    configuration = Configuration(folder, executable, environment)
    plugins = find_plugin_dir()
    mirror = [f"-plugin-dir={plugins}"] if plugins else []
    # Read-only: a lock file that lacks this platform's provider must show here.
    done = configuration.run("init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly", *mirror)
    if done.returncode != 0:
        pytest.fail(f"terraform init failed in {folder.name}:\n{done.stderr or done.stdout}", pytrace=False)
    return configuration


@pytest.fixture(scope="session")
def root_module(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Given the configuration of a stack."""
    return _initialised(TERRAFORM, tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Given the configuration that stands before all stacks."""
    return _initialised(TERRAFORM / "bootstrap", tmp_path_factory.mktemp("bootstrap"))


@pytest.fixture(scope="session")
def configuration(root_module: Configuration, bootstrap: Configuration) -> Callable[[str], Configuration]:
    """Either configuration, by name."""
    return {"root": root_module, "bootstrap": bootstrap}.__getitem__


@pytest.fixture(scope="session")
def planned(root_module: Configuration) -> Callable[[str], Plan]:
    """The plan of an environment, made once."""
    plans: dict[str, Plan] = {}

    def plan_of(environment: str) -> Plan:
        if environment not in plans:
            plans[environment] = _plan(root_module, environment)
        return plans[environment]

    return plan_of


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest, planned: Callable[[str], Plan]) -> Plan:
    """Given the plan of each environment in turn."""
    return planned(request.param)


def _plan(root_module: Configuration, environment: str) -> Plan:
    done = root_module.run(
        "test",
        "-json",
        "-verbose",
        "-test-directory=tests/environments",
        f"-var-file=environments/{environment}.tfvars",
        # The laptop's emulator evaluates no boundary; what CI applies to AWS lies inside one.
        *([] if environment == "local" else [f"-var=permissions_boundary_arn={BOUNDARY}"]),
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    plans = [message["test_plan"] for message in messages if message["type"] == "test_plan"]
    if done.returncode != 0 or len(plans) != 1:
        told = [message["@message"] for message in messages if message.get("@level") == "error"]
        pytest.fail(f"{environment}.tfvars cannot be planned:\n" + "\n".join(told) + done.stderr, pytrace=False)
    return Plan(plans[0]["resource_changes"])
