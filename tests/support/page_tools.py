"""What checks the page: the packages that its lock names, in web/node_modules, where editors look for them too."""

import fcntl
import hashlib
from pathlib import Path

from tonearm_local.page import npm
from tonearm_local.paths import repository_root

WEB = repository_root() / "web"
LOCK = WEB / "package-lock.json"


def installed_tools() -> Path:
    """The folder of the packages, installed unless they are there; one process at a time."""
    folder = WEB / "node_modules"
    key = hashlib.sha256(LOCK.read_bytes() + (WEB / "package.json").read_bytes()).hexdigest()
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "installed-by-tests"
        if not done.is_file() or done.read_text() != key:
            asked = npm("ci", "--loglevel=error", folder=WEB)
            assert asked.returncode == 0, asked.stderr
            done.write_text(key)
    return folder
