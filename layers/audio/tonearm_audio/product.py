"""Matrix products that stay on one thread.

OpenBLAS splits all but small products among threads that wait for each other by spinning. For products of the engine's
size that never pays, and on a busy machine it costs a hundred times the work. Products of up to 2**18 multiplications
are left on the calling thread, so larger ones are done in slices of that size; the result does not depend on how many
threads there are.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_MOST_MULTIPLICATIONS = 1 << 18

Real = TypeVar("Real", np.float32, np.float64)


def product(rows: npt.NDArray[Real], matrix: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Multiply `rows @ matrix`.

    Args:
        rows: np.ndarray [shape=(..., n, k)].
        matrix: np.ndarray [shape=(k, m)].

    Returns:
        np.ndarray [shape=(..., n, m)].
    """
    depth, width = matrix.shape
    flat = rows.reshape(-1, depth)
    size = max(1, _MOST_MULTIPLICATIONS // (depth * width))
    whole = len(flat) // size * size
    out = np.empty((len(flat), width), flat.dtype)
    np.matmul(flat[:whole].reshape(-1, size, depth), matrix, out=out[:whole].reshape(-1, size, width))
    np.matmul(flat[whole:], matrix, out=out[whole:])
    return out.reshape(*rows.shape[:-1], width)
