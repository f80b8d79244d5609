"""Every step's image, under Lambda's conditions and Terraform's figures, does to a song what a process does."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from tests.images.conftest import STEPS
from tests.support.cloud import Cloud
from tests.support.person import Person, wait_until
from tonearm.adapters.dynamodb import DynamoJobs, DynamoTracks
from tonearm.domain.clock import utc_now
from tonearm.domain.job import Job
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

JSON = dict[str, Any]
RECIPE: JSON = {"operations": [{"type": "tempo", "factor": 1.25}, {"type": "pitch", "semitones": 2}]}
IMAGE_OF = {step: "light" if step == "notify" else "audio" for step in STEPS}
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


@dataclass
class Walk:
    """Songs that went through the images, function by function."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)


@pytest.fixture(scope="module")
def by_processes(ada: Person, song: Path, cloud: Cloud) -> Result:
    """Given a song that the stack took through its functions as processes."""
    track = ada.uploads(song, recipe=RECIPE)
    job = ada.waits_for_job(track["ingest_job_id"])
    assert job["status"] == "succeeded"
    return Result.of(cloud, ada.owner_id, track["track_id"], job["job_id"])


class Roles:
    """What a function is on the stack: Terraform's figures, and the session of its role."""

    def __init__(self, stack: Outputs, cloud: Cloud) -> None:
        self._stack, self._cloud = stack, cloud
        self._lambda, self._sts = cloud.client("lambda"), cloud.client("sts")

    def configuration(self, step: str) -> JSON:
        return dict(self._lambda.get_function_configuration(FunctionName=self._stack.function_names[step]))

    def variables(self, configuration: JSON) -> dict[str, str]:
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
            timeout_s=20,
        )

    switch(on=False)
    try:
        yield
    finally:
        switch(on=True)


def a_queued_job(ada: Person, song: Path, cloud: Cloud) -> Job:
    """A song that has arrived, and its Job as start_job makes it, without an execution."""
    track = ada.uploads(song, recipe=RECIPE)
    table = cloud.outputs.studio_table
    start = StartJob(
        DynamoTracks(cloud.dynamodb, table), DynamoJobs(cloud.dynamodb, table), cast("Workflow", Nobody()), utc_now
    )
    # The emulator's events name no version.
    job = start.upload_arrived(ada.owner_id, track["track_id"], upload_version=None)
    assert job is not None
    return job


@pytest.fixture(scope="module")
def walk(
    engine: Engine, images: dict[str, Image], ada: Person, song: Path, stack: Outputs, cloud: Cloud, laptop: Stack
) -> Walk:
    """Given two songs that went through every function's image, on our own Runtime API."""
    walk = Walk()
    with nothing_started(stack, cloud):
        jobs = [a_queued_job(ada, song, cloud) for _ in range(2)]
        take_through_images(walk, jobs, engine, images, Roles(stack, cloud), laptop)
    walk.results = [Result.of(cloud, ada.owner_id, job.track_id, job.job_id) for job in jobs]
    write_table(repository_root(), walk.measured)
    return walk


def take_through_images(
    walk: Walk, jobs: list[Job], engine: Engine, images: dict[str, Image], roles: Roles, laptop: Stack
) -> None:
    """Invoke every step once for each Job, all of a step in one container."""
    for step in STEPS:
        configuration = roles.configuration(step)
        limits, image = Limits.of(configuration), images[IMAGE_OF[step]]
        [handler] = configuration["ImageConfigResponse"]["ImageConfig"]["Command"]
        trial = Trial(
            engine,
            image.image_id,
            limits,
            handler=handler,
            variables=roles.variables(configuration),
            ports=[laptop.port],
        )
        with trial:
            events = [job.step_input.model_dump(mode="json") for job in jobs]
            answers = [trial.invoke(event, limit_s=configuration["Timeout"]) for event in events]
            assert [answer.error_type for answer in answers] == ["", ""], f"{answers}\n{trial.log()}"
            first, warm = (answer.duration_s for answer in answers)
            walk.measured.append(Measured(step, image, limits, trial.init_s, first, warm, trial.peak_mb()))
        walk.answers[step] = answers


def test_every_step_of_the_stack_is_tried(stack: Outputs, cloud: Cloud) -> None:
    client = cloud.client("lambda")
    kinds = {
        name: client.get_function_configuration(FunctionName=function)["PackageType"]
        for name, function in stack.function_names.items()
    }
    assert {name for name, kind in kinds.items() if kind == "Image"} == set(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_each_image_answers_cold_and_warm(walk: Walk, step: str) -> None:
    assert [answer.error_type for answer in walk.answers[step]] == ["", ""]
    [measured] = [one for one in walk.measured if one.function == step]
    # It stays within its memory with room to spare, and says what it took.
    assert measured.peak_mb is not None
    assert 0 < measured.peak_mb < 0.9 * measured.limits.memory_mb


@pytest.mark.parametrize("which", [0, 1], ids=["cold", "warm"])
def test_its_results_are_those_of_a_process_bit_for_bit(walk: Walk, by_processes: Result, which: int) -> None:
    result = walk.results[which]
    assert {name.rsplit("/", 1)[-1] for name in result.objects} >= {"analysis.json", "certificate.json", "render.mp3"}
    assert result.objects == by_processes.objects
    assert result.documents == by_processes.documents
    assert result.rows["TRACK"] == by_processes.rows["TRACK"]
    assert result.rows["JOB"] == by_processes.rows["JOB"]
    assert result.rows["JOB"]["render"]["M"]["pcm_sha256"]["S"]


def test_what_was_measured_is_a_table(walk: Walk) -> None:
    table = (repository_root() / ".tonearm" / "images.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in table[2:]] == list(STEPS)


@pytest.fixture(scope="module")
def in_containers(laptop: Stack, engine: Engine, images: dict[str, Image]) -> Iterator[Stack]:
    """Given the same stack with its steps in containers; afterwards they are processes again."""
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
    def test_a_song_goes_through_it_bit_for_bit_as_through_processes(
        self,
        by_processes: Result,
        in_containers: Stack,
        ada: Person,
        song: Path,
        stack: Outputs,
        cloud: Cloud,
        engine: Engine,
    ) -> None:
        # When the same person sends the same song
        track = ada.uploads(song, recipe=RECIPE)
        job = ada.waits_for_job(track["ingest_job_id"])
        # Then all that comes out is the same, by another execution of the same state machine
        assert job["status"] == "succeeded"
        assert Result.of(cloud, ada.owner_id, track["track_id"], job["job_id"]) == by_processes
        [execution] = cloud.executions(job["job_id"])
        assert execution["status"] == "SUCCEEDED"
        # And each step ran in a container of its own, beside its relay
        ran = workers(engine, in_containers)
        assert set(ran.values()) == {stack.function_names[step] for step in STEPS}

    def test_a_container_that_was_killed_is_replaced_and_leaves_nothing(
        self, in_containers: Stack, ada: Person, song: Path, stack: Outputs, engine: Engine
    ) -> None:
        # Given that somebody killed what analyzes, and left the relays
        analyze = stack.function_names["analyze"]
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

    def test_nothing_is_left_when_it_stops(self, in_containers: Stack, laptop: Stack, engine: Engine) -> None:
        laptop.up()
        assert engine.containers(f"{STACK_LABEL}={in_containers.folder}") == []
