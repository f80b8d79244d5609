"""The applied stack, once per run, and people who use it."""

import os
import re
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, settings

from tests.support.cloud import Cloud, Tap
from tests.support.person import Person, wait_until
from tests.support.ports import free_port
from tonearm_cli.demo_song import compose_demo_song
from tonearm_local.stack import Outputs, Stack

# A stack that is kept from run to run, for whoever works on these tests: it spares them the minute of the apply.
KEPT = "TONEARM_TEST_KEEP" in os.environ

# How long an example takes says more about the machine than about the code.
settings.register_profile("tonearm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tonearm")

# Another emulator, a licensed LocalStack say, for the same tests.
ENDPOINT_URL = os.environ.get("AWS_ENDPOINT_URL", "")


@pytest.fixture(scope="session")
def laptop() -> Iterator[Stack]:
    """Given the whole system, applied by Terraform to an empty emulator; destroyed and proven gone afterwards."""
    if KEPT:
        laptop = Stack("test", port=4580, edge_port=8580, with_faults=True)
        laptop.up()
        yield laptop
        return
    port, edge_port = urlsplit(ENDPOINT_URL).port or free_port(), free_port()
    own = not ENDPOINT_URL
    laptop = Stack(f"test-{port}", port=port, edge_port=edge_port, with_faults=own, own_emulator=own)
    try:
        laptop.up()
        yield laptop
        laptop.destroy()
    finally:
        laptop.reset()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell beside a failure on the stack what the stack is at."""
    report = yield
    laptop = getattr(item, "funcargs", {}).get("laptop")
    if report.failed and laptop is not None:
        status = laptop.status()
        processes = f"emulator: pid {status.emulator_pid}, edge: pid {status.edge_pid}; the emulator said last:"
        report.sections.append(("the stack", f"{processes}\n{laptop._emulator.last_lines(20)}"))
    return report


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


def localstack_code(stack: Outputs, email: str) -> str:
    """The code that Cognito mailed, out of LocalStack's mailbox."""

    def look() -> str | None:
        mails = httpx.get(f"{stack.endpoint_url}/_aws/ses", params={"email": email}, timeout=10).text
        found = re.search(r"\b\d{6}\b", mails)
        return found[0] if found else None

    return str(wait_until(f"a mail to {email}", look))


@pytest.fixture(scope="session")
def new_person_of() -> Callable[[Outputs], Person]:
    """Signs somebody up on a stack."""

    def sign_up(stack: Outputs) -> Person:
        def mailed_code(email: str) -> str:
            inbox = f"{stack.endpoint_url}/_ministack/ses/messages"
            if ENDPOINT_URL and httpx.get(inbox, timeout=10).status_code != 200:
                return localstack_code(stack, email)
            wait_until("a mail with the code", lambda: email in httpx.get(inbox, timeout=10).text)
            # The emulator always mails the same code.
            return "123456"

        return Person.signs_up(
            api_url=stack.edge_url,
            endpoint_url=stack.endpoint_url,
            region=stack.region,
            client_id=stack.user_pool_client_id,
            codes=mailed_code,
        )

    return sign_up


@pytest.fixture(scope="session")
def new_person(stack: Outputs, new_person_of: Callable[[Outputs], Person]) -> Callable[[], Person]:
    """Signs somebody up on the applied stack."""
    return lambda: new_person_of(stack)


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
