"""Given Tonearm in memory."""

import pytest

from tests.unit.core.world import World


@pytest.fixture
def world() -> World:
    return World()
