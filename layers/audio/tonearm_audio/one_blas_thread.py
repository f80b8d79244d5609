"""Imports numpy with one thread for its linear algebra, of which the engine uses next to nothing.

OpenBLAS starts a thread for each further core while numpy is imported, and these wait busily: a tenth of a CPU second
on two cores, as much as all other imports. A program that multiplies large matrices itself imports numpy before the
engine, or sets OPENBLAS_NUM_THREADS: then nothing happens here.
"""

from __future__ import annotations

import os
import sys

_THREADS = "OPENBLAS_NUM_THREADS"

if "numpy" not in sys.modules and _THREADS not in os.environ:
    os.environ[_THREADS] = "1"
    try:
        import numpy as np  # noqa: F401  (OpenBLAS reads the variable once, here)
    finally:
        # What this process starts decides for itself.
        del os.environ[_THREADS]
