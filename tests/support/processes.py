"""Whether a process lives, and whether it ends."""

import os
import time


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends(pid: int, *, limit_s: float = 30.0) -> bool:
    """Whether a process has ended before the limit."""
    deadline = time.monotonic() + limit_s
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(pid)
