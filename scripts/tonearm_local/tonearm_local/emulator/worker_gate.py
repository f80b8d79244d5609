"""Let only so many functions run at once; the others wait instead of forking a process each.

The gap: AWS answers a burst with more machines, ministack with more processes on this one. Without a gate 500
uploads started 93 workers, and 37 jobs were started twice because messages became visible again meanwhile.

Small functions have a gate of their own, so that the API answers while every audio worker is busy. No function of
Tonearm calls another one and waits for it, so waiting here cannot lock up.

Who still waits when the emulator is asked to stop is sent away: each would start one more process, which finds nobody
to talk to and keeps the emulator from its end for as long as it may run.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from ministack.services import lambda_svc

from tonearm_local.emulator import stopping

# MB of configured memory from which a function counts as heavy: the audio steps, which fill a core.
HEAVY_MEMORY_MB = 1024
_REFUSED = {
    "body": {"errorType": "Runtime.ExitError", "errorMessage": "The emulator is stopping."},
    "error": True,
    "log": "",
}


def install(*, cores: int | None = None) -> None:
    """Gate every pooled process. `cores` defaults to this machine's; at least 1."""
    heavy_places = max(1, cores or os.cpu_count() or 1)
    heavy = threading.BoundedSemaphore(heavy_places)
    light = threading.BoundedSemaphore(2 * heavy_places + 2)
    run = lambda_svc._execute_function_provided_warm

    def gated(func: dict[str, Any], event: Any, request_id: str) -> Any:
        memory = (func.get("config") or func).get("MemorySize", 128)
        with heavy if memory >= HEAVY_MEMORY_MB else light:
            if stopping.asked.is_set():
                return dict(_REFUSED)
            return run(func, event, request_id)

    lambda_svc._execute_function_provided_warm = gated
