"""The applied stack, once per run, and people who use it."""

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.cloud import Cloud, Tap
from tests.support.person import Person, wait_until
from tonearm_cli.demo_song import compose_demo_song
from tonearm_local.stack import Outputs, Stack

STACK_NAME = os.environ.get("TONEARM_TEST_STACK", "test")
PORT = int(os.environ.get("TONEARM_TEST_PORT", "4580"))
EDGE_PORT = int(os.environ.get("TONEARM_TEST_EDGE_PORT", "8580"))


@pytest.fixture(scope="session")
def laptop() -> Iterator[Stack]:
    """Given the whole system, applied by Terraform to an empty emulator; destroyed and proven gone afterwards."""
    laptop = Stack(name=STACK_NAME, port=PORT, edge_port=EDGE_PORT, with_faults=True)
    keep = bool(os.environ.get("TONEARM_TEST_KEEP"))
    if not keep:
        laptop.reset()
    laptop.up()
    yield laptop
    if keep:
        return
    try:
        laptop.destroy()
    finally:
        laptop.reset()


@pytest.fixture(scope="session")
def stack(laptop: Stack) -> Outputs:
    """What the applied stack is called and where it listens."""
    return laptop.outputs()


@pytest.fixture(scope="session")
def cloud(stack: Outputs) -> Cloud:
    """The operator's view."""
    return Cloud(stack)


@pytest.fixture
def tap(cloud: Cloud) -> Iterator[Tap]:
    """A queue on the job events."""
    tap = Tap.opened(cloud, f"tap-{uuid.uuid4().hex[:8]}")
    yield tap
    tap.closed()


@pytest.fixture(scope="session")
def new_person(stack: Outputs) -> Callable[[], Person]:
    """Signs somebody up."""

    def mailed_code(email: str) -> str:
        def look() -> str | None:
            mails = httpx.get(f"{stack.endpoint_url}/_ministack/ses/messages", timeout=10).text
            return "123456" if email in mails else None

        mails = httpx.get(f"{stack.endpoint_url}/_ministack/ses/messages", timeout=10)
        # The emulator always mails the same code; another endpoint's inbox is another test's business.
        return "123456" if mails.status_code != 200 else str(wait_until("a mail with the code", look, timeout_s=10))

    def sign_up() -> Person:
        return Person.signs_up(
            api_url=stack.edge_url,
            endpoint_url=stack.endpoint_url,
            region=stack.region,
            client_id=stack.user_pool_client_id,
            codes=mailed_code,
        )

    return sign_up


@pytest.fixture(scope="session")
def ada(new_person: Callable[[], Person]) -> Person:
    """Given Ada, who has an account."""
    return new_person()


@pytest.fixture(scope="session")
def bob(new_person: Callable[[], Person]) -> Person:
    """Given Bob, who has an account of his own."""
    return new_person()


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given a short stereo song of known tempo."""
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    compose_demo_song(path, duration_s=8.0, tempo_bpm=120.0, seed=7)
    return path


@pytest.fixture(scope="session")
def terraform() -> str:
    """The terraform on this machine."""
    found = shutil.which("terraform")
    if found is None:
        pytest.fail("terraform is not on the PATH; install Terraform 1.10 or later.")
    return found


def words(text: str) -> str:
    """Text in lower case, white space folded: for asserting on messages."""
    return re.sub(r"\s+", " ", text).lower()
