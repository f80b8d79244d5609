"""The laptop stack: the emulator, what is deployed to it, and the edge before it.

    stack = Stack("main")
    outputs = stack.up()
    ...
    stack.down()

Everything of a stack lies in `.tonearm/<name>/` at the root of the checkout. Every step looks at what is there and
does only what is missing, so that `up` can be interrupted anywhere and run again.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tonearm_local.artifacts import LocalArtifacts, build_local, find_uv
from tonearm_local.defaults import DEFAULT_EDGE_PORT, DEFAULT_NAME, DEFAULT_PORT
from tonearm_local.emulator.settings import SAVED
from tonearm_local.errors import StackError
from tonearm_local.images.deployed import StackContainers
from tonearm_local.paths import local_folder, repository_root
from tonearm_local.processes import Daemon, listener
from tonearm_local.progress import Progress, Step, quiet
from tonearm_local.terraform import Terraform, find_terraform

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO_USER = "demo@tonearm.example"

# Seconds: the emulator starts in one, and writes its state in a few, unless the machine has much else to do.
_START_LIMIT_S = 120.0
_STOP_GRACE_S = 60.0
_SAVE_LIMIT_S = 60.0
# A cold function behind the deployment of others.
_HEALTH_LIMIT_S = 60.0
_HERE = Path(__file__).parent
# What each background process of ours runs.
_EMULATOR_SOURCES = (_HERE / "emulator", _HERE / "loopback.py")
_CONTAINER_SOURCES = (_HERE / "images",)
_EDGE_SOURCES = (_HERE / "edge.py", _HERE / "loopback.py")
# How AWS's services say that what is to be made is there.
_EXISTS_ALREADY = re.compile(r"StatusCode: 409|AlreadyExist|already exists|AlreadyOwned")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Outputs:
    """What one needs to use a running stack: Terraform's outputs, addresses, and the demo user's login."""

    region: str
    account_id: str
    api_id: str
    api_endpoint: str
    user_pool_id: str
    user_pool_client_id: str
    uploads_bucket: str
    media_bucket: str
    web_bucket: str
    studio_table: str
    jobs_queue_url: str
    jobs_dlq_url: str
    state_machine_arn: str
    job_events_topic_arn: str
    distribution_domain: str
    distribution_id: str
    function_names: dict[str, str]
    function_role_arns: dict[str, str]
    endpoint_url: str
    edge_url: str
    api_url: str
    demo_user: str
    demo_password: str


@dataclass(frozen=True)
class Status:
    """How a stack stands.

    Attributes:
        emulator_pid: None while it does not run; the same for `edge_pid`.
        resources: how many resources Terraform has made.
        current: whether what is deployed is what the checkout holds, as of the last `up`.
    """

    name: str
    port: int
    edge_port: int
    emulator_pid: int | None
    edge_pid: int | None
    resources: int
    current: bool

    @property
    def running(self) -> bool:
        """Tell whether the stack can be used."""
        return self.emulator_pid is not None and self.edge_pid is not None


class Stack:
    """One laptop stack, by name. Stacks of other names and ports do not meet it."""

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        port: int = DEFAULT_PORT,
        edge_port: int = DEFAULT_EDGE_PORT,
        *,
        with_faults: bool | None = None,
        own_emulator: bool = True,
        in_containers: bool = False,
        root: Path | None = None,
    ) -> None:
        """Describe a stack; nothing is started.

        Args:
            name: 1 to 31 lower-case letters, digits and hyphens.
            port: TCP port of the emulator on 127.0.0.1.
            edge_port: TCP port of the web page and the API on 127.0.0.1.
            own_emulator: False when what answers at `port` is somebody else's, LocalStack say: it is used, and neither
                started nor stopped.
            in_containers: whether image functions run as real containers, under Lambda's limits, and not as processes.
            with_faults: whether tests may inject faults by `faults_file`; by default when TONEARM_FAULTS is set.
            root: the checkout; by default the one that this package belongs to.
        """
        if not _NAME.fullmatch(name):
            raise StackError(f"{name!r} is no stack's name; use 1 to 31 lower-case letters, digits and hyphens.")
        if port == edge_port:
            raise StackError(f"The emulator and the edge cannot both have port {port}; choose another --edge-port.")
        self.name = name
        self.port = port
        self.edge_port = edge_port
        self._with_faults = bool(os.environ.get("TONEARM_FAULTS")) if with_faults is None else with_faults
        self.own_emulator = own_emulator
        self.in_containers = in_containers and own_emulator
        self._root = (root or repository_root()).resolve()
        self.folder = local_folder(self._root) / name
        self._containers = StackContainers(self._root, self.folder)

    @classmethod
    def named(
        cls,
        name: str = DEFAULT_NAME,
        *,
        port: int | None = None,
        edge_port: int | None = None,
        in_containers: bool | None = None,
    ) -> Stack:
        """Return a stack on the ports that were asked for, else those it was made with, else the default ones.

        The same holds for what its image functions run in.
        """
        made = _read_json(local_folder(repository_root()) / name / "stack.json")
        return cls(
            name,
            port or made.get("port", DEFAULT_PORT),
            edge_port or made.get("edge_port", DEFAULT_EDGE_PORT),
            in_containers=made.get("in_containers", False) if in_containers is None else in_containers,
        )

    @property
    def endpoint_url(self) -> str:
        """Address of the emulator, for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def edge_url(self) -> str:
        """Address of the web page; the API is below `/v1`."""
        return f"http://127.0.0.1:{self.edge_port}"

    @property
    def faults_file(self) -> Path:
        """File by which tests arm faults (`tonearm_local.emulator.faults.Faults`)."""
        return self.folder / "faults.json"

    @property
    def logs(self) -> Path:
        """Folder of emulator.log, edge.log and terraform.log."""
        return self.folder / "logs"

    def up(self, progress: Progress = quiet) -> Outputs:
        """Bring the stack up, or bring what has changed up to date, and return how to use it.

        Raises StackError with what is wrong and how to mend it. Interrupted anywhere, it can be run again.
        """
        find_terraform()
        find_uv(self._root)
        with self._locked(), ExitStack() as lent:
            self._keep_ports()
            if self._edge.pid is None:
                # Of the two ports the one that is needed last: told now, and not after a minute of work.
                self._refuse_taken(self.edge_port, "EDGE_PORT")
            progress(Step("Building functions and page"))
            artifacts = build_local(self._root, self._cache, self._zips)
            if artifacts.stale:
                progress(Step("Building functions and page", f"the page stays as it was: {artifacts.stale}"))
            if self.in_containers:
                lent.enter_context(self._containers.prepared(artifacts.images, progress))
            sound = self._start_emulator(artifacts, progress)
            self._apply(artifacts, progress, even_if_current=not sound)
            terraform_outputs = self._terraform(artifacts).outputs()
            _write_json(self._made_file, _read_json(self._made_file) | {"region": terraform_outputs["region"]})
            self._start_edge(terraform_outputs, progress)
            password = self._make_demo_user(terraform_outputs, progress)
            outputs = self._outputs(terraform_outputs, password)
            self._check(progress)
            _write_json(self._outputs_file, asdict(outputs), private=True)
            return outputs

    def down(self) -> None:
        """Stop everything of the stack and keep its state: afterwards nothing listens and nothing runs."""
        if self.folder.is_dir():
            with self._locked():
                self._stop()

    def destroy(self, progress: Progress = quiet) -> None:
        """Let Terraform delete every resource, check that none is left, and stop.

        Raises StackError naming what is left; the emulator then goes on running, so that one can look.
        """
        with self._locked():
            artifacts = build_local(self._root, self._cache, self._zips)
            self._start_emulator(artifacts, progress)
            self._terraform(artifacts).destroy(progress)
            self._applied_file.unlink(missing_ok=True)
            self._outputs_file.unlink(missing_ok=True)
            # Of what somebody else's emulator holds, most may be somebody else's.
            left = self.leftovers() if self.own_emulator else []
            if left:
                raise StackError(f"Terraform has destroyed the stack, but this is left: {', '.join(left)}.")
            self._stop()

    def reset(self) -> None:
        """Stop everything and delete all that the stack holds: songs, users, logs and Terraform's state."""
        if self.folder.is_dir():
            with self._locked():
                self._stop()
                shutil.rmtree(self.folder)

    def status(self) -> Status:
        """Return how the stack stands."""
        made = self._outputs_file.is_file()
        state = _read_json(self._terraform_folder / "terraform.tfstate")
        managed = [entry for entry in state.get("resources", []) if entry["mode"] == "managed"]
        return Status(
            name=self.name,
            port=self.port,
            edge_port=self.edge_port,
            emulator_pid=self._emulator.pid,
            edge_pid=self._edge.pid,
            resources=sum(len(entry["instances"]) for entry in managed),
            current=made and self._applied_file.is_file(),
        )

    def outputs(self) -> Outputs:
        """Return what the last `up` returned. Raises StackError when there was none."""
        found = _read_json(self._outputs_file)
        if not found:
            raise StackError(f"Stack {self.name} has not been brought up; run `tonearm stack up`.")
        return Outputs(**found)

    def terraform(self) -> Terraform:
        """Return Terraform for this stack, with what is built of the checkout now: for a plan, say."""
        return self._terraform(build_local(self._root, self._cache, self._zips))

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator with its root key."""
        return boto3.client(
            service,  # type: ignore[call-overload] # the stubs know literal names only
            endpoint_url=self.endpoint_url,
            region_name=self._region(),
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator's own root key
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    def leftovers(self) -> list[str]:
        """Return the names of what exists in the emulator that Terraform should have made and deleted."""
        found: list[str] = []
        for service, operation, key, name in (
            ("s3", "list_buckets", "Buckets", "Name"),
            ("dynamodb", "list_tables", "TableNames", ""),
            ("lambda", "list_functions", "Functions", "FunctionName"),
            ("lambda", "list_layers", "Layers", "LayerName"),
            ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
            ("sqs", "list_queues", "QueueUrls", ""),
            ("sns", "list_topics", "Topics", "TopicArn"),
            ("stepfunctions", "list_state_machines", "stateMachines", "name"),
            ("apigatewayv2", "get_apis", "Items", "Name"),
            ("events", "list_rules", "Rules", "Name"),
            ("iam", "list_roles", "Roles", "RoleName"),
            ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ):
            entries = getattr(self.client(service), operation)().get(key) or []
            found += [f"{service} {entry[name] if name else entry}" for entry in entries]
        pools = self.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
        found += [f"cognito-idp {pool['Name']}" for pool in pools]
        distributions = self.client("cloudfront").list_distributions()["DistributionList"].get("Items") or []
        found += [f"cloudfront {distribution['DomainName']}" for distribution in distributions]
        return found

    def environment(self) -> dict[str, str]:
        """Return the variables with which AWS's own tools and SDKs talk to this stack."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self._region(),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    # ------------------------------------------------------------------ the parts of `up`

    def _keep_ports(self) -> None:
        """Note the ports of a new stack; queue addresses hold the emulator's, so a stack cannot move to another."""
        made = _read_json(self._made_file)
        if made and made["port"] != self.port and self._applied_file.exists():
            message = (
                f"Stack {self.name} was made on port {made['port']}, not {self.port}. Use that port, another --name, "
                f"or delete what it holds with `tonearm stack reset --name {self.name}`."
            )
            raise StackError(message)
        now = {"port": self.port, "edge_port": self.edge_port, "in_containers": self.in_containers}
        _write_json(self._made_file, made | now)

    def _start_emulator(self, artifacts: LocalArtifacts, progress: Progress) -> bool:
        """Start the emulator unless it runs; True when it holds the state that the last `apply` left."""
        if not self.own_emulator:
            if not _listens(self.port):
                raise StackError(f"Nothing answers at {self.endpoint_url}; start it, then run this again.")
            return True
        options: list[str | Path] = ["--port", str(self.port), "--state-dir", self._emulator_folder]
        options += ["--images-dir", artifacts.registry, "--managed-python", artifacts.managed_python]
        if self._with_faults:
            options += ["--faults", self.faults_file]
        sources = list(_EMULATOR_SOURCES)
        if self.in_containers and self._containers.file.exists():
            options += ["--containers", self._containers.file]
            # Other images, or an engine that was started anew: other workers.
            sources += [*_CONTAINER_SOURCES, self._containers.file]
        command = [sys.executable, "-m", "tonearm_local.emulator", *options]
        key = _key(command, *sources)
        # It may be starting since an `up` that was interrupted, or be about to end.
        if self._emulator.runs(key) and self._emulator.wait_until(self._emulator_answers, limit_s=_START_LIMIT_S):
            return True
        progress(Step("Starting the emulator", f"port {self.port}"))
        # After a crash the state on disk is older than Terraform's, so that something may have to be made again.
        sound = self._stop_emulator() or (self._stopped_file.exists() and self._emulator_folder.exists())
        self._refuse_taken(self.port, "PORT")
        self._stopped_file.unlink(missing_ok=True)
        self._emulator.start(command, environment=dict(os.environ), key=key)
        if not self._emulator.wait_until(self._emulator_answers, limit_s=_START_LIMIT_S):
            self._emulator.stop(grace_s=1)
            raise StackError(f"The emulator did not start; its log says:\n{self._emulator.last_lines()}")
        return sound

    def _apply(self, artifacts: LocalArtifacts, progress: Progress, *, even_if_current: bool) -> None:
        terraform = self._terraform(artifacts)
        # What the emulator forgets of a resource, a newer extension of ours may remember.
        fingerprint = f"{terraform.fingerprint()} {_key([], *_EMULATOR_SOURCES)}"
        applied = self._applied_file.read_text() if self._applied_file.is_file() else ""
        if applied == fingerprint and not even_if_current:
            return
        # Whatever interrupts the apply, the next `up` applies again.
        self._applied_file.unlink(missing_ok=True)
        try:
            terraform.apply(progress)
        except StackError as failure:
            # A try that was killed may have made what Terraform has not noted: the next one is told that it exists, and
            # would be told so for ever. A stack that was never up holds nothing to lose.
            unused = self.own_emulator and not self._outputs_file.is_file()
            if not (unused and _EXISTS_ALREADY.search(str(failure))):
                raise
            progress(Step("Beginning anew", "what an earlier try left cannot be gone on from"))
            self._stop_emulator()
            shutil.rmtree(self._emulator_folder)
            terraform.forget()
            self._start_emulator(artifacts, progress)
            terraform.apply(progress)
        self.save()
        self._applied_file.write_text(fingerprint)

    def _start_edge(self, outputs: dict[str, Any], progress: Progress) -> None:
        options = ["--port", str(self.edge_port), "--emulator-port", str(self.port)]
        command = [
            sys.executable,
            "-m",
            "tonearm_local.edge",
            *options,
            "--distribution",
            outputs["distribution_domain"],
        ]
        key = _key(command, *_EDGE_SOURCES)
        if not (self._edge.runs(key) and self._edge.wait_until(self._edge_listens, limit_s=_START_LIMIT_S)):
            progress(Step("Starting the edge", f"port {self.edge_port}"))
            self._edge.stop(grace_s=5)
            self._refuse_taken(self.edge_port, "EDGE_PORT")
            self._edge.start(command, environment=dict(os.environ), key=key)
            if not self._edge.wait_until(self._edge_listens, limit_s=_START_LIMIT_S):
                self._edge.stop(grace_s=1)
                raise StackError(f"The edge did not start; its log says:\n{self._edge.last_lines()}")

    def _make_demo_user(self, outputs: dict[str, Any], progress: Progress) -> str:
        """Make the demo user unless it exists, and return its password, which this stack made up."""
        noted = _read_json(self._demo_file)
        if noted.get("user_pool_id") == outputs["user_pool_id"]:
            return str(noted["password"])
        progress(Step("Making the demo user", DEMO_USER))
        cognito, pool = self.client("cognito-idp"), outputs["user_pool_id"]
        # Every kind of character that a password policy may ask for.
        password = f"{secrets.token_urlsafe(12)}-Aa1"
        attributes = [{"Name": "email", "Value": DEMO_USER}, {"Name": "email_verified", "Value": "true"}]
        try:
            cognito.admin_create_user(
                UserPoolId=pool, Username=DEMO_USER, UserAttributes=attributes, MessageAction="SUPPRESS"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "UsernameExistsException":
                raise
        cognito.admin_set_user_password(UserPoolId=pool, Username=DEMO_USER, Password=password, Permanent=True)
        self.save()
        _write_json(self._demo_file, {"user_pool_id": pool, "password": password}, private=True)
        return password

    def _check(self, progress: Progress) -> None:
        """Ask the API for its health the way a browser does: through edge, distribution, gateway and function."""
        progress(Step("Waiting for the API", self.edge_url))
        deadline = time.monotonic() + _HEALTH_LIMIT_S
        while True:
            answer = _get(self.edge_port, "/v1/health")
            if answer == HTTPStatus.OK:
                return
            if time.monotonic() > deadline:
                said = f"HTTP {answer.value}" if answer else "nothing"
                where = f"{self.edge_url}/v1/health"
                message = f"The stack runs, but {where} answers {said}; see `tonearm stack logs api`."
                raise StackError(message)
            time.sleep(0.2)

    def _outputs(self, outputs: dict[str, Any], password: str) -> Outputs:
        own: dict[str, Any] = {
            "endpoint_url": self.endpoint_url,
            "edge_url": self.edge_url,
            "api_url": f"{self.edge_url}/v1",
            "demo_user": DEMO_USER,
            "demo_password": password,
        }
        known = {field.name for field in fields(Outputs)}
        missing = known - own.keys() - outputs.keys()
        if missing:
            raise StackError(f"The configuration in terraform/ gives no output {', '.join(sorted(missing))}.")
        return Outputs(**{name: value for name, value in outputs.items() if name in known}, **own)

    # ------------------------------------------------------------------ the parts of `down`

    def _stop(self) -> None:
        self._edge.stop(grace_s=5)
        self._stop_emulator()

    def _stop_emulator(self) -> bool:
        """Stop the emulator; True when it ran and could write its state."""
        if not self.own_emulator:
            return True
        ran = self._emulator.pid is not None
        saved = self._emulator.stop(grace_s=_STOP_GRACE_S)
        self._containers.clear()
        if ran and saved:
            self._stopped_file.touch()
        return ran and saved

    def save(self) -> None:
        """Let the emulator write its state now, so that a crash later does not undo what was applied."""
        if not self.own_emulator:
            return
        marker = self._emulator_folder / SAVED
        marker.unlink(missing_ok=True)
        self._emulator.signal(signal.SIGUSR1)
        if not self._emulator.wait_until(marker.exists, limit_s=_SAVE_LIMIT_S):
            raise StackError(f"The emulator did not save its state; its log says:\n{self._emulator.last_lines()}")

    # ------------------------------------------------------------------ small things

    @cached_property
    def _emulator(self) -> Daemon:
        pid_file, log = self.folder / "emulator.pid", self.logs / "emulator.log"
        return Daemon(name="emulator", pid_file=pid_file, log=log, marker="tonearm_local.emulator")

    @cached_property
    def _edge(self) -> Daemon:
        pid_file, log = self.folder / "edge.pid", self.logs / "edge.log"
        return Daemon(name="edge", pid_file=pid_file, log=log, marker="tonearm_local.edge")

    def _terraform(self, artifacts: LocalArtifacts) -> Terraform:
        origins = [f"http://{host}:{self.edge_port}" for host in ("127.0.0.1", "localhost")]
        variables = {
            "artifacts_dir": str(artifacts.zips),
            "statemachines_dir": str(self._root / "statemachines"),
            "web_dir": str(artifacts.web),
            "images": artifacts.image_uris(),
            "extra_web_origins": origins,
            "emulator_origin": self.endpoint_url,
        }
        return Terraform(
            root=self._root, folder=self._terraform_folder, endpoint_url=self.endpoint_url, variables=variables
        )

    def _refuse_taken(self, port: int, variable: str) -> None:
        if _can_bind(port):
            return
        who = listener(port) or "another program"
        option = f"--{variable.lower().replace('_', '-')}"
        others = f"{option} <port>, TONEARM_{variable}=<port>, or of make {variable}=<port>"
        raise StackError(f"Port {port} is taken by {who}; stop that, or choose another: {others}.")

    def _emulator_answers(self) -> bool:
        return _get(self.port, "/_ministack/health") == HTTPStatus.OK

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep a second command off this stack; the lock ends with the process that holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # The emulator's state holds the key that signs tokens, and what a stack holds is its owner's; one that an older
        # version made is closed too.
        self.folder.chmod(0o700)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = f"Another command is at work on stack {self.name}; wait for it to finish and run again."
                raise StackError(message) from None
            yield

    def _edge_listens(self) -> bool:
        return _listens(self.edge_port)

    def _region(self) -> str:
        region = _read_json(self._made_file).get("region")
        if region is None:
            raise StackError(f"Stack {self.name} has not been brought up; run `tonearm stack up`.")
        return str(region)

    @property
    def _made_file(self) -> Path:
        return self.folder / "stack.json"

    @property
    def _cache(self) -> Path:
        return local_folder(self._root) / "artifacts"

    @property
    def _zips(self) -> Path:
        return self.folder / "artifacts"

    @property
    def _emulator_folder(self) -> Path:
        return self.folder / "emulator"

    @property
    def _terraform_folder(self) -> Path:
        return self.folder / "terraform"

    @property
    def _applied_file(self) -> Path:
        return self.folder / "applied"

    @property
    def _stopped_file(self) -> Path:
        return self.folder / "stopped"

    @property
    def _outputs_file(self) -> Path:
        return self.folder / "outputs.json"

    @property
    def _demo_file(self) -> Path:
        return self.folder / "demo.json"


def _key(command: list[str | Path], *sources: Path) -> str:
    """Name what a process was started from: its command, and the code of ours that it runs."""
    digest = hashlib.sha256("\0".join(map(str, command)).encode())
    for source in sources:
        for file in sorted(source.glob("*.py")) if source.is_dir() else [source]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        # Without it the last connections of a stack that was just stopped would seem to hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _get(port: int, path: str) -> HTTPStatus | None:
    """Return the status of a GET on this machine, or None when there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return HTTPStatus(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return content


def _write_json(file: Path, content: dict[str, Any], *, private: bool = False) -> None:
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600 if private else 0o644)
    partial.write_text(json.dumps(content, indent=2, sort_keys=True))
    partial.replace(file)
