"""What is committed says nothing of the machine that it was written on."""

import os
import re
import site
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.unit.repository.checkout import ROOT, texts


def _of_this_machine() -> set[str]:
    """Paths and hosts that only this machine has."""
    folders = {ROOT, Path.home(), Path(sys.base_prefix), Path(site.getuserbase())}
    # Everybody has these.
    found = {f"{folder}/" for folder in folders if len(folder.parts) > 2 and folder.parts[1] != "usr"}
    settings = (
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
    )
    for setting in settings:
        for value in os.environ.get(setting, "").split():
            host = urlsplit(value).hostname
            found.add(host or value)
    return found - {"pypi.org"}


def test_no_path_and_no_host_of_this_machine_is_committed() -> None:
    strangers = _of_this_machine()
    found = [f"{path} names {name}" for path, text in texts() for name in strangers if name in text]
    assert found == []


def test_the_lock_names_the_public_index_only() -> None:
    lock = (ROOT / "uv.lock").read_text()
    hosts = {urlsplit(url).hostname for url in re.findall(r'"(https?://[^"]+)"', lock)}
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_nothing_is_left_to_do_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    sources = [(path, text) for path, text in texts() if path.suffix in {".py", ".tf", ".sh", ".json", ".yaml"}]
    found = [str(path) for path, text in sources if later.search(text) and path.name != Path(__file__).name]
    assert found == []
