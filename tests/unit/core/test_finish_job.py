"""Finish a job: its end is written, then announced, once."""

import json

import pytest

from tests.unit.core.make import ADA, a_job, a_recipe
from tests.unit.core.world import DRIFTING, NOISE, World, lambda_cause
from tonearm.domain.errors import Problem, TrackRejected, TransientError
from tonearm.domain.job import JobEvent, JobStatus
from tonearm.domain.track import TrackStatus
from tonearm.services.finish_job import Failure

PROBLEM = Problem(code="track.too_long", detail="This file is 3 h long.", value=10800, limit=1200, mend="Trim it.")


def rejection() -> TrackRejected:
    return TrackRejected(PROBLEM.code, PROBLEM.detail, value=PROBLEM.value, limit=PROBLEM.limit, mend=PROBLEM.mend)


class TestFailure:
    def test_the_problem_is_the_one_that_the_step_raised(self) -> None:
        failure = Failure(state="Validate upload", error="TrackRejected", cause=lambda_cause(rejection()))
        assert failure.problem() == PROBLEM

    def test_also_when_the_workflow_cut_the_cause_short(self) -> None:
        cause = lambda_cause(rejection())
        cut = cause[: cause.index("stackTrace") + 5]
        assert Failure(state="Validate upload", error="TrackRejected", cause=cut).problem() == PROBLEM

    def test_what_a_newer_engine_adds_is_dropped(self) -> None:
        cause = json.dumps({"errorMessage": json.dumps({**PROBLEM.model_dump(), "page": "/help"})})
        assert Failure(state="s", error="TrackRejected", cause=cause).problem() == PROBLEM

    @pytest.mark.parametrize("error", ["States.Timeout", "Sandbox.Timedout"])
    def test_a_timeout_names_the_step(self, error: str) -> None:
        cause = json.dumps({"errorMessage": "2026-05-01 Task timed out after 300.00 seconds"})
        problem = Failure(state="Transform", error=error, cause=cause).problem()
        assert (problem.code, problem.value) == ("job.step_timed_out", "Transform")

    @pytest.mark.parametrize(
        "cause",
        [
            "",
            "{",
            "[]",
            "null",
            '{"errorMessage": 1}',
            '{"errorMessage": "{\\"code\\":1}"}',
            '{"errorMessage": "cut in the mid',
            '{"errorMessage": "RequestId: 1 Error: Runtime exited"}',
        ],
    )
    def test_a_step_that_died_without_a_word_is_named(self, cause: str) -> None:
        problem = Failure(state="Transform", error="Runtime.ExitError", cause=cause).problem()
        assert problem.code == "job.step_failed"
        assert "Transform" in problem.detail
        assert "Runtime.ExitError" in problem.detail

    def test_a_passing_error_that_did_not_pass_keeps_its_text_from_the_owner(self) -> None:
        error = TransientError("GetItem: User: arn:aws:sts::123456789012:assumed-role/x is not authorized")
        problem = Failure(state="Transform", error="TransientError", cause=lambda_cause(error)).problem()
        assert problem.code == "job.step_failed"
        assert "arn:aws" not in problem.model_dump_json()


class TestFinish:
    def test_a_job_succeeds_and_its_owner_is_told_once(self, world: World) -> None:
        job = world.new_job(world.ready_track(), a_recipe())
        ended = world.finish_job(job.step_input)
        again = world.finish_job(job.step_input)
        assert ended == again == world.job(job.job_id)
        assert ended is not None
        assert (ended.status, ended.percent, ended.announced) == (JobStatus.SUCCEEDED, 100, True)
        assert [name for name in world.announcer.sent if job.job_id in name] == [f"{job.job_id}.succeeded"]

    def test_a_failed_ingest_rejects_its_track_for_the_same_reason(self, world: World) -> None:
        track, step = world.uploaded_track()
        failure = Failure(state="Validate upload", error="TrackRejected", cause=lambda_cause(rejection()))
        job = world.finish_job(step, failure)
        assert job is not None
        assert (job.status, job.problem) == (JobStatus.FAILED, PROBLEM)
        assert (world.track(track).status, world.track(track).problem) == (TrackStatus.REJECTED, PROBLEM)
        assert world.announcer.sent[f"{step.job_id}.failed"].problem == PROBLEM

    def test_a_failed_render_leaves_its_track_ready(self, world: World) -> None:
        track = world.ready_track(DRIFTING)
        job = world.new_job(track, a_recipe())
        world.settle()
        assert world.job(job.job_id).status is JobStatus.FAILED
        assert world.track(track) == track

    def test_only_an_ingest_job_changes_its_track(self, world: World) -> None:
        track, _ = world.uploaded_track()
        job = world.jobs.add(a_job(track_id=track.track_id))
        world.finish_job.end(ADA, job.job_id, PROBLEM)
        assert world.track(track) == track

    def test_a_recipe_that_fails_after_the_analysis_leaves_the_track_ready(self, world: World) -> None:
        track = world.ready_track(DRIFTING, recipe=a_recipe())
        job = world.job(track.ingest_job_id)
        assert job.problem is not None
        assert (job.status, job.problem.code) == (JobStatus.FAILED, "certificate.length")
        assert track.status is TrackStatus.READY

    def test_a_cancelled_job_stays_cancelled(self, world: World) -> None:
        job = world.new_job(world.ready_track(), a_recipe())
        cancelled = world.jobs.save(job.cancelled(world.clock(), problem=PROBLEM))
        ended = world.finish_job(job.step_input)
        assert ended is not None
        assert (ended.status, ended.problem, ended.ended_at) == (JobStatus.CANCELLED, PROBLEM, cancelled.ended_at)

    def test_a_job_that_is_gone_has_nothing_to_end(self, world: World) -> None:
        assert world.finish_job(a_job().step_input) is None
        assert world.announcer.sent == {}

    def test_the_event_says_whose_and_which_and_what_began_it(self, world: World) -> None:
        track = world.ready_track(NOISE)
        job = world.job(track.ingest_job_id)
        (event,) = world.announcer.sent.values()
        assert event == JobEvent(
            event_id=f"{job.job_id}.failed",
            type="job.failed",
            occurred_at=world.clock(),
            job_id=job.job_id,
            track_id=track.track_id,
            owner_id=ADA,
            kind=job.kind,
            correlation_id="request-1",
            problem=job.problem,
        )
