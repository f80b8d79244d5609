"""Following a job: it ends when the job does, says why it failed, and asks less often while nothing changes."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.unit.cli import answers
from tonearm_cli.client import StudioClient
from tonearm_cli.errors import CliError, Refused
from tonearm_cli.follow import PATIENCE_S, Standing, follow

Moment = tuple[dict[str, Any], dict[str, Any] | None]


class World:
    """Moments that follow each other each time the job is asked for; the last one lasts."""

    def __init__(self, *moments: Moment) -> None:
        self._moments = list(moments)
        self.now = 0.0
        self.waits: list[float] = []
        self.changes: list[str] = []
        self._current = moments[0]
        self.client = StudioClient("http://studio", "t", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/jobs/"):
            self._current = self._moments.pop(0) if len(self._moments) > 1 else self._moments[0]
            job = self._current[1]
            return httpx.Response(200, json=job) if job else httpx.Response(404, json=answers.problem("job.not_found"))
        return httpx.Response(200, json=self._current[0])

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def follows(self) -> Any:
        changed: Callable[[Standing], None] = lambda standing: self.changes.append(str(standing))  # noqa: E731
        return follow(self.client, answers.TRACK_ID, answers.JOB_ID, changed, sleep=self.sleep, clock=lambda: self.now)


def test_every_stage_is_told_once_until_the_job_has_succeeded() -> None:
    world = World(
        (answers.track("awaiting_upload"), None),
        (answers.track(), answers.job("queued")),
        (answers.track(), answers.job(stage="validate", percent=4)),
        (answers.track(), answers.job(stage="validate", percent=4)),
        (answers.track("ready"), answers.job(stage="transform", percent=60)),
        (answers.track("ready"), answers.job("succeeded", stage="certify", percent=100, render=answers.render())),
    )
    job = world.follows()
    assert job.render.codec == "mp3"
    assert world.changes == [
        "waiting for the upload to be noticed",
        "queued",
        "validate: 4 %",
        "transform: 60 %",
        "succeeded",
    ]


def test_a_rejected_track_says_why() -> None:
    problem = answers.problem("track.truncated")
    world = World((answers.track("rejected", problem=problem), answers.job("failed", problem=problem)))
    with pytest.raises(Refused) as refused:
        world.follows()
    assert refused.value.problem.code == "track.truncated"
    assert refused.value.what == "The track was rejected"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_did_not_succeed_says_why(status: str) -> None:
    world = World((answers.track("ready"), answers.job(status, problem=answers.problem("certificate.level"))))
    with pytest.raises(Refused) as refused:
        world.follows()
    assert refused.value.problem.code == "certificate.level"
    assert refused.value.what == f"The job {status}"


def test_a_job_without_a_reason_is_told_all_the_same() -> None:
    world = World((answers.track("ready"), answers.job("failed")))
    with pytest.raises(CliError, match="failed without a reason"):
        world.follows()


def test_it_asks_less_often_while_nothing_changes_and_gives_up_at_last() -> None:
    world = World((answers.track(), answers.job(stage="analyze", percent=20)))
    with pytest.raises(CliError, match=r"Nothing has happened .* analyze: 20 %"):
        world.follows()
    assert world.waits == sorted(world.waits)
    assert (world.waits[0], world.waits[-1]) == (0.15, 3.0)
    assert world.now == pytest.approx(PATIENCE_S, abs=5)


def test_a_change_makes_it_ask_often_again() -> None:
    still = (answers.track(), answers.job(stage="analyze", percent=20))
    world = World(*[still] * 12, (answers.track(), answers.job(stage="analyze", percent=25)), still)
    with pytest.raises(CliError):
        world.follows()
    slowest = world.waits[10]
    assert slowest > 2
    assert world.waits[12] == 0.15


def test_another_refusal_is_not_taken_for_a_job_that_is_not_there_yet() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/jobs/"):
            return httpx.Response(422, json=answers.problem("request.invalid"))
        return httpx.Response(200, json=answers.track())

    client = StudioClient("http://studio", "t", transport=httpx.MockTransport(answer))
    clock = iter(range(0, 100_000, 100))
    with pytest.raises(Refused) as refused:
        follow(
            client,
            answers.TRACK_ID,
            answers.JOB_ID,
            lambda _: None,
            sleep=lambda _: None,
            clock=lambda: next(clock),
        )
    assert refused.value.problem.code == "request.invalid"
