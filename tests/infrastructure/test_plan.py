"""Every resource of every environment, as planned: what must hold for all of a kind, whoever adds the next one."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.infrastructure.configuration import BOUNDARY, ROOT, Plan

pytestmark = pytest.mark.xdist_group("terraform")

# AWS knows no resources for these, so "*" is the only value that it accepts.
REACH_EVERYTHING = {"Traces", "DeliverLogsAndTraces"}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(document: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(document)["Statement"]
    return found


def test_every_bucket_is_private_encrypted_versioned_and_tidy(plan: Plan) -> None:
    for bucket in plan.of("aws_s3_bucket"):
        block = plan.beside(bucket, "aws_s3_bucket_public_access_block").after
        assert all(
            block[name]
            for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        )
        owner = plan.beside(bucket, "aws_s3_bucket_ownership_controls").after
        assert owner["rule"][0]["object_ownership"] == "BucketOwnerEnforced"
        versioning = plan.beside(bucket, "aws_s3_bucket_versioning").after
        assert versioning["versioning_configuration"][0]["status"] == "Enabled"
        encryption = plan.beside(bucket, "aws_s3_bucket_server_side_encryption_configuration").after
        algorithm = encryption["rule"][0]["apply_server_side_encryption_by_default"][0]["sse_algorithm"]
        # S3 delivers logs and CloudFront reads pages without our key; what users own has it.
        expected = "AES256" if re.search(r"-(access-logs|web)-", bucket.after["bucket"]) else "aws:kms"
        assert algorithm == expected, bucket.address
        rules = plan.beside(bucket, "aws_s3_bucket_lifecycle_configuration").after["rule"]
        assert any(rule["abort_incomplete_multipart_upload"] for rule in rules), bucket.address
        policy = statements(plan.beside(bucket, "aws_s3_bucket_policy").after["policy"])
        refused = [s for s in policy if s["Effect"] == "Deny" and s["Principal"] == "*" and s["Action"] == "s3:*"]
        assert [s["Condition"]["Bool"] for s in refused] == [{"aws:SecureTransport": "false"}], bucket.address
        assert all(s["Principal"].get("Service") for s in policy if s["Effect"] == "Allow"), bucket.address


def test_every_bucket_but_the_logs_own_is_logged(plan: Plan) -> None:
    logged = {resource.module for resource in plan.of("aws_s3_bucket_logging")}
    unlogged = [bucket.after["bucket"] for bucket in plan.of("aws_s3_bucket") if bucket.module not in logged]
    assert len(unlogged) == 1
    assert "-access-logs-" in unlogged[0]


def test_only_loopback_may_speak_plain_http_and_only_on_the_laptop(planned: Callable[[str], Plan]) -> None:
    def exceptions(environment: str) -> set[str]:
        return {
            json.dumps(statement["Condition"].get("NotIpAddress"))
            for policy in planned(environment).of("aws_s3_bucket_policy")
            for statement in statements(policy.after["policy"])
            if statement["Effect"] == "Deny"
        }

    assert exceptions("prod") == exceptions("dev") == {"null"}
    assert exceptions("local") == {json.dumps({"aws:SourceIp": ["127.0.0.0/8"]})}


def test_every_log_group_is_retained_and_encrypted(plan: Plan) -> None:
    groups = plan.of("aws_cloudwatch_log_group")
    assert len(groups) == 10, "eight functions, the API and the state machine"
    for group in groups:
        assert group.after["retention_in_days"] > 0, group.address
        assert group.after["kms_key_id"], group.address


def test_no_policy_of_a_role_holds_a_wildcard(plan: Plan) -> None:
    assert not [r for r in plan.resources if r.type in {"aws_iam_role_policy_attachment", "aws_iam_policy"}]
    for policy in plan.of("aws_iam_role_policy"):
        for statement in statements(policy.after["policy"]):
            where = f"{policy.address} {statement['Sid']}"
            assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, where
            assert [action for action in listed(statement["Action"]) if "*" in action] == [], where
            if statement["Sid"] not in REACH_EVERYTHING:
                assert "*" not in listed(statement["Resource"]), where


def test_every_role_belongs_to_one_service(plan: Plan) -> None:
    taken_by = [
        statement["Principal"]
        for role in plan.of("aws_iam_role")
        for statement in statements(role.after["assume_role_policy"])
    ]
    functions = {"Service": "lambda.amazonaws.com"}
    assert sorted(taken_by, key=str) == [functions] * 8 + [{"Service": "states.amazonaws.com"}]


def test_every_function_has_its_own_role_log_and_alias_and_is_traced(plan: Plan) -> None:
    functions = plan.of("aws_lambda_function")
    for function in functions:
        name = function.after["function_name"]
        assert plan.beside(function, "aws_iam_role").after["name"] == name
        assert plan.beside(function, "aws_cloudwatch_log_group").after["name"] == f"/aws/lambda/{name}"
        assert plan.beside(function, "aws_lambda_alias").after["name"] == "live"
        assert function.after["logging_config"][0]["log_format"] == "JSON"
        assert function.after["tracing_config"][0]["mode"] == "Active"
        assert function.after["architectures"] == ["x86_64"]
    assert len({function.module for function in functions}) == len(functions)


def test_every_function_that_events_reach_asynchronously_keeps_its_dead_letters(plan: Plan) -> None:
    # Given the functions that rules aim at, rather than queues and state machines...
    aimed_at = {
        permission.after["function_name"]
        for permission in plan.of("aws_lambda_permission")
        if permission.after["principal"] in {"events.amazonaws.com", "sns.amazonaws.com", "s3.amazonaws.com"}
    }
    # ...then each of them, and no other, has a dead-letter queue and says how often it is tried.
    keepers = {f.after["function_name"] for f in plan.of("aws_lambda_function") if f.after["dead_letter_config"]}
    tried = {config.after["function_name"] for config in plan.of("aws_lambda_function_event_invoke_config")}
    assert aimed_at == keepers == tried


def test_every_queue_is_encrypted_and_gives_up_somewhere(plan: Plan) -> None:
    queues = plan.of("aws_sqs_queue")
    for queue in queues:
        assert queue.after["kms_master_key_id"], queue.address
    ends = {queue.after["name"] for queue in queues if queue.after["name"].endswith("-dlq")}
    assert len(plan.of("aws_sqs_queue_redrive_policy")) == len(queues) - len(ends)
    for target in plan.of("aws_cloudwatch_event_target"):
        # A rule's target is a function, which keeps its own dead letters, or has a place for what it cannot deliver.
        assert ":lambda:" in target.after["arn"] or target.after["dead_letter_config"], target.address


def test_every_route_but_three_needs_a_token(plan: Plan) -> None:
    routes = plan.of("aws_apigatewayv2_route")
    open_routes = {route.after["route_key"] for route in routes if route.after["authorization_type"] != "JWT"}
    assert open_routes == {"GET /v1/health", "GET /v1/openapi.json", "GET /v1/docs"}
    assert len(routes) > len(open_routes)


def test_images_are_named_by_digest_and_zips_bring_their_layer(plan: Plan) -> None:
    for function in plan.of("aws_lambda_function"):
        if function.after["package_type"] == "Image":
            assert re.search(r"@sha256:[0-9a-f]{64}$", function.after["image_uri"]), function.address
            command = function.after["image_config"][0]["command"]
        else:
            assert function.after["runtime"] == "python3.13"
            assert len(function.after["layers"]) == 1
            command = [function.after["handler"]]
        folder = function.after["environment"][0]["variables"]["POWERTOOLS_SERVICE_NAME"]
        assert command == [f"functions.{folder}.handler.handler"], function.address


def test_every_role_stays_in_the_boundary_that_was_given(planned: Callable[[str], Plan]) -> None:
    def boundaries(environment: str) -> set[str | None]:
        return {role.after["permissions_boundary"] for role in planned(environment).of("aws_iam_role")}

    assert boundaries("local") == {None}
    assert boundaries("prod") == {BOUNDARY}


def test_the_boundary_allows_all_that_is_granted(plan: Plan) -> None:
    text = (ROOT / "terraform" / "bootstrap" / "boundary.tf").read_text()
    allowed = set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', text))
    granted = {
        action
        for policy in plan.of("aws_iam_role_policy")
        for statement in statements(policy.after["policy"])
        for action in listed(statement["Action"])
    }
    assert "s3:GetObjectVersion" in granted
    assert granted - allowed == set()


def test_no_role_may_change_users_and_their_groups(plan: Plan) -> None:
    granted = {
        action
        for policy in plan.of("aws_iam_role_policy")
        for statement in statements(policy.after["policy"])
        for action in listed(statement["Action"])
    }
    assert granted
    assert not [action for action in granted if action.startswith(("cognito-idp:", "*"))]


def test_the_laptop_and_aws_hold_the_same_resources(planned: Callable[[str], Plan]) -> None:
    def addresses(environment: str) -> list[str]:
        return sorted(resource.address for resource in planned(environment).resources)

    assert addresses("local") == addresses("dev") == addresses("prod")


def test_functions_are_told_the_same_on_the_laptop_and_on_aws(planned: Callable[[str], Plan]) -> None:
    def told(environment: str) -> dict[str, dict[str, str]]:
        return {
            function.address: function.after["environment"][0]["variables"]
            for function in planned(environment).of("aws_lambda_function")
        }

    laptop, aws = told("local"), told("prod")
    names_or_labels = {"STUDIO_TABLE", "UPLOADS_BUCKET", "MEDIA_BUCKET"}
    for address, variables in laptop.items():
        assert set(variables) == set(aws[address]), address
        differing = {name for name, value in variables.items() if value != aws[address][name]}
        assert differing <= names_or_labels, address


def test_no_code_that_is_deployed_asks_whether_it_runs_on_the_laptop() -> None:
    hosts = r"ministack|localstack|localhost|127\.0\.0\.1"
    asks = re.compile(rf"""["'](local|emulator)["']|{hosts}|\.environment\s*[!=]=""", re.IGNORECASE)
    deployed = [*ROOT.glob("functions/**/*.py"), *ROOT.glob("layers/*/tonearm*/**/*.py")]
    assert deployed
    found = {
        str(file.relative_to(ROOT)): hits
        for file in deployed
        if (hits := [line.strip() for line in file.read_text().splitlines() if asks.search(line)])
    }
    assert found == {}


def test_prod_refuses_to_lose_what_users_own(planned: Callable[[str], Plan]) -> None:
    prod = planned("prod")
    assert all(table.after["deletion_protection_enabled"] for table in prod.of("aws_dynamodb_table"))
    assert all(table.after["point_in_time_recovery"][0]["enabled"] for table in prod.of("aws_dynamodb_table"))
    assert all(pool.after["deletion_protection"] == "ACTIVE" for pool in prod.of("aws_cognito_user_pool"))
    assert all(key.after["deletion_window_in_days"] == 30 for key in prod.of("aws_kms_key"))
    deletable = [bucket.after["bucket"] for bucket in prod.of("aws_s3_bucket") if bucket.after["force_destroy"]]
    assert len(deletable) == 1
    assert "-web-" in deletable[0], "the page comes from the repository; nothing else does"
