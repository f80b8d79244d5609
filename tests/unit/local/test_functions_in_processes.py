"""Functions run as processes that see what Lambda would show them, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Emulator

ENVIRONMENT = """
    import os, sys, boto3, tempfile
    def handler(event, context):
        identity = boto3.client("sts").get_caller_identity()
        return {
            "arn": identity["Arn"], "environment": dict(os.environ), "path": sys.path, "tmp": tempfile.gettempdir(),
            "prefix": sys.prefix, "pid": os.getpid(), "request": context.aws_request_id,
            "remaining_ms": context.get_remaining_time_in_millis(), "arn_invoked": context.invoked_function_arn,
        }
"""
FAILING = """
    class TrackRejected(Exception): ...
    def handler(event, context):
        raise TrackRejected("too long")
"""


def both(emulator: Emulator) -> list[Callable[..., str]]:
    return [emulator.zip_function, emulator.image_function]
