"""A container engine with the steps' images, or a skip that says what is missing."""

from collections.abc import Iterator

import pytest

from tests.images import probe
from tonearm_local.images.build import Image, build_images
from tonearm_local.images.container import Limits
from tonearm_local.images.engine import Engine, NoEngine, borrowed_engine
from tonearm_local.images.trial import Trial
from tonearm_local.paths import repository_root

# In the order of the state machine.
STEPS = ("validate", "analyze", "transform", "certify", "notify")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Given a container engine, the machine's or one of our own."""
    try:
        with borrowed_engine(repository_root()) as engine:
            yield engine
    except NoEngine as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, Image]:
    """Given the images that the sources make now."""
    return build_images(repository_root(), engine)


class Probes:
    """Runs the probe in an image."""

    def __init__(self, engine: Engine, images: dict[str, Image]) -> None:
        self._engine, self._images = engine, images

    def in_image(self, name: str, limits: Limits) -> Trial:
        mounted = f"--volume={probe.__file__}:/var/task/probe.py:ro"
        return Trial(self._engine, self._images[name].image_id, limits, handler="probe.handler", options=[mounted])


@pytest.fixture(scope="session")
def probes(engine: Engine, images: dict[str, Image]) -> Probes:
    """Given a handler that looks around in an image."""
    return Probes(engine, images)
