"""How bodies are read."""

import json
from typing import Any


def read_json(body: str) -> Any:
    """The JSON in a request's body.

    Raises:
        json.JSONDecodeError: also for what Python's reader gives up on in other words: figures of thousands of
            digits, and lists in lists in lists. Nobody means those well, and they are the sender's fault.
    """
    try:
        return json.loads(body)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError) as error:
        raise json.JSONDecodeError(type(error).__name__, body, 0) from error
