"""Where between its points a curve is highest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def top_near(curve: npt.NDArray[np.float64], highest: int) -> float:
    """The top of the parabola through a curve's highest point and its neighbours.

    Args:
        curve: np.ndarray [shape=(n,)].
        highest: index of a point that is no lower than its neighbours.

    Returns:
        The top's place, in points from the first; `highest` at either end, and where the three are alike.
    """
    if not 0 < highest < len(curve) - 1:
        return float(highest)
    left, middle, right = (float(value) for value in curve[highest - 1 : highest + 2])
    bend = left - 2 * middle + right
    return highest + (0.5 * (left - right) / bend if bend < 0 else 0.0)
