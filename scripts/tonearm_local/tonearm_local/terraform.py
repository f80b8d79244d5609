"""Terraform on the laptop: the project's own configuration, applied to the emulator.

The configuration is used as it is. A working copy of symbolic links beside a local backend keeps state and plugins
of one stack apart from those of another, and from anything that somebody does in `terraform/` itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm_local.errors import StackError
from tonearm_local.progress import Progress, Step, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MINIMUM_VERSION = (1, 11)
# Where software that is not the system's own usually lies, one folder a package.
ADD_ON_FOLDERS = (Path("/opt"), Path("/usr/local"), Path("/srv"), Path("/var/lib"))
_REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
_REGISTRY_PATIENCE_S = 4.0
_BACKEND = """# Written by tonearm_local: state of the laptop stack stays on the laptop.
terraform {
  backend "local" {
    path = "terraform.tfstate"
  }
}
"""
_DATA_SOURCE = re.compile(r"(^|\.)data\.")
# What a developer may have set for other work, and what would change what is planned or where it goes.
_FOREIGN_PREFIXES = ("AWS_", "TF_CLI_ARGS", "TF_VAR_", "TF_LOG", "TF_DATA_DIR", "TF_WORKSPACE")


@dataclass(frozen=True)
class Change:
    """One planned change: address of the resource, and `create`, `update`, `replace`, `delete` or `read`."""

    address: str
    action: str


class Terraform:
    """Runs Terraform in one working copy."""

    def __init__(self, *, root: Path, folder: Path, endpoint_url: str, variables: Mapping[str, Any]) -> None:
        """Use the configuration of the checkout `root` against an emulator.

        Args:
            root: the checkout; `root/terraform` holds the configuration, `root/terraform/environments/local.tfvars`
                its values for the laptop.
            folder: the working copy; made when missing.
            endpoint_url: address of the emulator.
            variables: values that this stack adds to those of local.tfvars, and which win.
        """
        self._source = root / "terraform"
        self._folder = folder
        self._endpoint_url = endpoint_url
        self._variables = dict(variables)
        self._plugin_cache = root / ".tonearm" / "plugin-cache"

    @property
    def state_file(self) -> Path:
        """Terraform's state of this stack."""
        return self._folder / "terraform.tfstate"

    def fingerprint(self) -> str:
        """Return a digest of everything that an apply depends on: configuration, values, and files they name."""
        digest = hashlib.sha256()
        folders = (self._source, *(Path(value) for name, value in self._variables.items() if name.endswith("_dir")))
        for folder in folders:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                if ".terraform" not in file.parts:
                    digest.update(f"{file.relative_to(folder)}\0".encode())
                    digest.update(hashlib.sha256(file.read_bytes()).digest())
        digest.update(json.dumps(self._variables, sort_keys=True).encode())
        return digest.hexdigest()

    def init(self, progress: Progress = quiet) -> None:
        """Make the working copy and fetch provider and modules, unless that was done for these very files."""
        self._link()
        done = self._folder / ".terraform" / "tonearm-initialised"
        key = self._init_key()
        if done.is_file() and done.read_text() == key:
            return
        title = "Preparing Terraform"
        progress(Step(title, "looking for the AWS provider"))
        plugins = find_plugin_dir()
        self._plugin_cache.mkdir(parents=True, exist_ok=True)
        arguments = ["init", "-input=false", "-no-color", "-reconfigure"]
        progress(Step(title, f"AWS provider from {plugins}" if plugins else "fetching the AWS provider"))
        self._run([*arguments, f"-plugin-dir={plugins}"] if plugins else arguments)
        done.write_text(key)

    def apply(self, progress: Progress = quiet) -> None:
        """Make the emulator's resources what the configuration says. Raises StackError with Terraform's reasons."""
        self.init(progress)
        progress(Step("Applying Terraform", "reading what there is"))
        command = ["apply", "-auto-approve", "-input=false", "-json", *self._var_files()]
        self._follow(command, "Applying Terraform", progress)

    def plan(self, progress: Progress = quiet) -> list[Change]:
        """Return what an apply would change; empty when nothing is left to do."""
        self.init(progress)
        title = "Planning Terraform"
        progress(Step(title, "reading what there is"))
        return self._follow(["plan", "-input=false", "-json", *self._var_files()], title, progress)

    def destroy(self, progress: Progress = quiet) -> None:
        """Delete every resource of the stack."""
        self.init(progress)
        progress(Step("Destroying", "reading what there is"))
        self._follow(["destroy", "-auto-approve", "-input=false", "-json", *self._var_files()], "Destroying", progress)

    def forget(self) -> None:
        """Forget every resource, for an emulator that has forgotten them too."""
        self.state_file.unlink(missing_ok=True)

    def outputs(self) -> dict[str, Any]:
        """Return every output of the last apply by name; empty before the first one."""
        if not self.state_file.is_file():
            return {}
        answer = json.loads(self._run(["output", "-json", "-no-color"]))
        return {name: output["value"] for name, output in answer.items()}

    def resources(self) -> list[str]:
        """Return the addresses of what Terraform says exists, data sources left out."""
        if not self.state_file.is_file():
            return []
        listed = self._run(["state", "list"]).splitlines()
        return [address for address in listed if not _DATA_SOURCE.search(address)]

    def _link(self) -> None:
        """Make the working copy mirror the configuration: links to its files, and the backend of the laptop."""
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = {file.name: file for file in self._source.glob("*.tf") if not file.name.endswith("_override.tf")}
        wanted["modules"] = self._source / "modules"
        for link in self._folder.iterdir():
            if link.is_symlink() and link.name not in wanted:
                link.unlink()
        for name, target in wanted.items():
            link = self._folder / name
            if not link.is_symlink() or link.readlink() != target:
                link.unlink(missing_ok=True)
                link.symlink_to(target)
        # A copy: init may add a hash for this machine's platform, which is no change of the project.
        shutil.copyfile(self._source / ".terraform.lock.hcl", self._folder / ".terraform.lock.hcl")
        (self._folder / "backend_override.tf").write_text(_BACKEND)
        (self._folder / "stack.tfvars.json").write_text(json.dumps(self._variables, indent=2, sort_keys=True))

    def _init_key(self) -> str:
        """Name what init depends on: provider requirements and module calls, wherever they stand."""
        digest = hashlib.sha256((self._source / ".terraform.lock.hcl").read_bytes())
        for file in sorted(self._source.rglob("*.tf")):
            if ".terraform" not in file.parts:
                digest.update(f"{file.relative_to(self._source)}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def _var_files(self) -> list[str]:
        return [f"-var-file={self._source / 'environments' / 'local.tfvars'}", "-var-file=stack.tfvars.json"]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_PREFIXES)}
        return kept | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": self._endpoint_url,
            # A developer's profiles may name regions, roles and endpoints of their own.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_PLUGIN_CACHE_DIR": os.environ.get("TF_PLUGIN_CACHE_DIR") or str(self._plugin_cache),
        }

    def _run(self, arguments: list[str]) -> str:
        command = [find_terraform(), *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        self._log(f"$ terraform {' '.join(arguments)}\n{done.stdout if arguments[0] == 'init' else ''}{done.stderr}")
        if done.returncode != 0:
            raise StackError(f"`terraform {arguments[0]}` failed:\n{(done.stderr or done.stdout).strip()}")
        return done.stdout

    def _follow(self, arguments: list[str], title: str, progress: Progress) -> list[Change]:
        """Run a command that reports in JSON lines, turn them into progress, and return the planned changes."""
        command = [find_terraform(), *arguments]
        # A session of its own: Ctrl-C is told to Terraform once, by us, and it then saves its state.
        process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        report = _Report(title, progress)
        try:
            for event in _events(process):
                self._log(json.dumps(event))
                report.take(event)
            process.wait()
        finally:
            _end(process)
        if process.returncode != 0:
            reasons = "\n".join(report.errors) or f"see {self._log_file}"
            raise StackError(f"`terraform {arguments[0]}` failed:\n{reasons}")
        return report.changes

    @property
    def _log_file(self) -> Path:
        return self._folder.parent / "logs" / "terraform.log"

    def _log(self, text: str) -> None:
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("a") as log:
            log.write(text.rstrip() + "\n")


class _Report:
    """What the JSON lines of a run add up to."""

    def __init__(self, title: str, progress: Progress) -> None:
        self.changes: list[Change] = []
        self.errors: list[str] = []
        self._title = title
        self._progress = progress
        self._done = 0

    def take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "planned_change":
            change = event["change"]
            self.changes.append(Change(change["resource"]["addr"], change["action"]))
        elif kind == "diagnostic" and event["diagnostic"]["severity"] == "error":
            self.errors.append(_told(event["diagnostic"]))
        elif kind in ("apply_start", "apply_progress", "apply_complete") and event["hook"].get("action") != "read":
            self._done += kind == "apply_complete"
            address = event["hook"]["resource"]["addr"]
            waited = f" ({event['hook']['elapsed_seconds']} s)" if kind == "apply_progress" else ""
            # What replaces another counts twice: once for its end and once for its beginning.
            total = sum(2 if change.action == "replace" else 1 for change in self.changes)
            self._progress(Step(self._title, f"{address}{waited}", self._done, total))


def _told(diagnostic: dict[str, Any]) -> str:
    address = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    where = diagnostic.get("range")
    at = f" ({where['filename']}:{where['start']['line']})" if where else ""
    return f"{address}{diagnostic['summary']}{at}. {diagnostic.get('detail', '')}".strip()


def _events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None  # noqa: S101 - Popen was given a pipe
    for line in process.stdout:
        # What is no JSON comes from a provider's own standard error.
        with contextlib.suppress(json.JSONDecodeError):
            event = json.loads(line)
            if isinstance(event, dict):
                yield event


def _end(process: subprocess.Popen[str]) -> None:
    """Let an interrupted run finish the resources it is at and save its state; at most two minutes."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def find_terraform() -> str:
    """Return Terraform's executable. Raises StackError when it is missing or older than MINIMUM_VERSION."""
    path = shutil.which("terraform")
    wanted = ".".join(map(str, MINIMUM_VERSION))
    if path is None:
        message = (
            f"Terraform is not installed; get {wanted} or newer from https://developer.hashicorp.com/terraform/install."
        )
        raise StackError(message)
    if path not in _checked:
        answer = subprocess.run([path, "version", "-json"], capture_output=True, text=True, check=False)
        version = json.loads(answer.stdout or "{}").get("terraform_version", "0.0.0")
        if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < MINIMUM_VERSION:
            raise StackError(f"Terraform {version} at {path} is too old; the configuration needs {wanted} or newer.")
        _checked.add(path)
    return path


_checked: set[str] = set()


def find_plugin_dir() -> Path | None:
    """Return a folder of unpacked providers for a machine that cannot reach the registry, or None.

    $TF_PLUGIN_DIR wins. Where the registry answers, or the developer's own Terraform configuration says where
    providers come from, there is nothing to find. Otherwise Terraform's implied mirror folders are looked at, and the
    folders one level below where add-on software usually lies.
    """
    named = os.environ.get("TF_PLUGIN_DIR")
    if named:
        return Path(named)
    if _configured() or _registry_answers():
        return None
    # Terraform reads its implied mirrors by itself, but still asks the registry which versions there are.
    for folder in _mirror_candidates():
        if (folder / "registry.terraform.io" / "hashicorp" / "aws").is_dir():
            return folder
    return None


def _configured() -> bool:
    """Tell whether the developer's own Terraform configuration says where providers come from."""
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    file = Path(named) if named else Path.home() / ".terraformrc"
    return file.is_file() and "provider_installation" in file.read_text(errors="replace")


def _mirror_candidates() -> Iterator[Path]:
    home = Path.home()
    if platform.system() == "Darwin":
        yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
        yield Path("/Library/Application Support/io.terraform/plugins")
    data_home = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    data_dirs = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    yield home / ".terraform.d" / "plugins"
    yield data_home / "terraform" / "plugins"
    for folder in data_dirs:
        yield Path(folder) / "terraform" / "plugins"
    for parent, pattern in (*((folder, "*") for folder in ADD_ON_FOLDERS), (home, ".*")):
        with contextlib.suppress(PermissionError):
            yield from sorted(parent.glob(pattern)) if parent.is_dir() else ()


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(_REGISTRY, timeout=_REGISTRY_PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
