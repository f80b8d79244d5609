"""Emulators for the tests of the extensions: one with them, and ministack as it is shipped."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from tests.support.ports import free_port
from tonearm_local.artifacts import build_managed_runtime
from tonearm_local.emulator.settings import emulator_environment
from tonearm_local.paths import repository_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ACCOUNT = "000000000000"
REGION = "eu-west-1"


def zip_of(**sources: str) -> bytes:
    """Return a zip with one module a keyword: `zip_of(app="def handler(...): ...")`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for module, source in sources.items():
            archive.writestr(f"{module.replace('__', '/')}.py", textwrap.dedent(source))
    return buffer.getvalue()


@dataclass
class Cloud:
    """The few calls that the tests need of the emulator on a port."""

    port: int
    folder: Path
    managed_python: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def faults_file(self) -> Path:
        return self.folder / "faults.json"

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, read_timeout=60, s3={"addressing_style": "path"}),
        )

    def role(self, *statements: dict[str, Any]) -> str:
        """Make a role that functions and machines may take, with these grants and no other."""
        iam, name = self.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
        return arn

    def zip_function(self, source: str, *, layers: list[str] | None = None, **options: Any) -> str:
        """Make a Python zip function from the source of its module `app`, and return its name."""
        name = f"fn-{uuid.uuid4().hex[:8]}"
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=options.pop("Role", None) or self.role(),
            Handler="app.handler",
            Code={"ZipFile": zip_of(app=source)},
            Layers=layers or [],
            Timeout=options.pop("Timeout", 20),
            **options,
        )
        return name

    def image_function(self, source: str, **options: Any) -> str:
        """Put an image with the module `app` into the local registry, make a function of it, return its name."""
        digest = hashlib.sha256(source.encode()).hexdigest()
        image = self.folder / "images" / "tonearm" / "tiny" / digest
        (image / "task").mkdir(parents=True, exist_ok=True)
        (image / "task" / "app.py").write_text(textwrap.dedent(source))
        (image / "image.json").write_text(json.dumps({"python": str(self.managed_python), "task": "task"}))
        name = f"fn-{uuid.uuid4().hex[:8]}"
        self.client("lambda").create_function(
            FunctionName=name,
            PackageType="Image",
            Role=options.pop("Role", None) or self.role(),
            Code={"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/tonearm/tiny@sha256:{digest}"},
            ImageConfig={"Command": ["app.handler"]},
            Timeout=options.pop("Timeout", 20),
            **options,
        )
        return name

    def bucket(self, name: str) -> None:
        """Make a private bucket."""
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def layer(self, **sources: str) -> str:
        """Publish a layer with modules below `python/`, and return the ARN of its version."""
        content = zip_of(**{f"python__{module}": source for module, source in sources.items()})
        published = self.client("lambda").publish_layer_version(LayerName="layer", Content={"ZipFile": content})
        arn: str = published["LayerVersionArn"]
        return arn

    def distribution_before_an_api(self, function: str) -> str:
        """Put an HTTP API before a function and a distribution before that; return the distribution's host name."""
        gateway = self.client("apigatewayv2")
        api = gateway.create_api(Name=function, ProtocolType="HTTP")
        integration = gateway.create_integration(
            ApiId=api["ApiId"],
            IntegrationType="AWS_PROXY",
            IntegrationUri=f"arn:aws:lambda:eu-west-1:000000000000:function:{function}",
            PayloadFormatVersion="2.0",
        )
        target = f"integrations/{integration['IntegrationId']}"
        gateway.create_route(ApiId=api["ApiId"], RouteKey="GET /v1/{proxy+}", Target=target)
        gateway.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
        self.client("lambda").add_permission(
            FunctionName=function,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )
        ports = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
        host = f"{api['ApiId']}.execute-api.eu-west-1.amazonaws.com"
        behaviour = {
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "redirect-to-https",
            # Managed-CachingDisabled and Managed-AllViewerExceptHostHeader.
            "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        }
        config = {
            "CallerReference": uuid.uuid4().hex,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "api", "DomainName": host, "CustomOriginConfig": ports}]},
            "DefaultCacheBehavior": behaviour,
        }
        made = self.client("cloudfront").create_distribution(DistributionConfig=config)
        domain: str = made["Distribution"]["DomainName"]
        return domain

    def invoke(self, name: str, payload: Any = None) -> Any:
        """Invoke a function and return what it answers, an error payload included."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
        return json.loads(answer["Payload"].read())

    def machine(self, definition: dict[str, Any]) -> str:
        """Make a state machine and return its ARN."""
        arn: str = self.client("stepfunctions").create_state_machine(
            name=f"machine-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=self.role()
        )["stateMachineArn"]
        return arn

    def execution(self, arn: str, *, until: Callable[[dict[str, Any]], bool], limit_s: float = 15.0) -> dict[str, Any]:
        """Poll an execution until it satisfies `until`."""
        states, deadline = self.client("stepfunctions"), time.monotonic() + limit_s
        while True:
            seen: dict[str, Any] = states.describe_execution(executionArn=arn)
            if until(seen) or time.monotonic() > deadline:
                return seen
            time.sleep(0.05)


@dataclass
class Emulator(Cloud):
    """An emulator that a test has started."""

    process: subprocess.Popen[bytes] = field(kw_only=True)
    log: Path = field(kw_only=True)


def start(command: list[str], folder: Path, port: int, environment: dict[str, str]) -> Emulator:
    log = folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    emulator = Emulator(port, folder, process=process, log=log)
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/_ministack/health")
            connection.getresponse().read()
            connection.close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                stop(emulator)
                raise AssertionError(f"The emulator did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return emulator


def stop(emulator: Emulator) -> None:
    if emulator.process.poll() is None:
        emulator.process.send_signal(signal.SIGTERM)
        try:
            emulator.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(emulator.process.pid, signal.SIGKILL)
            emulator.process.wait()


@pytest.fixture(scope="session")
def managed_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with awslambdaric and boto3 only."""
    return build_managed_runtime(repository_root(), tmp_path_factory.mktemp("runtime"))


def start_ours(folder: Path, managed_python: Path) -> Emulator:
    """Start the emulator with our extensions, faults included, with its state in a folder."""
    port = free_port()
    options = {
        "--port": str(port),
        "--state-dir": str(folder / "state"),
        "--images-dir": str(folder / "images"),
        "--managed-python": str(managed_python),
        "--faults": str(folder / "faults.json"),
    }
    command = [sys.executable, "-m", "tonearm_local.emulator", *(part for pair in options.items() for part in pair)]
    # What a developer's shell may hold, and no function may see.
    leaked = {"AWS_PROFILE": "developer", "PIP_INDEX_URL": "http://leak.invalid", "TONEARM_LEAK": "developer"}
    running = start(command, folder, port, dict(os.environ) | leaked)
    running.managed_python = managed_python
    return running


def start_bare(folder: Path) -> Emulator:
    """Start ministack as it is shipped, with the settings that ours has."""
    port = free_port()
    (folder / "tmp").mkdir(exist_ok=True)
    environment = emulator_environment(os.environ, port=port, state_dir=folder)
    return start([sys.executable, "-m", "ministack"], folder, port, environment)


def start_again_bare(before: Emulator) -> Emulator:
    """Start it on what one that has stopped left; its settings name no port of its own."""
    return start_bare(before.folder)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory, managed_python: Path) -> Iterator[Emulator]:
    """The emulator with our extensions; its folder has a space in its name, as many a home has."""
    running = start_ours(tmp_path_factory.mktemp("with extensions"), managed_python)
    yield running
    stop(running)
    shutil.rmtree(running.folder)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """ministack as it is shipped: a test on it fails when an upgrade has closed a gap."""
    running = start_bare(tmp_path_factory.mktemp("bare"))
    yield running
    stop(running)
    shutil.rmtree(running.folder)


@pytest.fixture
def own_emulator(tmp_path: Path, managed_python: Path) -> Iterator[Callable[[], Emulator]]:
    """Start ours again and again on the same state, for tests that end it; the last one is stopped."""
    started: list[Emulator] = []

    def start_again() -> Emulator:
        started.append(start_ours(tmp_path, managed_python))
        return started[-1]

    yield start_again
    for running in started:
        stop(running)


@pytest.fixture
def own_bare(tmp_path: Path) -> Iterator[Emulator]:
    """A ministack as it is shipped, for a test that ends it."""
    folder = tmp_path / "bare"
    folder.mkdir()
    running = start_bare(folder)
    yield running
    stop(running)
