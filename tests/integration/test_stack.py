"""The applied stack itself: Terraform has nothing left to do, nothing listens beyond loopback, strangers stay out."""

import base64
import hashlib
import os
import re
import socket
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.cloud import Cloud
from tests.support.person import JSON, Person
from tests.support.ports import free_port
from tonearm_local.stack import Outputs, Stack

pytestmark = pytest.mark.stack


def test_a_second_plan_is_empty(laptop: Stack) -> None:
    changes = laptop.terraform().plan()
    assert changes == []


def test_it_is_the_system_that_the_design_names(laptop: Stack, cloud: Cloud, stack: Outputs) -> None:
    assert set(stack.function_names) == {
        "api",
        "start_job",
        "validate",
        "analyze",
        "transform",
        "certify",
        "notify",
        "reconcile",
    }
    functions = {
        name: cloud.client("lambda").get_function(FunctionName=deployed)["Configuration"]
        for name, deployed in stack.function_names.items()
    }
    images = {name for name, function in functions.items() if function["PackageType"] == "Image"}
    assert images == {"validate", "analyze", "transform", "certify", "notify"}
    assert len({function["Role"] for function in functions.values()}) == len(functions)
    assert len(laptop.terraform().resources()) > 80


def test_the_table_forgets_and_remembers_as_it_should(cloud: Cloud, stack: Outputs) -> None:
    described = cloud.dynamodb.describe_table(TableName=stack.studio_table)["Table"]
    ttl = cloud.dynamodb.describe_time_to_live(TableName=stack.studio_table)["TimeToLiveDescription"]
    backups = cloud.dynamodb.describe_continuous_backups(TableName=stack.studio_table)
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    assert described["StreamSpecification"]["StreamEnabled"]
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_page_api_and_document_share_one_origin(stack: Outputs) -> None:
    page = httpx.get(stack.edge_url, timeout=30)
    assert page.status_code == 200
    assert "Tonearm" in page.text
    assert httpx.get(f"{stack.api_url}/health", timeout=30).json()["status"] == "ok"
    document: JSON = httpx.get(f"{stack.api_url}/openapi.json", timeout=30).json()
    assert document["openapi"].startswith("3.1")


def test_a_browser_may_run_the_scripts_of_the_documents_page_and_no_others(stack: Outputs) -> None:
    answer = httpx.get(f"{stack.api_url}/docs", timeout=30)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, flags=re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert len(digests) == 2
    assert set(policy["script-src"].split()) == {f"'sha256-{digest}'" for digest in digests}
    assert '"/v1/openapi.json"' in scripts[-1]


def test_a_route_that_does_not_exist_is_a_problem_and_not_a_page(stack: Outputs, ada: Person) -> None:
    answer = ada.http.get("/v1/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.skipif("AWS_ENDPOINT_URL" in os.environ, reason="what listens there is not ours")
def test_nothing_listens_beyond_loopback(laptop: Stack) -> None:
    status = laptop.status()
    assert status.running
    ours = [psutil.Process(pid) for pid in (status.emulator_pid, status.edge_pid) if pid]
    family = [process for parent in ours for process in [parent, *parent.children(recursive=True)]]
    listening = {
        connection.laddr
        for process in family
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.port for address in listening} >= {laptop.port, laptop.edge_port}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


class TestTwoStacks:
    """Given a second stack on other ports, beside this one."""

    def test_they_do_not_meet_and_the_second_keeps_its_state_and_leaves_nothing_running(
        self, stack: Outputs, ada: Person, song: Path, new_person_of: Callable[[Outputs], Person]
    ) -> None:
        other = Stack(name=f"second-{uuid.uuid4().hex[:6]}", port=free_port(), edge_port=free_port())
        try:
            # When somebody uses it
            there = other.up()
            eve = new_person_of(there)
            track = eve.uploads(song, title="Only there")
            assert eve.waits_for_job(track["ingest_job_id"])["status"] == "succeeded"

            # Then the two know nothing of each other
            assert there.user_pool_id != stack.user_pool_id
            assert ada.http.get(f"/v1/tracks/{track['track_id']}").status_code == 404
            strange = {"Authorization": f"Bearer {ada.access_token}"}
            assert httpx.get(f"{there.api_url}/tracks", headers=strange, timeout=30).status_code == 401

            # When it goes down, nothing listens and nothing of it runs, and the first one does not notice
            status = other.status()
            other.down()
            assert not any(psutil.pid_exists(pid) for pid in (status.emulator_pid, status.edge_pid) if pid)
            assert [process.info for process in psutil.process_iter(["cmdline"]) if _belongs(process, other)] == []
            for port in (other.port, other.edge_port):
                with socket.socket() as probe:
                    assert probe.connect_ex(("127.0.0.1", port)) != 0
            assert ada.http.get("/v1/health").status_code == 200

            # When it comes back, everything is there
            assert other.up() == there
            assert eve.reads(f"/v1/tracks/{track['track_id']}")["title"] == "Only there"
        finally:
            other.reset()


def _belongs(process: psutil.Process, stack: Stack) -> bool:
    return any(str(stack.folder) in argument for argument in process.info["cmdline"] or [])


def test_no_secret_of_the_stack_is_readable_by_others(laptop: Stack) -> None:
    for name in ("outputs.json", "demo.json"):
        assert Path(laptop.folder, name).stat().st_mode & 0o077 == 0
