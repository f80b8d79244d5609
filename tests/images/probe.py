"""A handler that is put beside the functions in an image, to look around there and to misbehave."""

import importlib.util
import os
import shutil
import socket
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

WRITABLE_BY_NATURE = ("/proc", "/sys", "/dev", "/tmp")
TOOLS = ("pip", "pip3", "uv", "gcc", "cc", "make", "ld", "git", "curl", "wget", "ffmpeg")
SHELLS = ("sh", "bash", "dash")


def handler(event: dict[str, Any], context: object) -> object:
    if "eat_mb" in event:
        held = b"x" * (event["eat_mb"] * 1024 * 1024)
        return len(held)
    if "fill_mb" in event:
        return fill(event["fill_mb"])
    if "sleep_s" in event:
        import time

        time.sleep(event["sleep_s"])
    return seen()


def fill(size_mb: int) -> str:
    try:
        with Path("/tmp/full").open("wb") as file:
            file.writelines(bytes(1024 * 1024) for _ in range(size_mb))
    except OSError as error:
        return str(error.strerror)
    finally:
        Path("/tmp/full").unlink()
    return "it all fits"


def seen() -> dict[str, Any]:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    tmp = os.statvfs("/tmp")
    return {
        "user": [os.getuid(), os.getgid()],
        "capabilities": [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")],
        "no_new_privileges": status["NoNewPrivs"].strip(),
        "writable": writable(),
        "tmp_mb": tmp.f_blocks * tmp.f_frsize / 1024 / 1024,
        "interfaces": [name for _, name in socket.if_nameindex()],
        "tools": [tool for tool in TOOLS if shutil.which(tool)],
        "modules": [name for name in ("pip", "setuptools", "ensurepip", "av", "pytest") if importable(name)],
        "shells": [shell for shell in SHELLS if shutil.which(shell)],
        "libraries": sorted(str(file) for file in Path("/opt/venv").rglob("*.so*")),
        "licences": {d.metadata["Name"]: licence(d.metadata) for d in distributions()},
        "secrets": [file for file in ("/etc/pip.conf", "/etc/uv/uv.toml", "/run/secrets") if Path(file).exists()],
        "pid": os.getpid(),
    }


def importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def writable() -> list[str]:
    """Every folder that a file can be made in."""
    found = []
    for folder, folders, _ in os.walk("/"):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in WRITABLE_BY_NATURE]
        made = Path(folder) / "made-by-the-probe"
        try:
            made.touch()
        except OSError:
            continue
        made.unlink()
        found.append(folder)
    return found


def licence(metadata: Any) -> str:
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
    return " ".join([metadata.get("License-Expression") or "", *classifiers])
