"""Keeps the C library from giving memory back between two blocks, only to ask for it again."""

from __future__ import annotations

from functools import cache

import numpy as np

_KEPT_BYTES = 1 << 24


@cache
def reuse_freed_memory() -> None:
    """Let what one block has freed serve the next.

    Arrays of a block have a few hundred kilobytes, which glibc gets from the kernel and gives back each time; touching
    each page anew takes longer than most of what is done with it (the spectrum of five minutes: 0.44 instead of 0.13
    CPU seconds). glibc raises the size from which it does so, once and for the process, to that of the largest array
    that it has seen being freed (mallopt(3), M_MMAP_THRESHOLD): so it is shown one, untouched, which costs nothing.
    Where another C library is at work nothing happens.
    """
    np.empty(_KEPT_BYTES, np.uint8)
