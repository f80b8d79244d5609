"""Given Tonearm in memory."""

import pytest
from hypothesis import settings

from tests.unit.core.world import World

# How long an example takes says more about the machine than about the code.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def world() -> World:
    return World()
