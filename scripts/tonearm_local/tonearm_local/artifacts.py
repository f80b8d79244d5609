"""What is deployed: function zips, the layer, the page, and for the laptop the environments that stand in for images.

For AWS `build_artifacts` makes the zips for the interpreter and platform of Lambda. On the laptop `build_local` makes
the same zips for this machine's interpreter, and one folder an image: a virtual environment made from uv.lock beside
a copy of the functions' sources, named by a digest of all that goes into it. Equal sources give equal zips, byte for
byte, and equal digests, so Terraform redeploys what changed and nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm_local.errors import StackError
from tonearm_local.page import build_page, publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The functions that are zips on the core layer; every other folder of functions/ is a workflow step in an image.
ZIP_FUNCTIONS = ("api", "reconcile", "start_job")
# Image -> the extras of tonearm-core that it is installed with.
IMAGE_EXTRAS = {"light": ("image",), "audio": ("image", "audio")}
# Image -> the workspace members whose sources are in it.
_IMAGE_MEMBERS = {"light": ("core",), "audio": ("core", "audio")}
# What AWS's managed Python runtime brings itself.
_RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer")
# The registry that image names bear on the laptop; nothing is ever pulled from it.
LOCAL_REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"

# Notes of the installer: times, paths of this machine, and scripts that a Lambda cannot start.
_INSTALLER_NOTES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json", ".lock"}
)
_SKIPPED_FOLDERS = frozenset({"__pycache__", "bin"})
BUILT_LIBRARY = "kernels.so"
"""What the build of the audio engine compiles from its sources, and leaves among them."""
_UNUSED_DAYS = 30.0


@dataclass(frozen=True)
class LocalArtifacts:
    """What one stack deploys.

    Attributes:
        zips: folder with `functions-<name>.zip` and `layer-core.zip`.
        web: folder with the page.
        images: image name (`light`, `audio`) → digest, 64 hexadecimal digits.
        registry: folder of the local image registry.
        managed_python: interpreter of the managed runtime's environment.
        stale: None, or why the page is an earlier one than the sources.
    """

    zips: Path
    web: Path
    images: dict[str, str]
    registry: Path
    managed_python: Path
    stale: str | None = None

    def image_uris(self) -> dict[str, str]:
        """Return image name → URI by digest, as Terraform's variable `images` takes it."""
        return {name: f"{LOCAL_REGISTRY}/tonearm/{name}@sha256:{digest}" for name, digest in self.images.items()}


def find_uv(root: Path) -> Path:
    """Return uv's executable: on PATH, beside this interpreter, or in `.uv/bin`, where the Makefile puts it."""
    on_path = shutil.which("uv")
    for candidate in (on_path, Path(sys.executable).parent / "uv", root / ".uv" / "bin" / "uv"):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise StackError("uv is not installed; run `make setup`, or see https://docs.astral.sh/uv/getting-started/.")


def build_artifacts(
    root: Path, destination: Path, *, python_version: str = "3.13", target: str = "x86_64-manylinux_2_28"
) -> list[Path]:
    """Build the zips that `terraform apply` uploads to AWS.

    Args:
        root: the checkout.
        destination: folder for `functions-<name>.zip` and `layer-core.zip`; made when missing.
        python_version: of the Lambda runtime.
        target: uv's name of the platform that wheels are taken for.

    Returns:
        The zips, sorted by name. Raises StackError when a build fails.
    """
    return _build_zips(_Builder(root), destination, python_version=python_version, target=target)


def build_local(root: Path, cache: Path, destination: Path) -> LocalArtifacts:
    """Build what the laptop runs; what is already in `cache` is not built again.

    Args:
        root: the checkout.
        cache: folder shared by all stacks of the checkout.
        destination: this stack's folder for zips and page; its path never changes, so Terraform sees content only.
    """
    builder = _Builder(root)
    registry, runtime = cache / "images", cache / "managed-runtime"
    with _only_builder(cache), ThreadPoolExecutor() as pool:
        zips = pool.submit(
            _build_zips, builder, destination, python_version=_this_python(), target=None, cache=cache / "layers"
        )
        images = {name: pool.submit(_build_image, builder, registry, name) for name in IMAGE_EXTRAS}
        managed = pool.submit(build_managed_runtime, root, runtime)
        built_page = pool.submit(build_page, root, cache / "page")
        zips.result()
        digests = {name: image.result() for name, image in images.items()}
        managed_python = managed.result()
        page = built_page.result()
    for folder in (cache / "layers", runtime, *(registry / "tonearm" / name for name in IMAGE_EXTRAS)):
        _prune(folder)
    web = destination / "web"
    publish(page, web)
    return LocalArtifacts(destination, web, digests, registry, managed_python, page.stale)


def build_managed_runtime(root: Path, cache: Path) -> Path:
    """Return the interpreter of an environment with what AWS's managed runtime has: awslambdaric and boto3."""
    builder = _Builder(root)
    selection = ("--only-group", "managed-runtime")
    digest = _digest([_interpreter(), builder.export(*selection)])
    target = cache / digest
    if not _is_complete(target):
        builder.sync(target / "venv", *selection)
        _complete(target, {"python": "venv/bin/python"})
    os.utime(target)
    return target / "venv" / "bin" / "python"


class _Builder:
    """Runs uv in the checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._uv = find_uv(root)

    def uv(self, *arguments: str | Path, environment: dict[str, str] | None = None) -> str:
        kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        # This machine's interpreter runs the functions: none is downloaded behind the developer's back.
        settings = {"UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
        command = [self._uv, *arguments]
        done = subprocess.run(
            command,
            cwd=self.root,
            env=kept | settings | (environment or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            shown = " ".join(map(str, arguments))
            raise StackError(f"`uv {shown}` failed; mend what it says and run again:\n{done.stderr.strip()}")
        return done.stdout

    def export(self, *selection: str) -> str:
        """Return the locked third-party requirements of a selection, with hashes."""
        return self.uv("export", "--frozen", "--no-dev", "--no-emit-workspace", "--no-header", "--quiet", *selection)

    def sync(self, environment: Path, *selection: str, rebuilt: Iterable[str] = ()) -> None:
        """Make a virtual environment from the lock. `rebuilt` names workspace members: uv's cache ignores edits."""
        again = [argument for name in rebuilt for argument in ("--reinstall-package", name)]
        shutil.rmtree(environment, ignore_errors=True)
        self.uv(
            *("sync", "--frozen", "--no-dev", "--no-editable", "--compile-bytecode", "--quiet"),
            *(*selection, *again),
            environment={"UV_PROJECT_ENVIRONMENT": str(environment)},
        )


def _build_zips(
    builder: _Builder, destination: Path, *, python_version: str, target: str | None, cache: Path | None = None
) -> list[Path]:
    destination.mkdir(parents=True, exist_ok=True)
    built = [_build_function_zip(builder.root, destination, name) for name in ZIP_FUNCTIONS]
    built.append(_build_layer(builder, destination, python_version=python_version, target=target, cache=cache))
    return sorted(built)


def _build_function_zip(root: Path, destination: Path, name: str) -> Path:
    functions = root / "functions"
    if not (functions / name / "handler.py").is_file():
        raise StackError(f"functions/{name}/handler.py is missing; every zip function has one.")
    files = [functions / "__init__.py", *_sources(functions / name)]
    return _write_zip(destination / f"functions-{name}.zip", ((file.relative_to(root), file) for file in files))


def _build_layer(
    builder: _Builder, destination: Path, *, python_version: str, target: str | None, cache: Path | None
) -> Path:
    """Build `layer-core.zip`: package tonearm and its dependencies under `python/`."""
    core = builder.root / "layers" / "core"
    without = [argument for package in _RUNTIME_PACKAGES for argument in ("--no-emit-package", package)]
    requirements = builder.export("--package", "tonearm-core", *without)
    key = _digest([python_version, target or _interpreter(), requirements, *_contents(core)])
    finished = destination / "layer-core.zip"
    kept = cache / key / finished.name if cache else None
    if kept is None or not kept.is_file():
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            _install_layer(builder, core, requirements, tree, python_version=python_version, target=target)
            files = ((Path("python") / file.relative_to(tree), file) for file in _installed(tree))
            _write_zip(kept or finished, files)
    if kept is not None:
        _replace_if_different(finished, kept.read_bytes())
        os.utime(kept.parent)
    return finished


def _install_layer(
    builder: _Builder, core: Path, requirements: str, tree: Path, *, python_version: str, target: str | None
) -> None:
    listed, wheels = tree.with_name("requirements.txt"), tree.with_name("wheels")
    listed.write_text(requirements)
    install: list[str | Path] = ["pip", "install", "--quiet", "--no-deps", "--target", tree]
    elsewhere = ["--python-version", python_version, "--python-platform", target] if target else []
    if requirements.strip():
        builder.uv(*install, *elsewhere, "--require-hashes", "--only-binary", ":all:", "-r", listed)
    builder.uv("build", "--quiet", "--wheel", core, "--out-dir", wheels)
    builder.uv(*install, *elsewhere, *wheels.glob("*.whl"))


def _build_image(builder: _Builder, registry: Path, name: str) -> str:
    """Build one image into the registry unless it is there, and return its digest."""
    extras = [argument for extra in IMAGE_EXTRAS[name] for argument in ("--extra", extra)]
    selection = ("--package", "tonearm-core", *extras)
    members = [builder.root / "layers" / member for member in _IMAGE_MEMBERS[name]]
    functions = builder.root / "functions"
    sources = [file for file in _sources(functions) if file.relative_to(functions).parts[0] not in ZIP_FUNCTIONS]
    inputs = [_interpreter(), builder.export(*selection)]
    for member in members:
        inputs += _contents(member)
    inputs += _contents(functions, sources)
    digest = _digest(inputs)
    target = registry / "tonearm" / name / digest
    if not _is_complete(target):
        rebuilt = [f"tonearm-{member.name}" for member in members]
        builder.sync(target / "venv", *selection, rebuilt=rebuilt)
        shutil.rmtree(target / "task", ignore_errors=True)
        for file in sources:
            copy = target / "task" / file.relative_to(builder.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        compile_all = [str(target / "venv" / "bin" / "python"), "-I", "-m", "compileall", "-q", str(target / "task")]
        subprocess.run(compile_all, check=True, capture_output=True)
        _complete(target, {"python": "venv/bin/python", "task": "task"})
    os.utime(target)
    return digest


@contextmanager
def _only_builder(cache: Path) -> Iterator[None]:
    """Wait until no other stack of the checkout builds into the cache; the lock ends with the process."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_complete(target: Path) -> bool:
    return (target / "image.json").is_file()


def _complete(target: Path, manifest: dict[str, str]) -> None:
    """Write the manifest last: a build that was interrupted has none, and is done again."""
    partial = target / "image.json.partial"
    partial.write_text(json.dumps(manifest))
    partial.replace(target / "image.json")


def _prune(folder: Path) -> None:
    """Delete builds that no `up` has used for a month; several stacks share them."""
    if folder.is_dir():
        for build in folder.iterdir():
            if time.time() - build.stat().st_mtime > _UNUSED_DAYS * 86_400:
                shutil.rmtree(build)


def _sources(folder: Path) -> Iterator[Path]:
    """Yield the files of a source tree, sorted, without what Python, editors and a build leave in it."""
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        made = file.name == BUILT_LIBRARY or any(part in _SKIPPED_FOLDERS or part.startswith(".") for part in parts)
        if file.is_file() and not made:
            yield file


def _installed(tree: Path) -> Iterator[Path]:
    """Yield the files of an installation, sorted, without what differs from one run to the next."""
    for file in sorted(tree.rglob("*")):
        parts = file.relative_to(tree).parts
        if file.is_file() and file.name not in _INSTALLER_NOTES and "__pycache__" not in parts and parts[0] != "bin":
            yield file


def _contents(folder: Path, files: Iterable[Path] | None = None) -> list[str]:
    """Return name and content hash of every file, for a digest."""
    chosen = _sources(folder) if files is None else files
    return [f"{file.relative_to(folder)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in chosen]


def _digest(inputs: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()


def _write_zip(path: Path, files: Iterable[tuple[Path, Path]]) -> Path:
    """Write a zip whose bytes depend on names and contents only: no times, no owners, no order of the file system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, file in files:
            entry = zipfile.ZipInfo(name.as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if file.suffix == ".so" else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    partial.replace(path)
    return path


def _replace_if_different(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(path)


def _this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _interpreter() -> str:
    """Name what compiled code depends on: version, system, processor, and where the interpreter lies."""
    return f"{platform.python_version()} {platform.system()} {platform.machine()} {sys.base_prefix}"
