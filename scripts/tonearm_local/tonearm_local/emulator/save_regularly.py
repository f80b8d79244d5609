"""What users have done is on disk a few seconds later, so that a kill or an empty battery loses little.

The gap: ministack writes its state only when it is stopped in peace, while objects of S3 are written at once: after a
kill the bucket holds uploads of which the table knows nothing.

Saved are the rows, the users, the messages and who hears of them. Executions are not: they grow by some 50 kB each and
are never pruned; one that is forgotten is begun again by `reconcile`. Rows come last: what the others say is then never
newer than they.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time

from ministack import app
from ministack.core import persistence

EVERY_S = 5.0
# Of the time of one core; a large state is saved less often.
SHARE = 0.05
SERVICES = ("cognito", "sns", "sqs", "dynamodb")


def install(*, every_s: float = EVERY_S) -> None:
    """Save what has changed every `every_s` seconds, from now on."""
    saved: dict[str, bytes] = {}

    def run() -> None:
        wait_s = every_s
        while True:
            time.sleep(wait_s)
            begun = time.monotonic()
            save_changed(saved)
            wait_s = max(every_s, (time.monotonic() - begun) / SHARE)

    threading.Thread(target=run, name="save-regularly", daemon=True).start()


def save_changed(saved: dict[str, bytes]) -> None:
    """Write the services whose state is not the one that `saved`, which is kept up to date, knows by its hash."""
    states = app._build_persistence_save_dict()
    for service in SERVICES:
        state = states[service]() if service in states else None
        if state is None:
            continue
        text = json.dumps(state, default=persistence._json_default)
        digest = hashlib.sha256(text.encode()).digest()
        if saved.get(service) != digest:
            persistence.save_state(service, state)
            saved[service] = digest
