"""Every step's image, under Lambda's conditions and Terraform's figures, does to a song what a process does."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import lameenc
import pytest

from tests.images.conftest import STEPS
from tests.support.cloud import Cloud
from tests.support.person import Person, wait_until
from tests.support.recordings import known_signal, record
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.domain.clock import utc_now
from tonearm.domain.job import Job
from tonearm.domain.recipe import Recipe
from tonearm.domain.tier import Tier
from tonearm.ports import Workflow
from tonearm.services.start_job import StartJob
from tonearm_local.images.build import Image
from tonearm_local.images.container import FUNCTION_LABEL, STACK_LABEL, Limits
from tonearm_local.images.engine import Engine
from tonearm_local.images.runtime_api import Answer
from tonearm_local.images.table import Measured, write_table
from tonearm_local.images.trial import Trial
from tonearm_local.paths import repository_root
from tonearm_local.stack import Outputs, Stack

pytestmark = [pytest.mark.images, pytest.mark.stack]

LOG = logging.getLogger(__name__)

JSON = dict[str, Any]
RECIPE: JSON = {"operations": [{"type": "tempo", "factor": 1.25}, {"type": "pitch", "semitones": 2}]}
ROUND_THE_HEAD = Recipe.parse_text("tempo=1.25,pitch=2,spatial,format=ogg").model_dump(mode="json")
# What a phone and a browser record, each read by a demuxer and a decoder of its own.
RECORDINGS = ("iphone aac", "chrome webm")
SONGS = ("song", *RECORDINGS)
IMAGE_OF = {step: "light" if step == "notify" else "audio" for step in STEPS}
AN_HOUR = {"TIER_LIMITS": json.dumps({tier: {"max_upload_bytes": 10**9, "max_duration_s": 3700} for tier in Tier})}
# Of a row and of a document: who, when, and the tokens of single writes. All else is the same for the same song.
OF_ONE_RUN = {
    *("job_id", "track_id", "ingest_job_id", "owner_id", "correlation_id", "write_token", "version"),
    *("created_at", "updated_at", "ended_at", "expires_at", "ends_at", "open_since", "started_at"),
    *("pk", "sk", "track_jobs_pk", "track_jobs_sk", "open_pk", "key", "certificate_key", "peaks_key"),
}


@dataclass
class Result:
    """What a song has become: the bytes of its objects and the rows, without what is of one run only."""

    objects: dict[str, str]
    documents: dict[str, Any]
    rows: dict[str, Any]

    @classmethod
    def of(cls, cloud: Cloud, owner_id: str, track_id: str, job_id: str) -> "Result":
        bucket, prefix = cloud.outputs.media_bucket, f"media/{owner_id}/{track_id}/"
        objects, documents = {}, {}
        for key in cloud.keys(bucket, prefix):
            content = cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            name = key.removeprefix(prefix)
            if name.endswith("render.json"):
                # It names the keys of its own track.
                documents[name] = same_for_all(json.loads(content))
            else:
                objects[name] = hashlib.sha256(content).hexdigest()
        rows = {
            kind: same_for_all(cloud.row(owner_id, f"{kind}#{row}"))
            for kind, row in (("TRACK", track_id), ("JOB", job_id))
        }
        return cls(objects, documents, rows)


def same_for_all(value: Any) -> Any:
    """The value without what is of one run only."""
    if isinstance(value, dict):
        return {name: same_for_all(inner) for name, inner in value.items() if name not in OF_ONE_RUN}
    return [same_for_all(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Sent:
    """What somebody uploads, and what is to be made of it."""

    file: Path
    recipe: JSON


@dataclass
class Walk:
    """Songs that went through the images, function by function."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    measured: list[Measured] = field(default_factory=list)


@pytest.fixture(scope="module")
def songs(song: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sent]:
    """Given a song, and two short recordings that are to circle the head."""
    folder = tmp_path_factory.mktemp("recordings")
    recordings = {kind: Sent(record(folder, kind, seconds=3)[0], ROUND_THE_HEAD) for kind in RECORDINGS}
    return {"song": Sent(song, RECIPE), **recordings}


def on_the_stack(ada: Person, cloud: Cloud, sent: Iterable[Sent]) -> list[tuple[str, Result]]:
    """Let the stack take uploads through its functions; answers the id of each one's job and what became of it."""
    tracks = [ada.uploads(one.file, recipe=one.recipe) for one in sent]
    jobs = [ada.waits_for_job(track["ingest_job_id"]) for track in tracks]
    assert {job["status"] for job in jobs} == {"succeeded"}, jobs
    for job in jobs:
        # The last step writes its end, announces it, and then writes that it has.
        name = f"JOB#{job['job_id']}"
        wait_until(f"{name} is announced", lambda name=name: cloud.row(ada.owner_id, name)["announced"]["BOOL"])
    return [(job["job_id"], Result.of(cloud, ada.owner_id, job["track_id"], job["job_id"])) for job in jobs]


@pytest.fixture(scope="module")
def by_processes(ada: Person, songs: dict[str, Sent], cloud: Cloud) -> dict[str, Result]:
    """Given what the stack made of each song with its functions as processes."""
    return dict(zip(songs, (result for _, result in on_the_stack(ada, cloud, songs.values())), strict=True))


class Bench:
    """Runs a step's image on our own Runtime API, as what it is on the stack: its role and Terraform's figures."""

    def __init__(self, engine: Engine, images: dict[str, Image], laptop: Stack, cloud: Cloud) -> None:
        self._engine, self._images, self._laptop, self._stack = engine, images, laptop, cloud.outputs
        self._lambda, self._sts = cloud.client("lambda"), cloud.client("sts")

    def take_through(
        self, step: str, jobs: list[Job], *, memory_mb: int | None = None, variables: dict[str, str] | None = None
    ) -> tuple[list[Answer], Measured]:
        """Invoke a step once for each Job, all in one container; `memory_mb` is instead of Terraform's."""
        configuration = self._lambda.get_function_configuration(FunctionName=self._stack.function_names[step])
        limits, image = Limits.of(configuration), self._images[IMAGE_OF[step]]
        limits = replace(limits, memory_mb=memory_mb or limits.memory_mb)
        [handler] = configuration["ImageConfigResponse"]["ImageConfig"]["Command"]
        trial = Trial(
            self._engine,
            image.image_id,
            limits,
            handler=handler,
            variables=self._variables(configuration) | (variables or {}),
            ports=[self._laptop.port],
        )
        with trial:
            events = [job.step_input.model_dump(mode="json") for job in jobs]
            answers = [trial.invoke(event, limit_s=configuration["Timeout"]) for event in events]
            assert {answer.error_type for answer in answers} == {""}, f"{answers}\n{trial.log()}"
            first, warm = answers[0].duration_s, answers[1].duration_s if len(answers) > 1 else None
            return answers, Measured(step, image, limits, trial.init_s, first, warm, trial.peak_mb())

    def _variables(self, configuration: JSON) -> dict[str, str]:
        session = self._sts.assume_role(RoleArn=configuration["Role"], RoleSessionName=configuration["FunctionName"])
        keys = session["Credentials"]
        own: dict[str, str] = configuration["Environment"]["Variables"]
        return own | {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "AWS_ENDPOINT_URL": self._stack.endpoint_url,
            "AWS_REGION": self._stack.region,
            "AWS_DEFAULT_REGION": self._stack.region,
            "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
        }


class Nobody:
    """Stands for the state machine: starts nothing."""

    def start(self, job: Job) -> None:
        """Leave the Job to whoever else runs its steps."""


@contextmanager
def nothing_started(stack: Outputs, cloud: Cloud) -> Iterator[None]:
    """Keep the stack's own start_job off the queue of jobs meanwhile."""
    client, function = cloud.client("lambda"), stack.function_names["start_job"]
    [mapping] = client.list_event_source_mappings(FunctionName=f"{function}:live")["EventSourceMappings"]

    def switch(*, on: bool) -> None:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
        state = "Enabled" if on else "Disabled"
        wait_until(
            f"start_job is {state}",
            lambda: client.get_event_source_mapping(UUID=mapping["UUID"])["State"] == state,
        )

    switch(on=False)
    try:
        yield
    finally:
        switch(on=True)


def a_queued_job(ada: Person, sent: Sent, cloud: Cloud) -> Job:
    """A song that has arrived, and its Job as start_job makes it, without an execution."""
    track = ada.uploads(sent.file, recipe=sent.recipe)
    table = cloud.outputs.studio_table
    start = StartJob(
        DynamoTracks(cloud.dynamodb, table), DynamoJobs(cloud.dynamodb, table), cast("Workflow", Nobody()), utc_now
    )
    # The emulator's events name no version.
    job = start.upload_arrived(ada.owner_id, track["track_id"], upload_version=None)
    assert job is not None
    return job


@pytest.fixture(scope="module")
def bench(engine: Engine, images: dict[str, Image], laptop: Stack, cloud: Cloud) -> Bench:
    """Given the images, and a stack whose functions they are."""
    return Bench(engine, images, laptop, cloud)


@pytest.fixture(scope="module")
def walk(bench: Bench, ada: Person, songs: dict[str, Sent], stack: Outputs, cloud: Cloud) -> Walk:
    """Given songs that went through every function's image: the first one cold, then warm, and the recordings."""
    walk = Walk()
    sent = {"cold": songs["song"], "warm": songs["song"]} | {kind: songs[kind] for kind in RECORDINGS}
    with nothing_started(stack, cloud):
        jobs = {name: a_queued_job(ada, one, cloud) for name, one in sent.items()}
        for step in STEPS:
            walk.answers[step], measured = bench.take_through(step, list(jobs.values()))
            walk.measured.append(measured)
    walk.results = {name: Result.of(cloud, ada.owner_id, job.track_id, job.job_id) for name, job in jobs.items()}
    write_table(repository_root(), walk.measured)
    return walk


def test_every_step_of_the_stack_is_tried(stack: Outputs, cloud: Cloud) -> None:
    client = cloud.client("lambda")
    kinds = {
        name: client.get_function_configuration(FunctionName=function)["PackageType"]
        for name, function in stack.function_names.items()
    }
    assert {name for name, kind in kinds.items() if kind == "Image"} == set(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_each_image_answers_cold_and_warm(walk: Walk, step: str) -> None:
    assert [answer.error_type for answer in walk.answers[step]] == [""] * 4
    [measured] = [one for one in walk.measured if one.function == step]
    # It stays within its memory with room to spare, and says what it took.
    assert measured.peak_mb is not None
    assert 0 < measured.peak_mb < 0.9 * measured.limits.memory_mb


@pytest.mark.parametrize(
    ("call", "name", "render"),
    [
        ("cold", "song", "render.mp3"),
        ("warm", "song", "render.mp3"),
        ("iphone aac", "iphone aac", "render.ogg"),
        ("chrome webm", "chrome webm", "render.ogg"),
    ],
)
def test_its_results_are_those_of_a_process_bit_for_bit(
    walk: Walk, by_processes: dict[str, Result], call: str, name: str, render: str
) -> None:
    result, expected = walk.results[call], by_processes[name]
    assert {name.rsplit("/", 1)[-1] for name in result.objects} >= {"analysis.json", "certificate.json", render}
    assert result.objects == expected.objects
    assert result.documents == expected.documents
    assert result.rows["TRACK"] == expected.rows["TRACK"]
    assert result.rows["JOB"] == expected.rows["JOB"]
    assert result.rows["JOB"]["render"]["M"]["pcm_sha256"]["S"]


def test_what_was_measured_is_a_table(walk: Walk) -> None:
    table = (repository_root() / ".tonearm" / "images.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in table[2:]] == list(STEPS)


@pytest.mark.nightly
def test_an_hour_of_mp3_takes_less_than_a_gigabyte(
    bench: Bench, ada: Person, stack: Outputs, cloud: Cloud, tmp_path: Path
) -> None:
    # Given an hour of MP3, which is longer than the stack takes by itself
    hour = tmp_path / "hour.mp3"
    hour.write_bytes(a_minute_of_mp3() * 60)
    recipe: JSON = {"operations": [{"type": "tempo", "factor": 1.25}]}
    with nothing_started(stack, cloud):
        job = a_queued_job(ada, Sent(hour, recipe), cloud)
        # When it goes through the steps, none of which has more than a gigabyte, what it keeps in /tmp included
        for step in STEPS:
            memory_mb = 1024 if IMAGE_OF[step] == "audio" else None
            _, measured = bench.take_through(step, [job], memory_mb=memory_mb, variables=AN_HOUR)
            LOG.info("%s: %.0f s, at most %.0f MB", step, measured.first_s, measured.peak_mb or 0)
    # Then none of them was killed, and the render is as long as it has to be
    render = Result.of(cloud, ada.owner_id, job.track_id, job.job_id).rows["JOB"]["render"]["M"]
    assert float(render["duration_s"]["N"]) == pytest.approx(3600 / 1.25, abs=5)


def a_minute_of_mp3() -> bytes:
    """Frames of LAME without a tag: they may be repeated, since the first one needs nothing of those before it."""
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(2)
    encoder.set_in_sample_rate(44_100)
    encoder.set_bit_rate(128)
    encoder.set_quality(7)
    samples = known_signal(60, rate=44_100, channels=2)
    return bytes(encoder.encode((samples * 32_767).astype("<i2").tobytes()) + encoder.flush())


@pytest.fixture(scope="module")
def in_containers(
    laptop: Stack, engine: Engine, images: dict[str, Image], by_processes: dict[str, Result]
) -> Iterator[Stack]:
    """Given the same stack with its steps in containers, once processes have done theirs; then they are that again."""
    if not laptop.own_emulator:
        pytest.skip("another emulator runs images its own way")
    other = Stack(laptop.name, laptop.port, laptop.edge_port, with_faults=True, in_containers=True)
    with ExitStack() as again:
        again.callback(laptop.up)
        other.up()
        yield other


def workers(engine: Engine, stack: Stack) -> dict[str, str]:
    """The containers that run functions of a stack, by name, each with its function; the relays are left out."""
    listed = engine.run(
        *("ps", "--filter", f"label={STACK_LABEL}={stack.folder}"),
        *("--format", f'{{{{.Names}}}} {{{{.Label "{FUNCTION_LABEL}"}}}}'),
    )
    found = dict(line.split() for line in listed.splitlines())
    return {name: function for name, function in found.items() if not name.endswith("-relay")}


class TestAStackOnTheImages:
    def test_songs_go_through_it_bit_for_bit_as_through_processes(
        self,
        by_processes: dict[str, Result],
        in_containers: Stack,
        ada: Person,
        songs: dict[str, Sent],
        stack: Outputs,
        cloud: Cloud,
        engine: Engine,
    ) -> None:
        # When the same person sends the same songs
        ended = on_the_stack(ada, cloud, songs.values())
        for name, (job_id, result) in zip(songs, ended, strict=True):
            # Then all that comes out is the same, by another execution of the same state machine
            assert result == by_processes[name], name
            [execution] = cloud.executions(job_id)
            assert execution["status"] == "SUCCEEDED"
        # And each step ran in a container of its own, beside its relay
        ran = workers(engine, in_containers)
        assert set(ran.values()) == {stack.function_names[step] for step in STEPS}

    def test_a_container_that_was_killed_is_replaced_and_leaves_nothing(
        self, in_containers: Stack, ada: Person, song: Path, stack: Outputs, engine: Engine
    ) -> None:
        # Given that somebody killed what analyzed a song, and left the relays
        analyze = stack.function_names["analyze"]
        assert ada.waits_for_job(ada.uploads(song)["ingest_job_id"])["status"] == "succeeded"
        killed = {name for name, function in workers(engine, in_containers).items() if function == analyze}
        engine.run("kill", *killed)
        # When the next song comes
        job = ada.waits_for_job(ada.uploads(song)["ingest_job_id"])
        # Then it is analyzed, in a new container, and the relay of an old one is gone with it
        assert job["status"] == "succeeded"
        names = engine.run("ps", "--all", "--format", "{{.Names}}").split()
        assert not killed & set(names)
        assert not all(f"{name}-relay" in names for name in killed)
        assert analyze in workers(engine, in_containers).values()

    def test_a_refused_file_is_refused_for_the_same_reason(
        self, in_containers: Stack, ada: Person, tmp_path: Path
    ) -> None:
        picture = tmp_path / "cover.mp3"
        picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
        job = ada.waits_for_job(ada.uploads(picture)["ingest_job_id"])
        assert job["status"] == "failed"
        assert job["problem"]["code"] == "track.not_audio"

    def test_nothing_is_left_when_it_stops(
        self, in_containers: Stack, laptop: Stack, engine: Engine, ada: Person, song: Path
    ) -> None:
        # Given containers that a song went through
        ada.waits_for_job(ada.uploads(song)["ingest_job_id"])
        assert workers(engine, in_containers)
        with ExitStack() as again:
            # When the stack goes back to processes, for as long as this test takes
            again.callback(in_containers.up)
            laptop.up()
            # Then nothing is left of them
            assert engine.containers(f"{STACK_LABEL}={in_containers.folder}") == []
