"""Given the API on AWS in this process."""

from collections.abc import Iterator

import pytest

from tests.unit.functions.studio import Studio, fresh_studio


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with fresh_studio() as studio:
        yield studio
