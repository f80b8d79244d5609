"""Which names mean this machine, as a browser writes them in `Host` and `Origin`.

What listens on 127.0.0.1 is still reached by every page that the developer's browser shows: directly, where the
browser tells the page in `Origin`, and by a name of the page's owner that answers 127.0.0.1 for a moment (DNS
rebinding), which shows in `Host`.
"""

from __future__ import annotations

import re

_PORT = r"(?::[0-9]{1,5})?"
_HOST = re.compile(rf"(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9_-]+\.)*localhost){_PORT}", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://(?:127\.0\.0\.1|\[::1\]|localhost){_PORT}", re.IGNORECASE)


def is_loopback_host(host: str) -> bool:
    """Tell whether a `Host` is 127.0.0.1, [::1], localhost or a name below it, on any port."""
    return _HOST.fullmatch(host) is not None


def is_loopback_origin(origin: str) -> bool:
    """Tell whether an `Origin` is a page of this machine: 127.0.0.1, [::1] or localhost, on any port."""
    return _ORIGIN.fullmatch(origin) is not None
