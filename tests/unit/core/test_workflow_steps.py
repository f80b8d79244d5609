"""The steps of the workflow: validate, analyze, transform, certify."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest

from tests.unit.core.make import ADA, BOB, a_recipe
from tests.unit.core.world import DRIFTING, MAX_DURATION_S, MAX_UPLOAD_BYTES, NOISE, SONG, TIERS, World
from tonearm.domain.analysis import Probe
from tonearm.domain.errors import (
    Conflict,
    InvalidRequest,
    JobAlreadyEnded,
    NotFound,
    PromiseBroken,
    TrackRejected,
    TransientError,
)
from tonearm.domain.job import JobStatus, Stage, StepInput
from tonearm.domain.tier import Tier
from tonearm.domain.track import TrackStatus
from tonearm_audio.container import Container


class TestValidate:
    def test_a_song_is_probed_and_stays_validating(self, world: World) -> None:
        track, step = world.uploaded_track(sha256=hashlib.sha256(SONG).hexdigest())
        probe = world.validate_upload(step)
        assert world.track(track).probe == probe
        assert world.track(track).status is TrackStatus.VALIDATING
        assert probe.content_sha256 == hashlib.sha256(SONG).hexdigest()
        job = world.job(step.job_id)
        assert (job.status, job.stage, job.percent) == (JobStatus.RUNNING, Stage.VALIDATE, 0)

    def test_repeated_it_answers_the_same_and_probes_no_more(self, world: World) -> None:
        _, step = world.uploaded_track()
        first, before = world.validate_upload(step), world.picture()
        assert world.validate_upload(step) == first
        assert world.engine.calls["probe"] == 1
        assert world.picture() == before

    @pytest.mark.parametrize(
        ("content", "said", "code"),
        [
            (NOISE, {}, "track.not_audio"),
            (SONG, {"sha256": "0" * 64}, "track.hash_mismatch"),
            (b"song " * (MAX_UPLOAD_BYTES // 5 + 1), {"size_bytes": MAX_UPLOAD_BYTES}, "track.too_large"),
            (b"song " * 101, {}, "track.too_long"),
        ],
        ids=["noise", "other-bytes", "too-large", "too-long"],
    )
    def test_what_is_refused_ends_rejected_with_the_reason_however_often_it_is_asked(
        self, world: World, content: bytes, said: dict[str, Any], code: str
    ) -> None:
        track, step = world.uploaded_track(content, **said)
        for _ in range(2):
            with pytest.raises(TrackRejected) as refusal:
                world.validate_upload(step)
            assert refusal.value.problem.code == code
            assert refusal.value.problem.mend
        rejected = world.track(track)
        assert (rejected.status, rejected.problem) == (TrackStatus.REJECTED, refusal.value.problem)

    @pytest.mark.parametrize(
        ("tier", "letters", "told", "mend"),
        [
            (
                Tier.FREE,
                505,
                "8 min 25 s long; the limit for tier free is 8 min 20 s",
                "Trim it or ask your admin for tier pro.",
            ),
            (Tier.FREE, 800, "13 min 20 s long; the limit for tier free is 8 min 20 s", "for tier pro."),
            (Tier.PRO, 1100, "18 min 20 s long; the limit for tier pro is 16 min 40 s.", "Trim it."),
        ],
    )
    def test_the_tracks_tier_says_how_long_it_may_be(
        self, world: World, tier: Tier, letters: int, told: str, mend: str
    ) -> None:
        track, step = world.uploaded_track(b"song ".ljust(letters, b"."), tier=tier)
        with pytest.raises(TrackRejected, match=r"track\.too_long"):
            world.validate_upload(step)
        problem = world.track(track).problem
        assert problem is not None
        assert (problem.value, problem.limit) == (letters, TIERS.of(tier).max_duration_s)
        assert told in problem.detail
        assert problem.mend.endswith(mend)

    def test_what_only_pro_allows_is_taken_from_who_was_pro_when_the_track_was_made(self, world: World) -> None:
        track, step = world.uploaded_track(b"song ".ljust(int(MAX_DURATION_S) + 200, b"."), tier=Tier.PRO)
        assert world.validate_upload(step).duration_s > MAX_DURATION_S
        assert world.track(track).tier is Tier.PRO

    def test_a_length_that_the_engine_refuses_by_itself_stays_in_its_words(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> Probe:
            raise TrackRejected(
                "track.too_long", "Too long for what converts it.", value=90.0, limit=60, mend="Convert."
            )

        monkeypatch.setattr(world.engine, "probe", refuse)
        _, step = world.uploaded_track()
        with pytest.raises(TrackRejected) as refusal:
            world.validate_upload(step)
        assert refusal.value.problem.detail == "Too long for what converts it."

    def test_an_upload_that_is_gone_is_refused(self, world: World) -> None:
        track, step = world.uploaded_track()
        world.uploads.delete_all(track.upload_prefix)
        with pytest.raises(TrackRejected) as refusal:
            world.validate_upload(step)
        assert refusal.value.problem.code == "track.missing"


class TestAnalyze:
    def test_the_track_is_ready_and_the_whole_analysis_lies_beside_the_media(self, world: World) -> None:
        track, step = world.uploaded_track()
        world.validate_upload(step)
        summary = world.analyze_track(step)
        ready = world.track(track)
        assert (ready.status, ready.analysis) == (TrackStatus.READY, summary)
        document = world.media.read_json(ready.analysis_key)
        assert document is not None
        assert document["beats_s"] == [0.5, 1.0]
        assert ready.has_peaks
        assert world.media.read_json(ready.peaks_key) == {"version": 2, "data": list(SONG)}
        assert ready.has_spectrogram
        assert world.media.read_json(ready.peaks_detail_key) == {"version": 2, "data": list(SONG * 2)}
        assert world.media.objects[ready.spectrogram_key] == b"PNG"

    def test_repeated_it_analyses_no_more(self, world: World) -> None:
        _, step = world.uploaded_track()
        world.validate_upload(step)
        assert world.analyze_track(step) == world.analyze_track(step)
        assert world.engine.calls["analyze"] == 1


class TestTransform:
    def test_the_render_lies_whole_under_its_recipe_and_engine(self, world: World) -> None:
        track = world.ready_track()
        render = world.render_track(world.new_job(track, a_recipe()).step_input)
        assert render.key == f"media/{ADA}/{track.track_id}/renders/{a_recipe().content_hash}-memory-1/render.mp3"
        assert world.media.objects[render.key].startswith(SONG)
        assert render.size_bytes == len(world.media.objects[render.key])

    def test_another_job_with_the_same_recipe_uses_what_lies_there(self, world: World) -> None:
        track = world.ready_track()
        first, second = (world.new_job(track, a_recipe()) for _ in range(2))
        assert world.render_track(first.step_input) == world.render_track(second.step_input)
        assert world.engine.calls["render"] == 1

    def test_another_recipe_another_track_or_another_engine_makes_its_own(self, world: World) -> None:
        track, other = world.ready_track(), world.ready_track()
        world.render_track(world.new_job(track, a_recipe()).step_input)
        world.render_track(world.new_job(track, a_recipe(factor=2)).step_input)
        world.render_track(world.new_job(other, a_recipe()).step_input)
        world.engine.version = "memory-2"  # type: ignore[misc]
        world.render_track(world.new_job(track, a_recipe()).step_input)
        assert world.engine.calls["render"] == 4

    def test_a_render_without_its_record_is_no_render(self, world: World) -> None:
        # Given a step that died between the file and its record
        track = world.ready_track()
        step = world.new_job(track, a_recipe()).step_input
        render = world.render_track(step)
        del world.media.objects[render.key.replace("render.mp3", "render.json")]
        # When it is tried again, Then it is made again
        assert world.render_track(step) == render
        assert world.engine.calls["render"] == 2

    def test_a_job_without_a_recipe_is_refused(self, world: World) -> None:
        _, step = world.uploaded_track()
        with pytest.raises(InvalidRequest):
            world.render_track(step)


class TestCertify:
    def test_a_kept_promise_gives_the_job_its_render(self, world: World) -> None:
        job = world.new_job(world.ready_track(), a_recipe())
        render = world.render_track(job.step_input)
        certificate = world.certify_render(job.step_input)
        assert certificate.kept
        peaks_key = render.key.replace("render.mp3", "peaks.json")
        assert world.job(job.job_id).render == render.model_copy(update={"peaks_key": peaks_key})
        assert world.media.read_json(render.certificate_key) == certificate.model_dump(mode="json")
        assert world.media.read_json(peaks_key) == {"version": 2, "data": list(world.media.objects[render.key])}

    def test_a_broken_promise_is_named_with_its_figures_and_shows_no_render(self, world: World) -> None:
        track = world.ready_track(DRIFTING)
        job = world.new_job(track, a_recipe())
        render = world.render_track(job.step_input)
        with pytest.raises(PromiseBroken) as broken:
            world.certify_render(job.step_input)
        problem = broken.value.problem
        assert problem.code == "certificate.length"
        assert problem.value == problem.limit + 0.5  # type: ignore[operator]
        assert "tempo promises length" in problem.detail
        # Then its owner sees no render, and the certificate is kept for whoever looks into it
        assert world.job(job.job_id).render is None
        assert world.media.read_json(render.certificate_key) is not None
        assert not [key for key in world.media.objects if "/renders/" in key and key.endswith("peaks.json")]
        with pytest.raises(Conflict):
            world.create_downloads.of_job(ADA, job.job_id)

    def test_without_a_render_it_is_tried_again_later(self, world: World) -> None:
        job = world.new_job(world.ready_track(), a_recipe())
        with pytest.raises(TransientError):
            world.certify_render(job.step_input)


STEPS: list[Callable[[World, StepInput], object]] = [
    lambda world, step: world.validate_upload(step),
    lambda world, step: world.analyze_track(step),
    lambda world, step: world.render_track(step),
    lambda world, step: world.certify_render(step),
]


@pytest.mark.parametrize("step_of", STEPS, ids=["validate", "analyze", "transform", "certify"])
class TestEveryStep:
    def test_stops_when_the_job_has_ended(self, world: World, step_of: Callable[[World, StepInput], object]) -> None:
        _, step = world.uploaded_track(recipe=a_recipe())
        world.finish_job.end(ADA, step.job_id, None)
        with pytest.raises(JobAlreadyEnded):
            step_of(world, step)

    def test_stops_when_the_track_is_gone(self, world: World, step_of: Callable[[World, StepInput], object]) -> None:
        track, step = world.uploaded_track(recipe=a_recipe())
        world.tracks.save(track.expired(world.clock()))
        with pytest.raises(JobAlreadyEnded):
            step_of(world, step)

    def test_stops_when_rows_are_gone(self, world: World, step_of: Callable[[World, StepInput], object]) -> None:
        track, step = world.uploaded_track(recipe=a_recipe())
        world.delete_track(ADA, track.track_id)
        with pytest.raises(JobAlreadyEnded):
            step_of(world, step)

    def test_says_in_which_stage_the_job_is(self, world: World, step_of: Callable[[World, StepInput], object]) -> None:
        _, step = world.uploaded_track(recipe=a_recipe())
        for earlier in STEPS[: STEPS.index(step_of) + 1]:
            earlier(world, step)
        assert world.job(step.job_id).stage is list(Stage)[STEPS.index(step_of)]
        assert world.job(step.job_id).percent == [0, 15, 40, 80][STEPS.index(step_of)]


class TestProgress:
    def test_is_written_every_two_seconds_and_no_oftener(self, world: World) -> None:
        _, step = world.uploaded_track(recipe=a_recipe())
        work = world.begin_stage(step, Stage.ANALYZE)
        said: list[int] = []
        for tenth in range(1, 11):
            world.clock.advance(seconds=0.5)
            work.on_progress(tenth / 10)
            said.append(world.job(step.job_id).percent)
        assert said == [15, 15, 15, 25, 25, 25, 25, 35, 35, 35]

    def test_a_job_that_is_cancelled_meanwhile_stops_the_work(self, world: World) -> None:
        track, step = world.uploaded_track()
        work = world.begin_stage(step, Stage.VALIDATE)
        world.delete_track(ADA, track.track_id)
        world.clock.advance(seconds=2)
        with pytest.raises(JobAlreadyEnded):
            work.on_progress(0.5)


class TestOwnership:
    def test_another_owners_and_none_answer_alike(self, world: World) -> None:
        job = world.new_job(world.ready_track(), a_recipe())

        def refusal(look: Callable[[], object]) -> str:
            with pytest.raises(NotFound) as refused:
                look()
            return str(refused.value).replace(job.job_id, "ID").replace(job.track_id, "ID").replace("gone", "ID")

        assert refusal(lambda: world.ownership.track(BOB, job.track_id)) == refusal(
            lambda: world.ownership.track(BOB, "gone")
        )
        assert refusal(lambda: world.ownership.job(BOB, job.job_id)) == refusal(
            lambda: world.ownership.job(BOB, "gone")
        )

    def test_from_the_end_on_nothing_of_a_track_answers(self, world: World) -> None:
        track = world.ready_track()
        job = world.new_job(track, a_recipe())
        world.clock.now = track.expires_at - timedelta(seconds=1)
        assert world.ownership.track(ADA, track.track_id)
        assert world.ownership.job(ADA, job.job_id)
        world.clock.now = track.expires_at
        for look, row_id in ((world.ownership.track, track.track_id), (world.ownership.job, job.job_id)):
            with pytest.raises(NotFound):
                look(ADA, row_id)

    def test_a_delete_that_was_cut_off_hides_track_and_jobs_at_once(self, world: World) -> None:
        track = world.ready_track()
        world.tracks.save(track.expired(world.clock()))
        for look, row_id in ((world.ownership.track, track.track_id), (world.ownership.job, track.ingest_job_id)):
            with pytest.raises(NotFound):
                look(ADA, row_id)

    def test_nobody_renders_or_relabels_anothers_track(self, world: World) -> None:
        track = world.ready_track()
        with pytest.raises(NotFound):
            world.create_job(BOB, track.track_id, a_recipe(), job_id="job_x", correlation_id="c")
        with pytest.raises(NotFound):
            world.relabel_track(BOB, track.track_id, title="Mine", tags=None, if_version=None)
        world.delete_track(BOB, track.track_id)
        assert world.track(track) == track


class TestDownloads:
    def test_a_render_job_gives_all_that_was_made_under_the_tracks_title(self, world: World) -> None:
        track = world.ready_track(title="Sea: a/b", recipe=a_recipe())
        links = world.create_downloads.of_job(ADA, track.ingest_job_id)
        assert {name: link.filename for name, link in links.items()} == {
            "analysis": "Sea_ a_b.analysis.json",
            "peaks": "Sea_ a_b.peaks.json",
            "peaks_detail": "Sea_ a_b.peaks-detail.json",
            "spectrogram": "Sea_ a_b.spectrogram.png",
            "render": "Sea_ a_b.mp3",
            "certificate": "Sea_ a_b.certificate.json",
            "render_peaks": "Sea_ a_b.render-peaks.json",
        }
        for link in links.values():
            assert link.url.removeprefix("memory://media/") in world.media.objects

    def test_no_link_outlives_the_track(self, world: World) -> None:
        track = world.ready_track()
        world.clock.now = track.expires_at - timedelta(seconds=10)
        links = world.create_downloads.of_job(ADA, track.ingest_job_id)
        assert links["analysis"].expires_at == track.expires_at

    def test_without_a_recipe_there_is_only_what_was_measured_on_the_source(self, world: World) -> None:
        track = world.ready_track()
        assert list(world.create_downloads.of_job(ADA, track.ingest_job_id)) == [
            "analysis",
            "peaks",
            "peaks_detail",
            "spectrogram",
        ]

    def test_what_was_made_before_there_were_peaks_or_spectrograms_has_none(self, world: World) -> None:
        # Given rows of that time
        track = world.ready_track(recipe=a_recipe())
        job = world.job(track.ingest_job_id)
        assert job.render is not None
        world.tracks.save(track.model_copy(update={"has_peaks": False, "has_spectrogram": False}))
        world.jobs.save(job.model_copy(update={"render": job.render.model_copy(update={"peaks_key": None})}))
        # When links are asked for, Then there are those of that time
        assert set(world.create_downloads.of_job(ADA, job.job_id)) == {"analysis", "render", "certificate"}
        assert set(world.create_downloads.of_track(ADA, track.track_id)) == {"source", "analysis"}

    def test_an_older_render_that_is_used_again_gets_its_peaks(self, world: World) -> None:
        # Given a render whose record and folder know of no peaks
        track = world.ready_track(recipe=a_recipe())
        for key in [key for key in world.media.objects if "/renders/" in key and key.endswith("peaks.json")]:
            del world.media.objects[key]
        # When the same recipe is asked for again
        job = world.new_job(track, a_recipe())
        world.settle()
        # Then nothing is rendered anew, and the new job has them
        assert world.engine.calls["render"] == 1
        link = world.create_downloads.of_job(ADA, job.job_id)["render_peaks"]
        assert link.url.removeprefix("memory://media/") in world.media.objects

    def test_a_ready_track_gives_its_source_in_the_version_that_counts(self, world: World) -> None:
        track = world.ready_track(title="Sea: a/b")
        world.upload(track, b"song of another")
        links = world.create_downloads.of_track(ADA, track.track_id)
        assert {name: link.filename for name, link in links.items()} == {
            "source": "Sea_ a_b",
            "analysis": "Sea_ a_b.analysis.json",
            "peaks": "Sea_ a_b.peaks.json",
            "peaks_detail": "Sea_ a_b.peaks-detail.json",
            "spectrogram": "Sea_ a_b.spectrogram.png",
        }
        assert links["source"].url.endswith(f"{track.upload_key}?version=1&type=application/octet-stream")

    @pytest.mark.parametrize("content", [None, NOISE], ids=["awaiting-upload", "rejected"])
    def test_a_track_that_is_not_ready_gives_none(self, world: World, content: bytes | None) -> None:
        track = world.ready_track(content) if content else world.new_track()
        with pytest.raises(Conflict) as refusal:
            world.create_downloads.of_track(ADA, track.track_id)
        assert refusal.value.problem.code == "track.not_ready"

    @pytest.mark.parametrize("container", get_args(Container))
    def test_every_container_that_is_taken_has_a_name_and_a_type(self, world: World, container: str) -> None:
        track = world.ready_track(title="Sea")
        assert track.probe is not None
        world.tracks.save(track.model_copy(update={"probe": track.probe.model_copy(update={"container": container})}))
        source = world.create_downloads.of_track(ADA, track.track_id)["source"]
        assert source.filename.startswith("Sea.")
        assert "&type=audio/" in source.url


class TestCreateJob:
    def test_only_of_a_ready_track(self, world: World) -> None:
        for track in (world.new_track(), world.uploaded_track()[0], world.ready_track(NOISE)):
            with pytest.raises(Conflict) as refusal:
                world.new_job(track, a_recipe())
            assert refusal.value.problem.code == "track.not_ready"
        assert world.queue.messages == []

    def test_the_same_id_again_is_the_same_job(self, world: World) -> None:
        track = world.ready_track()
        first = world.new_job(track, a_recipe())
        again = world.new_job(track, a_recipe(factor=2), job_id=first.job_id)
        assert again == first
        world.settle()
        assert len(world.announcer.sent) == 2  # the ingest and this one


class TestRelabel:
    def test_title_and_tags_change_and_what_is_left_out_stays(self, world: World) -> None:
        track = world.new_track(title="Old", tags=("a",))
        changed = world.relabel_track(ADA, track.track_id, title="New", tags=None, if_version=1)
        assert (changed.title, changed.tags, changed.version) == ("New", ("a",), 2)
        changed = world.relabel_track(ADA, track.track_id, title=None, tags=(), if_version=None)
        assert (changed.title, changed.tags, changed.version) == ("New", (), 3)

    def test_a_track_that_was_changed_meanwhile_is_refused(self, world: World) -> None:
        track = world.new_track()
        world.relabel_track(ADA, track.track_id, title="First", tags=None, if_version=1)
        with pytest.raises(Conflict) as refusal:
            world.relabel_track(ADA, track.track_id, title="Second", tags=None, if_version=1)
        assert refusal.value.problem.code == "track.changed"
        assert world.track(track).title == "First"

    def test_the_same_labels_again_write_nothing(self, world: World) -> None:
        track = world.new_track(title="Old")
        assert world.relabel_track(ADA, track.track_id, title="Old", tags=None, if_version=1).version == 1
