"""Tell from the first moment that the emulator was asked to stop.

The gap: ministack learns of it when its server has closed; until then, and after, its threads go on with their work,
against functions and an endpoint that go away under them.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

import hypercorn.asyncio

asked = threading.Event()


def install() -> None:
    """Set `asked` at SIGTERM and SIGINT, and only then let the server close."""
    serve = hypercorn.asyncio.serve

    async def serving(application: Any, config: Any) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def asked_to_stop() -> None:
            asked.set()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked_to_stop)
        await serve(application, config, shutdown_trigger=stop.wait)

    hypercorn.asyncio.serve = serving  # type: ignore[assignment]  # ministack gives it these two and no more
