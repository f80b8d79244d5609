"""The containers of one stack: the engine they run on, the images they run, and what is left of them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm_local.images.build import build_images
from tonearm_local.images.container import STACK_LABEL
from tonearm_local.images.engine import Engine, EngineError, PrivateEngine, borrowed_engine, private_engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tonearm_local.progress import Progress


@dataclass(frozen=True)
class Containers:
    """Where a stack's containers run, and from which images.

    Attributes:
        engine: runs them.
        images: digest of an image function's URI → id of the image that the engine has for it.
        label: value of the label by which the stack knows its containers.
        private_engine: folder of the private engine, to be kept running; None for the machine's own.
    """

    engine: Engine
    images: dict[str, str]
    label: str
    private_engine: Path | None

    @classmethod
    def read(cls, file: Path) -> Containers:
        """Read what `write` wrote."""
        noted = json.loads(file.read_text())
        folder = noted["private_engine"]
        engine = Engine(Path(noted["client"]), noted["host"], private=folder is not None)
        return cls(engine, noted["images"], noted["label"], Path(folder) if folder else None)

    def write(self, file: Path) -> None:
        """Note it in a file."""
        noted = {
            "client": str(self.engine.client),
            "host": self.engine.host,
            "images": self.images,
            "label": self.label,
            "private_engine": str(self.private_engine) if self.private_engine else None,
        }
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(noted, indent=2))
        partial.replace(file)


class StackContainers:
    """The containers that one stack's emulator runs functions in."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Describe them. `root` is the checkout, `folder` the stack's."""
        self._root = root
        self._label = str(folder)
        self.file = folder / "containers.json"

    @contextmanager
    def prepared(self, digests: dict[str, str], progress: Progress) -> Iterator[None]:
        """Build the images and note where they run; the engine runs until the emulator has taken it over.

        Args:
            digests: image name → digest in the URIs that are deployed.
            progress: is told what is being built.

        Raises NoEngine when this machine has no container engine.
        """
        with borrowed_engine(self._root) as engine:
            built = build_images(self._root, engine, progress)
            images = {digest: built[name].image_id for name, digest in digests.items()}
            private = private_engine_of(self._root).folder if engine.private else None
            Containers(engine, images, self._label, private).write(self.file)
            yield

    def clear(self) -> None:
        """Remove what a stopped emulator left, and stop the private engine unless another stack uses it."""
        if not self.file.exists():
            return
        containers = Containers.read(self.file)
        try:
            left = containers.engine.containers(f"{STACK_LABEL}={self._label}")
        except EngineError:
            # It does not run, so neither do its containers.
            left = []
        containers.engine.remove(*left)
        if containers.private_engine is not None:
            PrivateEngine(containers.private_engine).stop_if_unused()
