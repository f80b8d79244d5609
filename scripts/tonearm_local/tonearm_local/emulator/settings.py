"""What ministack reads from its environment, decided in one place.

ministack reads these names at import time, so they must be set before anything of it is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The file, in the state folder, that the emulator touches when a save asked for by SIGUSR1 is complete.
SAVED = "saved"
# Switches of ministack that a developer may have set for another project and that would change what runs here.
_FOREIGN_PREFIXES = ("LAMBDA_", "LOCALSTACK_", "MINISTACK_", "SFN_", "PYTHON", "PIP_", "UV_")
_FOREIGN_NAMES = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "DOCKER_HOST",
        "EDGE_PORT",
        "SERVICES",
        "SMTP_HOST",
        "USE_SSL",
        "VIRTUAL_ENV",
    }
)


def emulator_environment(inherited: Mapping[str, str], *, port: int, state_dir: Path) -> dict[str, str]:
    """Return the whole environment that ministack is started with.

    Args:
        inherited: the environment of whoever starts the emulator; switches meant for other programs are left out.
        port: TCP port on 127.0.0.1, 1..65535.
        state_dir: folder for everything that the emulator writes.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if name not in _FOREIGN_NAMES and not name.startswith(_FOREIGN_PREFIXES)
    }
    return kept | {
        "GATEWAY_PORT": str(port),
        # ministack's default is every interface of the machine.
        "BIND_HOST": "127.0.0.1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        # Without it anonymous reads of S3 pass, CORS is a wildcard, and IAM is not evaluated.
        "AUTH": "true",
        # Listeners on further ports that nothing here uses.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state_dir / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state_dir / "s3"),
        # Its caches and pid file lie in the temporary directory, and must not meet those of another stack.
        "TMPDIR": str(state_dir / "tmp"),
        # Functions run as processes: the emulator has no business with this machine's container engine.
        "DOCKER_HOST": f"unix://{state_dir / 'no-container-engine'}",
    }
