"""The image that ours are built on: the official one, or where no registry can be reached, Debian by debootstrap."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm_local.errors import StackError
from tonearm_local.images.engine import EngineError

if TYPE_CHECKING:
    from tonearm_local.images.engine import Engine

OFFICIAL_NAME = "python:3.13-slim-trixie"
# Never an official name: it was made here.
LOCAL_NAME = "local/python:3.13-debootstrap-trixie"
_PULL_LIMIT_S = 600.0


@dataclass(frozen=True)
class Base:
    """A base image that the engine has.

    Attributes:
        name: as the build takes it for BASE_IMAGE.
        kind: `official`, `local-debootstrap`, or `given` when BASE_IMAGE names another one.
        image_id: `sha256:…`.
    """

    name: str
    kind: str
    image_id: str


def base_image(root: Path, engine: Engine) -> Base:
    """Return the base image, pulled or made when the engine lacks it.

    BASE_IMAGE in the environment names another one. Raises StackError when there is neither a registry to pull from
    nor what it takes to make one.
    """
    given = os.environ.get("BASE_IMAGE", OFFICIAL_NAME)
    kind = {OFFICIAL_NAME: "official", LOCAL_NAME: "local-debootstrap"}.get(given, "given")
    found = _image_id(engine, given)
    if found:
        return Base(given, kind, found)
    try:
        engine.run("pull", "--quiet", given, limit_s=_PULL_LIMIT_S)
    except EngineError as unreachable:
        if kind == "given":
            raise
        return Base(LOCAL_NAME, "local-debootstrap", _image_id(engine, LOCAL_NAME) or _made(root, engine, unreachable))
    return Base(given, kind, _image_id(engine, given))


def _image_id(engine: Engine, name: str) -> str:
    """Return the id of an image that the engine has, or nothing."""
    return engine.run("images", "--quiet", "--no-trunc", name)


def _made(root: Path, engine: Engine, why: Exception) -> str:
    """Make the base by debootstrap and return its id."""
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "base.tar"
        command = [root / "scripts" / "make_base_image.sh", tar]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            told = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
            raise StackError(f"{OFFICIAL_NAME} cannot be pulled ({why}), and no base can be made here: {told}")
        label = 'LABEL "tonearm.base"="local-debootstrap"'
        return engine.run("import", "--change", label, "--change", 'CMD ["python3"]', tar, LOCAL_NAME)
