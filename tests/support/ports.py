"""Ports for what a test starts."""

import itertools
import os
import secrets
import socket
from collections.abc import Iterator

# Below those that Linux gives to connections and to whoever does not ask for one: what a test stops and starts again
# finds its port free.
_PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A port that nobody has, and that nobody else in this run is given."""
    return next(port for port in _candidates if _is_free(port))


def _ports_of_this_worker() -> Iterator[int]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = _PORTS[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    # Another run beside this one hardly begins at the same.
    first = secrets.randbelow(len(own))
    return itertools.cycle([*own[first:], *own[:first]])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


_candidates = _ports_of_this_worker()
