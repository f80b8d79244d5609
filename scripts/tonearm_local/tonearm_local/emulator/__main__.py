"""Run the emulator in the foreground: `python -m tonearm_local.emulator --port 4566 --state-dir D --images-dir D`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tonearm_local.emulator.settings import emulator_environment


def main() -> None:
    """Set the environment, install the extensions, serve until SIGTERM, and leave no function's process behind."""
    arguments = _arguments()
    state_dir: Path = arguments.state_dir.resolve()
    for folder in ("services", "s3", "tmp"):
        (state_dir / folder).mkdir(parents=True, exist_ok=True)
    environment = emulator_environment(os.environ, port=arguments.port, state_dir=state_dir)
    os.environ.clear()
    os.environ.update(environment)
    # ministack reads its settings when it is imported, hence only now.
    from tonearm_local.emulator.extensions import install_all  # noqa: PLC0415 - imports ministack

    install_all(
        port=arguments.port,
        state_dir=state_dir,
        images_dir=arguments.images_dir.resolve(),
        managed_python=arguments.managed_python.absolute(),
        containers_file=arguments.containers,
        faults_file=arguments.faults,
    )
    from ministack.app import main as serve  # noqa: PLC0415 - after the environment is set
    from ministack.core import lambda_runtime  # noqa: PLC0415 - after the environment is set

    # ministack reads the command line itself, and knows none of these options.
    sys.argv = sys.argv[:1]
    try:
        serve()
    finally:
        lambda_runtime.reset()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tonearm_local.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for everything that it writes")
    parser.add_argument("--images-dir", type=Path, required=True, help="folder of the local image registry")
    parser.add_argument("--managed-python", type=Path, required=True, help="interpreter for zip functions")
    parser.add_argument("--containers", type=Path, help="file that says where image functions run in containers")
    parser.add_argument("--faults", type=Path, help="file that arms faults; only tests give one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
