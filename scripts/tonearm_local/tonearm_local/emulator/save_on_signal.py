"""SIGUSR1 writes the emulator's state to disk while it goes on running.

The gap: ministack writes its state only when it is stopped in peace. `tonearm stack up` saves after it has applied
Terraform, so that a laptop that loses power keeps the stack that Terraform's state speaks of.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from ministack import app
from ministack.core.persistence import save_all

if TYPE_CHECKING:
    from pathlib import Path


def install(marker: Path) -> None:
    """Save on SIGUSR1, one save at a time, off the main thread; `marker` is touched when all is on disk."""
    saving = threading.Lock()

    def save() -> None:
        with saving:
            save_all(app._build_persistence_save_dict())
            marker.touch()

    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=save, name="save-on-signal").start())
