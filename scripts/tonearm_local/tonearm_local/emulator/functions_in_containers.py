"""Run every image function in a container of its own, as Lambda would run it: `make up LAMBDA=docker`.

The gap: ministack runs images by POSTing to port 8080 of a container, which only Lambda's runtime interface emulator
answers and our images rightly lack; it limits neither disk nor user, and gives the container a network.

Here a function's worker is the process of `functions_in_processes` whose program is `docker run`: the same Runtime
API, the same variables, the same gate, the same pool. Its container has Lambda's limits and reaches two ports of this
machine, its Runtime API and the emulator, through a relay (see `tonearm_local.images`). It goes with its worker; what
an emulator that was killed leaves behind ends by itself or is removed by its label. Zip functions stay processes.
"""

from __future__ import annotations

import os
import shlex
from typing import IO, TYPE_CHECKING, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from tonearm_local.emulator.functions_in_processes import (
    FunctionProcess,
    ProgramError,
    bootstrap_zip,
    handler_of_image,
    image_of,
    invalid_entrypoint,
    lambda_environment,
    missing_image,
)
from tonearm_local.images.container import FUNCTION_LABEL, STACK_LABEL, Container, Limits
from tonearm_local.images.deployed import Containers
from tonearm_local.images.engine import EngineError, PrivateEngine, client_environment

if TYPE_CHECKING:
    from pathlib import Path

_BOOTSTRAP = b"""#!/bin/sh
command="$TONEARM_COMMAND"; unset TONEARM_COMMAND
eval "exec $command"
"""


class FunctionContainer(FunctionProcess):
    """One execution environment: a container, its Runtime API server and its way out."""

    _container: Container | None = None

    def open_container(self, containers: Containers, *, image_id: str, port: int, scratch: Path) -> Container:
        """Make the place that the function's container is then run in."""
        emulator_port = int(os.environ["GATEWAY_PORT"])
        try:
            self._container = Container.opened(
                containers.engine,
                image_id,
                Limits.of(self.config),
                ports=(port, emulator_port),
                scratch=self.new_scratch(scratch),
                labels={STACK_LABEL: containers.label, FUNCTION_LABEL: self.func_name},
            )
        except EngineError as error:
            raise lambda_runtime.ProvidedRuntimeError(str(error), "Runtime.InvalidEntrypoint") from error
        return self._container

    def _drop_scratch(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None
        super()._drop_scratch()


def install(file: Path, *, scratch: Path) -> None:
    """Hand every image function to a FunctionContainer.

    Args:
        file: what the stack noted of its containers.
        scratch: folder, in one that is this user's alone, under which every container gets one for its sockets.
    """
    containers = Containers.read(file)
    if containers.private_engine is not None:
        _held.append(PrivateEngine(containers.private_engine).hold())
    bootstrap = bootstrap_zip(_BOOTSTRAP)
    run_otherwise = lambda_svc._execute_function_docker
    class_for = lambda_runtime._worker_class_for
    environment = lambda_svc._provided_worker_env

    def in_container(func: dict[str, Any], event: Any, request_id: str) -> Any:
        config = func.get("config") or func
        if config.get("PackageType") != "Image":
            return run_otherwise(func, event, request_id)
        try:
            _, digest = image_of(config)
            handler = handler_of_image(config)
            if digest not in containers.images:
                raise missing_image(config)
        except ProgramError as error:
            return invalid_entrypoint(error)
        as_provided = {
            **config,
            "Runtime": "provided.al2023",
            "Handler": handler,
            "_image_id": containers.images[digest],
        }
        return lambda_svc._execute_function_provided_warm(
            {**func, "config": as_provided, "code_zip": bootstrap}, event, request_id
        )

    def worker_class_for(config: dict[str, Any]) -> Any:
        return FunctionContainer if "_image_id" in config else class_for(config)

    def worker_environment(config: dict[str, Any], code_dir: str, port: int) -> Any:
        if "_image_id" not in config:
            return environment(config, code_dir, port)
        worker: FunctionContainer = config["_worker"]
        container = worker.open_container(containers, image_id=config["_image_id"], port=port, scratch=scratch)
        variables = lambda_environment(config, handler=config["Handler"], port=port)
        command = shlex.join(container.command(config["Handler"], variables))
        # The client's own variables are not handed on.
        return client_environment() | variables | {"TONEARM_COMMAND": command}

    lambda_svc._execute_function_docker = in_container
    lambda_svc._provided_worker_env = worker_environment
    lambda_runtime._worker_class_for = worker_class_for


# Open as long as this process lives: they keep a private engine running.
_held: list[IO[str]] = []
