"""Build the images of functions/Dockerfile, named by what goes into them, so that nothing is built twice.

Where the build cannot reach PyPI as it is, it is given what this machine's own pip and uv use. The certificates that
they trust and their configuration travel as build secrets. The environment's proxy travels as Docker's predefined build
arguments ("Predefined ARGs" in the Dockerfile reference). No image and no history keeps either; a Dockerfile that
declares such an argument with ARG would.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import ssl
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm_local.artifacts import BUILT_LIBRARY, ZIP_FUNCTIONS
from tonearm_local.images.base import Base, base_image
from tonearm_local.progress import Progress, Step, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tonearm_local.images.engine import Engine

# Targets of the Dockerfile.
TARGETS = ("light", "audio")
_REPOSITORY = "tonearm"
_BUILD_LIMIT_S = 1800.0
_KEPT_BUILDS = 3
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
# Docker knows these by itself. They go by name, so that no value is on a command line.
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Image:
    """An image that the engine has.

    Attributes:
        name: target of the Dockerfile, `light` or `audio`.
        tag: what it is called, after what went into it.
        image_id: `sha256:…`, by which it is run.
        size_mb: uncompressed, base included, MB (10^6 bytes).
        build_s: seconds that its build took; None when it was there already.
        base: kind of the base image.
    """

    name: str
    tag: str
    image_id: str
    size_mb: float
    build_s: float | None
    base: str


def build_images(root: Path, engine: Engine, progress: Progress = quiet) -> dict[str, Image]:
    """Build the images, or find that they are there.

    Args:
        root: the checkout.
        engine: has them afterwards.
        progress: is told what is being built.

    Returns:
        Target → image. Raises StackError with what the build said.
    """
    progress(Step("Preparing the base image"))
    base = base_image(root, engine)
    inputs = inputs_digest(root, base)
    images = {}
    for target in TARGETS:
        tag = f"{_REPOSITORY}/{target}:{inputs}"
        build_s = None
        if not engine.run("images", "--quiet", tag):
            progress(Step("Building image", target))
            started = time.monotonic()
            _build(root, engine, target, tag, base)
            build_s = time.monotonic() - started
            _prune(engine, target, tag)
        image_id, size = engine.run("image", "inspect", "--format", "{{.Id}} {{.Size}}", tag).split()
        images[target] = Image(target, tag, image_id, int(size) / 1e6, build_s, base.kind)
    return images


def _build(root: Path, engine: Engine, target: str, tag: str, base: Base) -> None:
    with tempfile.TemporaryDirectory() as folder:
        secrets = [argument for secret in _secrets(Path(folder)) for argument in ("--secret", secret)]
        proxies = [argument for name in PROXIES if name in os.environ for argument in ("--build-arg", name)]
        # A private engine has no network of its own; one with a network gives a build the machine's just the same.
        options = ["--network", "host", "--target", target, "--tag", tag, "--build-arg", f"BASE_IMAGE={base.name}"]
        options += ["--label", f"tonearm.base={base.kind}", "--progress", "plain"]
        dockerfile = root / "functions" / "Dockerfile"
        engine.run(
            "build",
            *options,
            *secrets,
            *proxies,
            "--file",
            dockerfile,
            root,
            environment={"DOCKER_BUILDKIT": "1"},
            limit_s=_BUILD_LIMIT_S,
        )


def inputs_digest(root: Path, base: Base) -> str:
    """Name what goes into the images: the files that the Dockerfile copies, itself, and the base."""
    digest = hashlib.sha256(base.image_id.encode())
    for file in _inputs(root):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"\0{file.relative_to(root)} {content}".encode())
    return digest.hexdigest()[:16]


def _inputs(root: Path) -> Iterator[Path]:
    """Yield what functions/Dockerfile.dockerignore lets through, and the two files themselves, sorted."""
    functions = root / "functions"
    yield from (functions / "Dockerfile", functions / "Dockerfile.dockerignore", root / "pyproject.toml")
    yield root / "uv.lock"
    yield from sorted((root / "scripts").glob("*/pyproject.toml"))
    for folder in (root / "layers", functions):
        for file in sorted(folder.rglob("*")):
            parts = file.relative_to(folder).parts
            hidden = any(part == "__pycache__" or part.startswith(".") for part in parts)
            zipped = folder == functions and parts[0] in ZIP_FUNCTIONS
            if file.is_file() and file.name != BUILT_LIBRARY and not hidden and not zipped:
                yield file


def _prune(engine: Engine, target: str, new: str) -> None:
    """Delete the builds before the last few; `new` stays, and one that a container still uses."""
    builds = engine.run("images", "--format", "{{.Repository}}:{{.Tag}}", f"{_REPOSITORY}/{target}").split()
    # Newest first, as the engine lists them; but a build whose every layer was kept is as old as its first tag.
    old = [tag for tag in builds if tag != new]
    for tag in old[_KEPT_BUILDS - 1 :]:
        engine.run("rmi", "--no-prune", tag)


# ---------------------------------------------------------------------- what the build may need to reach PyPI


def _secrets(folder: Path) -> Iterator[str]:
    """Yield the values of `--secret`, their files written to `folder` where they have to be."""
    certificates = _certificates()
    if certificates is not None:
        yield f"id=ca_bundle,src={certificates}"
    pip = pip_settings(pip_files(), os.environ)
    if pip:
        lines = "\n".join(f"{name} = {value}" for name, value in sorted(pip.items()))
        (folder / "pip.conf").write_text(f"[global]\n{lines}\n")
        yield f"id=pip_conf,src={folder / 'pip.conf'}"
    uv = _uv_settings(pip)
    if uv:
        (folder / "uv.toml").write_text(uv)
        yield f"id=uv_toml,src={folder / 'uv.toml'}"


def _certificates() -> Path | None:
    """Return the bundle of certificates that this machine trusts; a proxy may add its own to it."""
    named = [os.environ.get(name) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")]
    for file in (*named, ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt"):
        if file and Path(file).is_file():
            return Path(file).resolve()
    return None


def pip_files() -> list[Path]:
    """Return where pip looks for its configuration, the last one winning: see "Configuration" in pip's manual."""
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = os.environ.get("PIP_CONFIG_FILE")
    files = [Path("/etc/pip.conf"), Path.home() / ".pip" / "pip.conf", config_home / "pip" / "pip.conf"]
    return [*files, *([Path(own)] if own else [])]


def pip_settings(files: list[Path], environment: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """Return what of pip's configuration holds in a build as well: how to reach an index, not where files lie here.

    Args:
        files: pip's configuration files, the last one winning.
        environment: its PIP_* variables win over all files.
    """
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        parser.read(file)
        if parser.has_section("global"):
            found |= dict(parser.items("global"))
    for name in _PIP_SETTINGS:
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if variable in environment:
            found[name] = environment[variable]
    reachable = {name: _addresses(value) if name.endswith("index-url") else value for name, value in found.items()}
    return {name: value for name, value in reachable.items() if name in _PIP_SETTINGS and value}


def _addresses(value: str) -> str:
    """Return those of a list of addresses that are not folders of this machine."""
    return " ".join(address for address in value.split() if re.match(r"https?://", address))


def _uv_settings(pip: dict[str, str]) -> str:
    """Return the contents of uv's configuration: the machine's own, or the index that pip uses."""
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = os.environ.get("UV_CONFIG_FILE")
    for file in ([Path(own)] if own else []) + [config_home / "uv" / "uv.toml", Path("/etc/uv/uv.toml")]:
        if file.is_file():
            return file.read_text()
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or pip.get("index-url")
    return f'[[index]]\nurl = "{index}"\ndefault = true\n' if index else ""
