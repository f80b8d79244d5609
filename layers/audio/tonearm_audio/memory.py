"""Keeps the C library from giving memory back between two blocks, only to ask for it again; at the end it has to."""

from __future__ import annotations

import ctypes
from contextlib import suppress
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


def give_back_freed_memory() -> None:
    """Let the kernel have what the blocks have freed (malloc_trim(3)).

    The small objects of a document lie elsewhere, and would come on top of it.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))
