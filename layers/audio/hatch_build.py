"""Compiles the engine's kernels, tonearm_audio/native/*.c, into the library that `tonearm_audio.kernels` loads.

The compiler is Zig's C compiler, a package like any other: a machine needs none of its own. The flags leave nothing to
the processor that it runs on: no fused multiply-add, no reordering, one instruction set. The library knows nothing of
Python, so that one build serves every version of it.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FLAGS = (
    "-O3",
    "-std=c11",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fvisibility=default",
    "-Wall",
    "-Werror",
    "-shared",
)
_ARCHITECTURES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def _target() -> list[str]:
    """The oldest machine that the library must run on."""
    machine = _ARCHITECTURES[platform.machine()]
    processor = ["-mcpu=x86_64_v2"] if machine == "x86_64" else []
    if sys.platform == "darwin":
        return ["-target", f"{machine}-macos.11", *processor]
    return ["-target", f"{machine}-linux-gnu.2.17", "-fPIC", *processor]


def _compile(native: Path, library: Path) -> None:
    """Whole or not at all: several builds may run at once."""
    sources = [str(source) for source in sorted(native.glob("*.c"))]
    with tempfile.TemporaryDirectory(dir=native, prefix=".") as folder:
        made = Path(folder, library.name)
        command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, *_target(), "-o", str(made), *sources]
        subprocess.run(command, check=True)
        made.replace(library)


class KernelsHook(BuildHookInterface):  # type: ignore[misc]  # hatchling has no types
    """Builds the library beside its sources, before the wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002  (hatchling's signature)
        """Compile, and mark the wheel as one of this platform and of every Python 3."""
        native = Path(self.root, "tonearm_audio", "native")
        library = native / "kernels.so"
        newest = max(path.stat().st_mtime_ns for path in [Path(__file__), *native.glob("*.[ch]")])
        # Left as it is where nothing has changed: its time is one of uv's cache keys.
        if not library.exists() or library.stat().st_mtime_ns < newest:
            _compile(native, library)
        build_data["pure_python"] = False
        build_data["artifacts"] = ["tonearm_audio/native/kernels.so"]
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
