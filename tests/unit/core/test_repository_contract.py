"""One contract, two implementations: the rows in memory and the rows in DynamoDB keep the same promises."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.core.aws import create_studio_table, lost_answers, moto_aws
from tests.unit.core.make import ADA, BOB, NOON, a_job, a_recipe, a_track
from tests.unit.core.memory import MemoryBookmark, MemoryJobs, MemoryOpenWork, MemoryOwnersWork, MemoryTracks
from tonearm.adapters.aws import client
from tonearm.adapters.dynamodb import DynamoBookmark, DynamoJobs, DynamoOpenWork, DynamoOwnersWork, DynamoTracks
from tonearm.domain.analysis import AnalysisSummary, Probe
from tonearm.domain.certificate import Render
from tonearm.domain.errors import Problem, StaleWrite
from tonearm.domain.ids import new_track_id
from tonearm.domain.job import Stage
from tonearm.domain.tier import Tier
from tonearm.ports import Bookmark, Jobs, OpenRow, OpenWork, OwnersWork, Tracks
from tonearm.services.change import change


@dataclass(frozen=True)
class Rows:
    tracks: Tracks
    jobs: Jobs
    open_work: OpenWork
    owners_work: OwnersWork
    bookmark: Bookmark


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with moto_aws():
        yield client("dynamodb")


@pytest.fixture
def studio(dynamodb: Any) -> str:
    """Given an empty `studio` table."""
    name = f"studio-{uuid.uuid4().hex}"
    create_studio_table(name)
    return name


@pytest.fixture(params=["memory", "dynamodb"])
def rows(request: pytest.FixtureRequest) -> Rows:
    if request.param == "memory":
        tracks, jobs = MemoryTracks(), MemoryJobs()
        open_work, owners_work = MemoryOpenWork(tracks, jobs), MemoryOwnersWork(tracks, jobs)
        return Rows(tracks, jobs, open_work, owners_work, MemoryBookmark())
    aws, studio = request.getfixturevalue("dynamodb"), request.getfixturevalue("studio")
    return Rows(
        DynamoTracks(aws, studio),
        DynamoJobs(aws, studio),
        DynamoOpenWork(aws, studio),
        DynamoOwnersWork(aws, studio),
        DynamoBookmark(aws, studio, walk="uploads"),
    )


class TestEveryRepository:
    def test_a_row_that_was_added_is_read_as_it_was_with_version_1(self, rows: Rows) -> None:
        track = a_track(tags=("a", "b"), recipe=a_recipe(), declared_sha256="0" * 64)
        added = rows.tracks.add(track)
        assert added == track.model_copy(update={"version": 1})
        assert rows.tracks.get(ADA, track.track_id) == added

    def test_a_row_with_everything_in_it_comes_back_equal(self, rows: Rows) -> None:
        # Given a Track and a Job in which every field is set, with figures of every size
        track = a_track(
            tier=Tier.PRO,
            upload_version="v1",
            problem=Problem(code="track.too_long", detail="é ☃", value=10922.1, limit=1200, mend="Trim."),
            probe=Probe(
                container="MP3",
                codec="mp3",
                sample_rate_hz=44100,
                channels=2,
                frames=2**40,
                duration_s=1 / 3,
                size_bytes=2**40,
                content_sha256="f" * 64,
            ),
            analysis=AnalysisSummary(
                engine_version="1",
                duration_s=0.1 + 0.2,
                tempo_bpm=None,
                tempo_confidence=1e-17,
                integrated_lufs=-70.0,
                true_peak_dbtp=3.14,
            ),
            has_peaks=True,
            has_spectrogram=True,
        )
        job = a_job(
            stage=Stage.CERTIFY,
            percent=99,
            problem=Problem(code="x", detail="x", value="text", limit=-0.5),
            render=Render(
                key="k",
                certificate_key="c",
                peaks_key="p",
                codec="mp3",
                content_type="audio/mpeg",
                size_bytes=1,
                duration_s=2.5,
                pcm_sha256="a" * 64,
                recipe_hash="b" * 16,
                engine_version="1",
            ),
            ended_at=NOON + timedelta(milliseconds=123),
            announced=True,
        )
        # When they are written, Then they are read as they were
        assert rows.tracks.get(ADA, rows.tracks.add(track).track_id) == track.model_copy(update={"version": 1})
        assert rows.jobs.get(ADA, rows.jobs.add(job).job_id) == job.model_copy(update={"version": 1})

    def test_adding_twice_answers_the_first(self, rows: Rows) -> None:
        track = a_track()
        first = rows.tracks.add(track)
        again = rows.tracks.add(track.model_copy(update={"title": "Another", "ingest_job_id": a_job().job_id}))
        assert again == first == rows.tracks.get(ADA, track.track_id)

    def test_saving_answers_the_next_version(self, rows: Rows) -> None:
        track = rows.tracks.add(a_track())
        saved = rows.tracks.save(track.relabelled(NOON, title="New", tags=None))
        assert (saved.version, saved.title) == (2, "New")
        assert rows.tracks.get(ADA, track.track_id) == saved

    def test_saving_a_stale_version_is_refused_and_changes_nothing(self, rows: Rows) -> None:
        track = rows.tracks.add(a_track())
        saved = rows.tracks.save(track.relabelled(NOON, title="First", tags=None))
        with pytest.raises(StaleWrite):
            rows.tracks.save(track.relabelled(NOON, title="Second", tags=None))
        assert rows.tracks.get(ADA, track.track_id) == saved

    def test_saving_what_was_removed_does_not_bring_it_back(self, rows: Rows) -> None:
        track = rows.tracks.add(a_track())
        rows.tracks.remove(track)
        with pytest.raises(StaleWrite):
            rows.tracks.save(track)
        assert rows.tracks.get(ADA, track.track_id) is None

    def test_removing_twice_is_removing_once(self, rows: Rows) -> None:
        track = rows.tracks.add(a_track())
        rows.tracks.remove(track)
        rows.tracks.remove(track)
        assert rows.tracks.get(ADA, track.track_id) is None

    def test_another_owner_does_not_see_it(self, rows: Rows) -> None:
        track = rows.tracks.add(a_track(owner_id=ADA))
        assert rows.tracks.get(BOB, track.track_id) is None
        assert rows.tracks.page(BOB, after=None, limit=10).rows == []

    def test_a_track_and_a_job_do_not_meet(self, rows: Rows) -> None:
        track, job = rows.tracks.add(a_track()), rows.jobs.add(a_job())
        assert rows.tracks.get(ADA, job.job_id) is None
        assert [row.track_id for row in rows.tracks.page(ADA, after=None, limit=10).rows] == [track.track_id]
        assert [row.job_id for row in rows.jobs.page(ADA, after=None, limit=10).rows] == [job.job_id]

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
    def test_pages_are_newest_first_and_hold_every_row_once(self, rows: Rows, limit: int) -> None:
        # Given five Tracks of Ada's and one of Bob's
        made = [rows.tracks.add(a_track()).track_id for _ in range(5)]
        rows.tracks.add(a_track(owner_id=BOB))
        # When she follows the cursors
        seen: list[str] = []
        after: str | None = None
        for _ in range(10):
            page = rows.tracks.page(ADA, after=after, limit=limit)
            assert len(page.rows) <= limit
            seen += [row.track_id for row in page.rows]
            after = page.next_after
            if after is None:
                break
        # Then she has seen hers, newest first
        assert seen == sorted(made, reverse=True)

    def test_a_page_after_an_id_that_does_not_stand_begins_where_it_would(self, rows: Rows) -> None:
        first, _, third = (rows.tracks.add(a_track(track_id=name)) for name in sorted(new_track_id() for _ in range(3)))
        rows.tracks.remove(third)
        page = rows.tracks.page(ADA, after=third.track_id, limit=10)
        assert [row.track_id for row in page.rows][-1] == first.track_id
        assert len(page.rows) == 2

    def test_jobs_of_one_track_newest_first_in_pages(self, rows: Rows) -> None:
        track_id = new_track_id()
        made = [rows.jobs.add(a_job(track_id=track_id)).job_id for _ in range(3)]
        rows.jobs.add(a_job())
        first = rows.jobs.of_track(ADA, track_id, after=None, limit=2)
        rest = rows.jobs.of_track(ADA, track_id, after=first.next_after, limit=2)
        assert [job.job_id for job in [*first.rows, *rest.rows]] == sorted(made, reverse=True)

    def test_open_work_is_of_every_owner_longest_waiting_first_and_only_what_has_waited(self, rows: Rows) -> None:
        # Given work that was moved on minutes ago, just now, and work that has ended
        def moved(minutes_ago: int) -> dict[str, Any]:
            return {"updated_at": NOON - timedelta(minutes=minutes_ago)}

        older = rows.jobs.add(a_job(owner_id=BOB, **moved(20)))
        old = rows.jobs.add(a_job(**moved(11)))
        rows.jobs.add(a_job(**moved(2)))
        told = rows.jobs.add(a_job(**moved(9)))
        change(rows.jobs, ADA, told.job_id, lambda job: job.succeeded(NOON).told(NOON))
        waiting = rows.tracks.add(a_track(**moved(10)))
        # When one asks what has waited for two minutes, Then it is this
        found = list(rows.open_work.waiting(NOON - timedelta(minutes=2)))
        assert [(row.kind, row.owner_id, row.row_id, row.looks) for row in found] == [
            ("JOB", BOB, older.job_id, 0),
            ("JOB", ADA, old.job_id, 0),
            ("TRACK", ADA, waiting.track_id, 0),
        ]
        assert [row.since for row in found] == [NOON - timedelta(minutes=minutes) for minutes in (20, 11, 10)]

    def test_open_work_that_was_put_off_comes_later_and_knows_how_often_until_it_is_moved(self, rows: Rows) -> None:
        job = rows.jobs.add(a_job())

        def waiting(minutes: int) -> list[OpenRow]:
            return list(rows.open_work.waiting(NOON + timedelta(minutes=minutes)))

        # When it is put off
        (row,) = waiting(1)
        rows.open_work.put_off(row, NOON + timedelta(minutes=5))
        # Then it waits since then, its owner sees no change, and whoever saw it before cannot put it off again
        assert waiting(5) == []
        (later,) = waiting(6)
        assert (later.looks, later.since) == (1, NOON + timedelta(minutes=5))
        assert rows.jobs.get(ADA, job.job_id) == job
        rows.open_work.put_off(row, NOON + timedelta(minutes=60))
        assert waiting(6) == [later]
        # When it is moved, Then it waits since that
        moved = rows.jobs.save(job.progressed(NOON + timedelta(minutes=7), stage=Stage.ANALYZE, fraction=0.5))
        assert [(row.looks, row.since) for row in waiting(8)] == [(0, moved.updated_at)]
        # When it is gone, Then putting it off does not bring it back
        (gone,) = waiting(8)
        rows.jobs.remove(moved)
        rows.open_work.put_off(gone, NOON)
        assert waiting(60) == []
        assert rows.jobs.get(ADA, job.job_id) is None

    def test_what_an_owner_has_unfinished_is_counted_up_to_a_limit(self, rows: Rows) -> None:
        # Given an upload that is awaited and two jobs, and what is finished, a job's to do, or another's
        awaited = rows.tracks.add(a_track())
        first, _ = (rows.jobs.add(a_job()) for _ in range(2))
        rows.tracks.save(rows.tracks.add(a_track()).upload_arrived(NOON, upload_version=None))
        rows.jobs.save(rows.jobs.add(a_job()).succeeded(NOON))
        rows.tracks.add(a_track(owner_id=BOB))
        # When they are counted, Then it is three, and no more than was asked for
        assert [rows.owners_work.count(ADA, at_most=limit) for limit in (2, 3, 500)] == [2, 3, 3]
        # And what ends or is deleted no longer counts
        rows.jobs.save(first.failed(NOON, problem=Problem(code="x", detail="x")))
        rows.tracks.save(awaited.expired(NOON))
        assert rows.owners_work.count(ADA, at_most=500) == 1

    def test_more_open_work_than_a_page_holds_comes_whole(self, rows: Rows) -> None:
        made = {rows.jobs.add(a_job(updated_at=NOON + timedelta(seconds=n % 7))).job_id for n in range(1_000)}
        found = list(rows.open_work.waiting(NOON + timedelta(minutes=1)))
        assert {row.row_id for row in found} == made
        assert [row.since for row in found] == sorted(row.since for row in found)
        assert len(found) == len(made)

    def test_a_bookmark_moves_for_whoever_saw_where_it_was(self, rows: Rows) -> None:
        assert rows.bookmark.place() is None
        rows.bookmark.move("b", seen=None)
        rows.bookmark.move("a", seen=None)
        assert rows.bookmark.place() == "b"
        rows.bookmark.move("c", seen="b")
        assert rows.bookmark.place() == "c"
        rows.bookmark.move(None, seen="b")
        assert rows.bookmark.place() == "c"
        rows.bookmark.move(None, seen="c")
        assert rows.bookmark.place() is None
        rows.bookmark.move("d", seen=None)
        assert rows.bookmark.place() == "d"


class TestLostAnswersOfDynamoDB:
    """Given a PutItem that was done, and whose answer was lost, so that the SDK asks again."""

    @pytest.fixture
    def tracks(self, dynamodb: Any, studio: str) -> DynamoTracks:
        return DynamoTracks(dynamodb, studio)

    def test_on_add_changes_nothing(self, dynamodb: Any, tracks: DynamoTracks) -> None:
        track = a_track()
        with lost_answers(dynamodb, "PutItem") as answers:
            added = tracks.add(track)
        assert answers == [0, 400]  # it was asked twice, and the second time refused
        assert added == track.model_copy(update={"version": 1}) == tracks.get(ADA, track.track_id)

    def test_on_save_changes_nothing(self, dynamodb: Any, tracks: DynamoTracks) -> None:
        track = tracks.add(a_track())
        with lost_answers(dynamodb, "PutItem") as answers:
            saved = tracks.save(track.relabelled(NOON, title="New", tags=None))
        assert answers == [0, 400]
        assert saved.version == 2
        assert tracks.get(ADA, track.track_id) == saved

    def test_on_add_over_an_older_row_answers_the_older(self, dynamodb: Any, tracks: DynamoTracks) -> None:
        first = tracks.add(a_track())
        with lost_answers(dynamodb, "PutItem") as answers:
            again = tracks.add(first.model_copy(update={"title": "Another"}))
        assert answers == [0, 400]
        assert again == first

    def test_on_remove_changes_nothing(self, dynamodb: Any, tracks: DynamoTracks) -> None:
        track = tracks.add(a_track())
        with lost_answers(dynamodb, "DeleteItem") as answers:
            tracks.remove(track)
        assert answers == [0, 200]
        assert tracks.get(ADA, track.track_id) is None


class TestWhatLiesInTheTable:
    def test_a_job_that_has_ended_and_was_told_leaves_the_open_work(self, dynamodb: Any, studio: str) -> None:
        jobs = DynamoJobs(dynamodb, studio)
        job = jobs.add(a_job())
        item = dynamodb.get_item(TableName=studio, Key=_key(job.job_id))["Item"]
        assert item["open_pk"]["S"].startswith("OPEN#")
        change(jobs, ADA, job.job_id, lambda job: job.succeeded(NOON).told(NOON))
        item = dynamodb.get_item(TableName=studio, Key=_key(job.job_id))["Item"]
        assert "open_pk" not in item
        assert "open_since" not in item

    def test_the_time_to_live_is_epoch_seconds_and_leaves_the_sweep_a_week_to_delete_the_objects_first(
        self, dynamodb: Any, studio: str
    ) -> None:
        job = DynamoJobs(dynamodb, studio).add(a_job())
        item = dynamodb.get_item(TableName=studio, Key=_key(job.job_id))["Item"]
        assert item["expires_at"] == {"N": str(int(job.expires_at.timestamp()) + 7 * 24 * 3600)}


def _key(job_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"OWNER#{ADA}"}, "sk": {"S": f"JOB#{job_id}"}}
