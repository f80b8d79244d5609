"""The applied stack itself: Terraform has nothing left to do, nothing listens beyond loopback, strangers stay out."""

import socket
import uuid
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.cloud import Cloud
from tests.support.person import JSON
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
    assert "swagger" in httpx.get(f"{stack.api_url}/docs", timeout=30).text.lower()


def test_a_route_that_does_not_exist_is_a_problem_and_not_a_page(stack: Outputs, ada: object) -> None:
    answer = ada.http.get("/v1/nowhere")  # type: ignore[attr-defined]
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


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

    def test_they_do_not_meet_and_the_second_leaves_nothing_running(self, cloud: Cloud, stack: Outputs) -> None:
        other = Stack(name=f"second-{uuid.uuid4().hex[:6]}", port=free_port(), edge_port=free_port())
        try:
            emulator_pid = other.start_emulator_only()
            there = other.client("s3")
            there.create_bucket(Bucket="only-there")
            assert [bucket["Name"] for bucket in there.list_buckets()["Buckets"]] == ["only-there"]
            here = {bucket["Name"] for bucket in cloud.s3.list_buckets()["Buckets"]}
            assert stack.uploads_bucket in here
            assert "only-there" not in here
        finally:
            other.down()
            other.reset()
        assert not psutil.pid_exists(emulator_pid)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", other.port)) != 0


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_secret_of_the_stack_is_readable_by_others(laptop: Stack) -> None:
    for name in ("outputs.json", "demo.json"):
        assert Path(laptop.folder, name).stat().st_mode & 0o077 == 0
