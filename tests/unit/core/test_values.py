"""What every domain value promises."""

from types import NoneType
from typing import get_args

import pytest

from tonearm.domain.values import Value


@pytest.mark.parametrize("value", Value.__subclasses__(), ids=lambda value: value.__name__)
def test_what_may_be_none_may_be_left_out(value: type[Value]) -> None:
    # Rows and messages are written without their Nones, so that one without a default could not be read again.
    for name, field in value.model_fields.items():
        if NoneType in get_args(field.annotation):
            assert not field.is_required(), f"{value.__name__}.{name}"
