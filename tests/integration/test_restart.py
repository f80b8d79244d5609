"""The laptop's emulator is stopped, or killed, amid a burst: every upload whose POST was answered still ends, once."""

import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.burst import Burst
from tests.support.cloud import Cloud, Tap
from tests.support.person import JSON, Person, wait_until
from tests.support.ports import free_port
from tonearm_cli.demo_song import compose_demo_song
from tonearm_local.stack import Outputs, Stack

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif("AWS_ENDPOINT_URL" in os.environ, reason="only our own emulator is ours to kill"),
]

RECIPE: JSON = {"operations": [{"type": "tempo", "factor": 1.1}], "output": {"codec": "flac"}}
Interrupted = Callable[[Stack], None]


@pytest.fixture(scope="module")
def mortal() -> Iterator[Stack]:
    """Given a stack of its own, which nobody else needs."""
    stack = Stack(f"mortal-{uuid.uuid4().hex[:6]}", port=free_port(), edge_port=free_port())
    try:
        stack.up()
        yield stack
    finally:
        stack.reset()


@pytest.fixture
def new_burst(
    mortal: Stack, new_person_of: Callable[[Outputs], Person], tmp_path: Path
) -> Iterator[Callable[[float], Burst]]:
    """Given two people with a song of so many seconds, and a consumer of the job events."""
    outputs = mortal.outputs()
    cloud = Cloud(outputs)
    tap = Tap.opened(cloud, f"tap-{uuid.uuid4().hex[:8]}")

    def burst(duration_s: float) -> Burst:
        song = tmp_path / "song.wav"
        compose_demo_song(song, duration_s=duration_s, tempo_bpm=120.0, seed=5)
        people = [new_person_of(outputs) for _ in range(2)]
        # A kill forgets the last seconds of whatever lies in no bucket: these people, and the consumer's queue.
        mortal.save()
        return Burst(cloud, tap, people, song, RECIPE)

    yield burst
    tap.closed()


def stopped(stack: Stack) -> None:
    """As `make down` does it."""
    stack.down()


def killed(stack: Stack) -> None:
    """As the machine does it that runs out of memory, or of power: the emulator and all that it runs."""
    pid = stack.status().emulator_pid
    assert pid is not None
    emulator = psutil.Process(pid)
    family = [emulator, *emulator.children(recursive=True)]
    for process in family:
        # A step that ended meanwhile needs no killing.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)


def send_and_interrupt(burst: Burst, stack: Stack, interrupt: Interrupted, *, count: int) -> None:
    """Upload; when some jobs have ended and some run, interrupt, and bring the stack up again."""
    interrupting = threading.Event()
    sending = threading.Thread(target=burst.send, args=(count,), kwargs={"until": interrupting.is_set})
    sending.start()
    wait_until("a third of the jobs", lambda: 3 * burst.ended() >= count or not sending.is_alive(), every_s=0.05)
    interrupting.set()
    # The consumer's queue lies in the emulator too: what it was told is taken before a kill can make it forget.
    burst.tap.events("")
    interrupt(stack)
    sending.join()
    stack.up()


@pytest.mark.parametrize("interrupt", [stopped, killed])
@pytest.mark.parametrize(
    ("count", "duration_s"), [(24, 2.0), pytest.param(100, 30.0, marks=pytest.mark.nightly)], ids=["some", "many"]
)
def test_every_upload_that_was_answered_ends_once(
    mortal: Stack, new_burst: Callable[[float], Burst], interrupt: Interrupted, count: int, duration_s: float
) -> None:
    # Given a burst, amid which everything stops and starts again
    burst = new_burst(duration_s)
    send_and_interrupt(burst, mortal, interrupt, count=count)
    assert len(burst.uploads) >= count / 3
    # When the reconciler comes by
    burst.wait(timeout_s=60 + count * duration_s, reconcile=True)
    # Then each has its end, one job, one render and one event; executions that a kill made forgotten are no loss
    account = burst.account()
    each = len(burst.uploads)
    assert account["statuses"] == {"succeeded": each}, account
    assert (account["tracks"], account["renders"], account["events"]) == ({"ready": each}, each, each), account
    assert account["dead_letters"] == 0
    assert account["executions"].keys() == {"SUCCEEDED"}
    if interrupt is stopped:
        assert account["executions"] == {"SUCCEEDED": each}
    # And its owner reads that
    for upload in burst.uploads:
        assert upload.person.reads(f"/v1/jobs/{upload.job_id}")["status"] == "succeeded"
        assert upload.person.reads(f"/v1/tracks/{upload.track_id}")["status"] == "ready"
