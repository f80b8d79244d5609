"""The top of a curve between its points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm_audio.parabola import top_near


@given(st.floats(1.0, 7.0), st.floats(0.01, 100.0), st.floats(-100.0, 100.0))
def test_the_top_of_a_parabola_is_found_wherever_it_lies(at: float, bend: float, height: float) -> None:
    # Given a parabola that is known at whole numbers
    curve = height - bend * (np.arange(9) - at) ** 2
    # When, Then
    assert top_near(curve, int(curve.argmax())) == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize(("curve", "highest"), [([3.0, 1.0], 0), ([1.0, 3.0], 1), ([2.0], 0), ([2.0, 2.0, 2.0], 1)])
def test_without_lower_neighbours_it_is_the_point_itself(curve: list[float], highest: int) -> None:
    assert top_near(np.array(curve), highest) == highest
