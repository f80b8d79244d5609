"""Run every Python function, image or zip, as `python -m awslambdaric <handler>` in a process of its own.

The gap: ministack runs `PackageType=Image` functions only with a container engine, and runs zip functions inside a
worker script under its own interpreter, with the developer's environment, its own packages importable, and every
exception reported as `Runtime.HandlerError`, so that Retry and Catch by name never match.

Here both kinds become one: a process that speaks the real Runtime API through AWS's own client. ministack already
has that API for `provided.*` runtimes, so a function is handed to that worker with a bootstrap of three lines.

* An image is a folder `<images>/<repository>/<digest>/` with `image.json` (see `tonearm_local.artifacts`): content
  addressed like a registry, so an edit of the sources never changes what is deployed.
* A zip runs in the managed runtime's environment (awslambdaric and boto3, nothing else), with the unpacked zip and
  then the `python/` folders of its layers on the path: what is missing here is missing on AWS.
* The process sees only what Lambda would give it: its own variables, the session of its own role, a scratch folder
  as TMPDIR that is deleted with it. Nothing of the developer's environment gets through.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_region, new_uuid
from ministack.services import lambda_svc

_IMAGE_URI = re.compile(r"^[^/]+/(?P<repository>[^@:]+)@sha256:(?P<digest>[0-9a-f]{64})$")

_UNUSED_DAYS = 7.0
# One script serves every function: what differs travels in the environment.
_BOOTSTRAP = b"""#!/bin/sh
python="$TONEARM_PYTHON"; unset TONEARM_PYTHON
cd "$LAMBDA_TASK_ROOT" && exec "$python" -m awslambdaric "$_HANDLER"
"""


class ProgramError(Exception):
    """A function has nothing to run: its image or its interpreter is not on this machine."""


@dataclass(frozen=True)
class Program:
    """What a function runs: an interpreter, and the folders its code is imported from, the first one its root."""

    python: Path
    path: tuple[Path, ...]
    handler: str


@dataclass(frozen=True)
class Programs:
    """Finds the program of a function from its configuration.

    Attributes:
        images: folder of the local image registry.
        managed_python: interpreter of the managed runtime, for zip functions.
        unpacked: folder where zips and layers are unpacked, by content hash.
        scratch: folder under which every process gets its own TMPDIR.
    """

    images: Path
    managed_python: Path
    unpacked: Path
    scratch: Path

    def prune(self) -> None:
        """Delete what was unpacked and has not been started for a week: every edit of a source leaves one behind."""
        for folder in self.unpacked.glob("*"):
            if time.time() - folder.stat().st_mtime > _UNUSED_DAYS * 86_400:
                shutil.rmtree(folder)

    def of(self, func: dict[str, Any]) -> Program:
        """Return the program of a function record. Raises ProgramError when this machine lacks it."""
        config = func["config"]
        if config.get("PackageType") == "Image":
            return self._image(config)
        layers = [blob for layer in config.get("Layers") or [] if (blob := lambda_svc._resolve_layer_zip(layer))]
        roots = [self._unpack(func["code_zip"]), *(self._unpack(blob) / "python" for blob in layers)]
        return Program(self.managed_python, tuple(roots), config["Handler"])

    def _image(self, config: dict[str, Any]) -> Program:
        repository, digest = image_of(config)
        manifest = self.images / repository / digest / "image.json"
        if not manifest.is_file():
            raise missing_image(config)
        image = json.loads(manifest.read_text())
        handler = handler_of_image(config)
        return Program(manifest.parent / image["python"], (manifest.parent / image["task"],), handler)

    def _unpack(self, blob: bytes) -> Path:
        """Unpack a zip once, compiled, and return its folder; another process may be doing the same."""
        target = self.unpacked / hashlib.sha256(blob).hexdigest()
        with _unpacking:
            if target.is_dir():
                os.utime(target)
            else:
                self.unpacked.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(dir=self.unpacked, prefix="partial-"))
                with zipfile.ZipFile(io.BytesIO(blob)) as archive:
                    archive.extractall(partial)
                # Processes may not write here, as on Lambda; compiled once, a cold start costs half.
                compile_all = [str(self.managed_python), "-I", "-m", "compileall", "-q", "-j", "0", str(partial)]
                subprocess.run(compile_all, check=False, capture_output=True)
                partial.chmod(0o755)
                partial.rename(target)
        return target


_unpacking = threading.Lock()


class FunctionProcess(lambda_runtime.ProvidedWorker):  # type: ignore[misc] # ministack has no types
    """One execution environment: a process, its Runtime API server and its scratch folder."""

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        # The environment is made from the configuration alone, deep inside _spawn: so it carries its worker.
        super().__init__(func_name, {**config, "_worker": self}, code_zip)
        self._scratch: Path | None = None

    def new_scratch(self, parent: Path) -> Path:
        """Make the folder that this process gets as TMPDIR."""
        parent.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(dir=parent, prefix=f"{self.func_name}-"))
        return self._scratch

    def _spawn(self, init_timeout: float | None = None) -> None:
        """Start the process, and end those of older versions: ministack keeps one of each for ever."""
        super()._spawn(init_timeout)
        older = _idle_processes_of_older_versions(self)
        if older:
            threading.Thread(target=lambda_runtime.kill_workers, args=(older,), daemon=True).start()

    def _await_init(self, init_timeout: float | None = None) -> None:
        """Wait for the handler's module to be imported; name a failure as Lambda does, not as an unknown one."""
        try:
            super()._await_init(init_timeout)
        except lambda_runtime.ProvidedInitTimeout:
            # The caller knows it, and tries again with the function's own timeout.
            raise
        except RuntimeError as error:
            told = self._init_error if isinstance(self._init_error, dict) else {}
            message = told.get("errorMessage", str(error))
            raise lambda_runtime.ProvidedRuntimeError(message, told.get("errorType", "Runtime.ExitError")) from error

    def _drop_scratch(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _teardown(self) -> None:
        super()._teardown()
        self._drop_scratch()

    def _discard_tmpdir(self) -> None:
        super()._discard_tmpdir()
        self._drop_scratch()


def _idle_processes_of_older_versions(worker: FunctionProcess) -> list[Any]:
    """Take the idle processes of a function's older versions out of the pool and return them."""
    version = worker.config.get("Version", "$LATEST")
    if not version.isdigit():
        return []
    function = lambda_runtime._worker_key(worker.func_name, worker.config, "")
    taken = []
    with lambda_runtime._lock:
        for key, pool in lambda_runtime._workers.items():
            other = key.removeprefix(function)
            if other != key and other.isdigit() and int(other) < int(version):
                taken += [process for process in pool if not process.in_use]
                pool[:] = [process for process in pool if process.in_use]
    return taken


def install(programs: Programs) -> None:
    """Hand every image function and every Python zip function to a FunctionProcess."""
    programs.prune()
    bootstrap = bootstrap_zip(_BOOTSTRAP)
    run_in_container = lambda_svc._execute_function_docker
    run_in_worker_script = lambda_svc._execute_function_warm
    class_for = lambda_runtime._worker_class_for
    environment = lambda_svc._provided_worker_env

    def in_process(func: dict[str, Any], event: Any, request_id: str) -> Any:
        config = func.get("config") or func
        try:
            program = programs.of({**func, "config": config})
        except ProgramError as error:
            return invalid_entrypoint(error)
        as_provided = {**config, "Runtime": "provided.al2023", "Handler": program.handler, "_program": program}
        return lambda_svc._execute_function_provided_warm(
            {**func, "config": as_provided, "code_zip": bootstrap}, event, request_id
        )

    def image_in_process(func: dict[str, Any], event: Any, request_id: str) -> Any:
        image = (func.get("config") or func).get("PackageType") == "Image"
        return (in_process if image else run_in_container)(func, event, request_id)

    def zip_in_process(func: dict[str, Any], event: Any, request_id: str) -> Any:
        python = str((func.get("config") or func).get("Runtime", "")).startswith("python")
        return (in_process if python else run_in_worker_script)(func, event, request_id)

    def worker_class_for(config: dict[str, Any]) -> Any:
        return FunctionProcess if "_program" in config else class_for(config)

    def worker_environment(config: dict[str, Any], code_dir: str, port: int) -> Any:
        if "_program" not in config:
            return environment(config, code_dir, port)
        return process_environment(config, port=port, scratch=config["_worker"].new_scratch(programs.scratch))

    lambda_svc._execute_function_docker = image_in_process
    lambda_svc._execute_function_warm = zip_in_process
    lambda_svc._provided_worker_env = worker_environment
    lambda_runtime._worker_class_for = worker_class_for


def process_environment(config: dict[str, Any], *, port: int, scratch: Path) -> dict[str, str]:
    """Return the whole environment of a function's process; nothing is inherited.

    `port` is that of the Runtime API on the loopback interface, `scratch` the folder for its temporary files.
    """
    program: Program = config["_program"]
    return lambda_environment(config, handler=program.handler, port=port) | {
        "LAMBDA_TASK_ROOT": str(program.path[0]),
        "PATH": f"{program.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join(map(str, program.path)),
        "TMPDIR": str(scratch),
        "TONEARM_PYTHON": str(program.python),
    }


def lambda_environment(config: dict[str, Any], *, handler: str, port: int) -> dict[str, str]:
    """Return what Lambda tells every function: its own variables, its role's session, and the runtime's variables.

    The names are those of "Defined runtime environment variables" in AWS's Lambda developer guide, without those that
    say where the code lies. `port` is that of the Runtime API on the loopback interface.
    """
    name = config["FunctionName"]
    runtime = {
        "AWS_DEFAULT_REGION": get_region(),
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": new_uuid(),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_REGION": get_region(),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": handler,
    }
    # The function's own variables may not replace the runtime's: Lambda refuses them when the function is made.
    own: dict[str, str] = lambda_svc._runtime_env_vars(config)
    credentials: dict[str, str] = lambda_runtime.execution_credentials(config)
    return own | runtime | credentials


def bootstrap_zip(script: bytes) -> bytes:
    """Return the package of a `provided.*` function whose program is this shell script."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bootstrap", script)
    return buffer.getvalue()


def image_of(config: dict[str, Any]) -> tuple[str, str]:
    """Return repository and digest of an image function's image. Raises ProgramError when it is named by no digest."""
    uri = config.get("ImageUri", "")
    match = _IMAGE_URI.match(uri)
    if match is None:
        raise ProgramError(f"Image {uri!r} is not named by digest; deploy <registry>/<repository>@sha256:<digest>.")
    return match["repository"], match["digest"]


def missing_image(config: dict[str, Any]) -> ProgramError:
    """Return the error of an image that is not on this machine."""
    uri = config["ImageUri"]
    return ProgramError(f"Image {uri!r} is not on this machine; run `tonearm stack up` to build and deploy it.")


def handler_of_image(config: dict[str, Any]) -> str:
    """Return the handler that an image function runs. Raises ProgramError when it names none."""
    command = (config.get("ImageConfigResponse") or {}).get("ImageConfig", {}).get("Command")
    if not command:
        raise ProgramError(f"Function {config['FunctionName']} names no handler in image_config.command.")
    return str(command[0])


def invalid_entrypoint(error: ProgramError) -> dict[str, Any]:
    """Return the answer of a function that has nothing to run."""
    body = {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": str(error)}
    return {"body": body, "error": True, "log": str(error)}
