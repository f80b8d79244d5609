"""Who may do what: tokens at the door, owners inside, roles behind."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import httpx
import numpy
import pytest
import soundfile
from botocore.exceptions import ClientError

from tests.support.cloud import Cloud
from tests.support.person import JSON, PASSWORD, Person
from tonearm_local.stack import Outputs

pytestmark = pytest.mark.stack


def get(stack: Outputs, path: str, token: str | None) -> httpx.Response:
    """A request with this bearer token and nothing else."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{stack.edge_url}{path}", headers=headers, timeout=30)


def tampered(token: str, **claims: object) -> str:
    """The token with other claims and its old signature."""
    head, body, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    said.update(claims)
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{signature}"


class TestTokens:
    """Given a route that needs a token."""

    def test_a_good_token_opens(self, stack: Outputs, ada: Person) -> None:
        assert get(stack, "/v1/tracks", ada.access_token).status_code == 200

    @pytest.mark.parametrize("token", [None, "garbage", "a.b.c", "..", "e30.e30."])
    def test_none_or_garbage_is_401(self, stack: Outputs, token: str | None) -> None:
        assert get(stack, "/v1/tracks", token).status_code == 401

    def test_a_tampered_one_is_401(self, stack: Outputs, ada: Person, bob: Person) -> None:
        assert get(stack, "/v1/tracks", tampered(ada.access_token, sub=bob.owner_id)).status_code == 401

    def test_one_whose_life_was_prolonged_is_401(self, stack: Outputs, ada: Person) -> None:
        assert get(stack, "/v1/tracks", tampered(ada.access_token, exp=int(time.time()) + 10**6)).status_code == 401

    def test_an_unsigned_one_is_401(self, stack: Outputs, ada: Person) -> None:
        none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
        body = ada.access_token.split(".")[1]
        assert get(stack, "/v1/tracks", f"{none}.{body}.").status_code == 401

    def test_an_id_token_is_401(self, stack: Outputs, ada: Person) -> None:
        answer = get(stack, "/v1/tracks", ada.id_token)
        assert answer.status_code == 401

    def test_a_refresh_token_is_401(self, stack: Outputs, ada: Person) -> None:
        assert get(stack, "/v1/tracks", ada.refresh_token).status_code == 401

    def test_one_for_another_audience_is_401(self, stack: Outputs, cloud: Cloud) -> None:
        cognito = cloud.client("cognito-idp")
        other = cognito.create_user_pool_client(
            UserPoolId=stack.user_pool_id,
            ClientName=f"other-{uuid.uuid4().hex[:6]}",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]
        try:
            assert get(stack, "/v1/tracks", _log_in(cloud, stack, other["ClientId"])).status_code == 401
        finally:
            cognito.delete_user_pool_client(UserPoolId=stack.user_pool_id, ClientId=other["ClientId"])

    def test_an_expired_one_is_401(self, stack: Outputs, cloud: Cloud) -> None:
        cognito = cloud.client("cognito-idp")
        described = cognito.describe_user_pool_client(
            UserPoolId=stack.user_pool_id, ClientId=stack.user_pool_client_id
        )["UserPoolClient"]
        settings = {
            name: value
            for name, value in described.items()
            if name not in {"CreationDate", "LastModifiedDate", "ClientSecret"} and value != ""
        }
        units = {"AccessToken": "seconds", "IdToken": "seconds", "RefreshToken": "days"}
        short = {**settings, "AccessTokenValidity": 1, "IdTokenValidity": 1, "TokenValidityUnits": units}
        cognito.update_user_pool_client(**short)
        try:
            token = _log_in(cloud, stack, stack.user_pool_client_id)
        finally:
            cognito.update_user_pool_client(**settings)
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        time.sleep(max(0.0, claims["exp"] - time.time()) + 1.1)
        assert claims["exp"] < time.time(), "the token is expired"
        assert get(stack, "/v1/tracks", token).status_code == 401

    @pytest.mark.parametrize("path", ["/v1/health", "/v1/openapi.json", "/v1/docs"])
    def test_three_routes_are_open(self, stack: Outputs, path: str) -> None:
        assert get(stack, path, None).status_code == 200


def _log_in(cloud: Cloud, stack: Outputs, client_id: str, *, group: str | None = None) -> str:
    cognito = cloud.client("cognito-idp")
    email = f"short-{uuid.uuid4().hex[:8]}@example.com"
    cognito.sign_up(
        ClientId=stack.user_pool_client_id,
        Username=email,
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": email}],
    )
    cognito.admin_confirm_sign_up(UserPoolId=stack.user_pool_id, Username=email)
    if group is not None:
        cognito.admin_add_user_to_group(UserPoolId=stack.user_pool_id, Username=email, GroupName=group)
    answer = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


class TestTiers:
    """Given two people, of whom an admin has put one into the group tier-pro."""

    @pytest.fixture(scope="class")
    def pro(self, stack: Outputs, cloud: Cloud, ada: Person) -> Person:
        token = _log_in(cloud, stack, stack.user_pool_client_id, group="tier-pro")
        http = httpx.Client(base_url=ada.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        return replace(ada, access_token=token, owner_id=http.get("/v1/account").json()["user_id"], http=http)

    def test_each_is_told_the_own_tier(self, ada: Person, pro: Person) -> None:
        free, higher = (person.reads("/v1/account") for person in (ada, pro))
        assert (free["tier"], free["user_id"], higher["tier"]) == ("free", ada.owner_id, "pro")
        assert free["limits"]["max_upload_bytes"] < higher["limits"]["max_upload_bytes"]

    def test_a_file_that_only_pro_allows_is_413_for_the_other(self, ada: Person, pro: Person) -> None:
        body = {"filename": "long.flac", "size_bytes": 200_000_000}
        assert pro.http.post("/v1/tracks", json=body).status_code == 201
        refused = ada.http.post("/v1/tracks", json=body)
        assert (refused.status_code, refused.json()["code"]) == (413, "track.too_large")
        assert "tier pro" in refused.json()["mend"]

    def test_a_long_song_becomes_a_track_of_pros_and_is_rejected_for_the_other(
        self, ada: Person, pro: Person, tmp_path: Path
    ) -> None:
        song = tmp_path / "long.flac"
        soundfile.write(song, numpy.zeros(21 * 60 * 8000, dtype=numpy.int16), 8000)
        tracks = {person.owner_id: person.uploads(song) for person in (ada, pro)}
        assert pro.waits_for_job(tracks[pro.owner_id]["ingest_job_id"], timeout_s=240)["status"] == "succeeded"
        assert ada.waits_for_job(tracks[ada.owner_id]["ingest_job_id"])["status"] == "failed"
        problem = ada.reads(f"/v1/tracks/{tracks[ada.owner_id]['track_id']}")["problem"]
        assert problem["code"] == "track.too_long"
        assert problem["detail"] == "This file is 21 min long; the limit for tier free is 20 min."
        assert problem["mend"] == "Trim it or ask your admin for tier pro."


@pytest.fixture(scope="module")
def adas(ada: Person, song: Path) -> JSON:
    """Given a track of Ada's with a render."""
    track = ada.uploads(song, recipe={"operations": [{"type": "tempo", "factor": 1.1}]})
    assert ada.waits_for_job(track["ingest_job_id"])["status"] == "succeeded"
    return ada.reads(f"/v1/tracks/{track['track_id']}")


class TestOwners:
    """Given a track of Ada's, when Bob knows its id."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/v1/tracks/{track_id}", None),
            ("GET", "/v1/tracks/{track_id}/analysis", None),
            ("GET", "/v1/tracks/{track_id}/downloads", None),
            ("PATCH", "/v1/tracks/{track_id}", {"title": "Mine now"}),
            ("DELETE", "/v1/tracks/{track_id}", None),
            ("GET", "/v1/jobs/{ingest_job_id}", None),
            ("GET", "/v1/jobs/{ingest_job_id}/downloads", None),
            ("GET", "/v1/jobs?track_id={track_id}", None),
            (
                "POST",
                "/v1/jobs",
                {"track_id": "{track_id}", "recipe": {"operations": [{"type": "tempo", "factor": 1.1}]}},
            ),
        ],
    )
    def test_everything_answers_404(
        self, ada: Person, bob: Person, adas: JSON, method: str, path: str, body: JSON | None
    ) -> None:
        sent = json.loads(json.dumps(body).replace("{track_id}", adas["track_id"]))
        answer = bob.http.request(method, path.format(**adas), json=sent)
        assert answer.status_code == 404
        assert answer.json()["code"] in {"track.not_found", "job.not_found"}
        assert ada.reads(f"/v1/tracks/{adas['track_id']}")["title"] == adas["title"]

    def test_lists_do_not_show_it(self, bob: Person, adas: JSON) -> None:
        assert adas["track_id"] not in json.dumps(bob.reads("/v1/tracks?limit=100"))
        assert adas["track_id"] not in json.dumps(bob.reads("/v1/jobs?limit=100"))

    def test_a_cursor_of_hers_leads_him_nowhere(self, ada: Person, bob: Person, adas: JSON, song: Path) -> None:
        ada.creates_track(song)
        cursor = ada.reads("/v1/tracks?limit=1")["next_cursor"]
        assert cursor
        assert adas["track_id"] not in json.dumps(bob.reads(f"/v1/tracks?cursor={cursor}&limit=100"))

    def test_the_bucket_is_shut_to_everybody(self, stack: Outputs, ada: Person, adas: JSON) -> None:
        key = f"media/{ada.owner_id}/{adas['track_id']}/analysis.json"
        assert httpx.get(f"{stack.endpoint_url}/{stack.media_bucket}/{key}", timeout=30).status_code == 403


@pytest.mark.parametrize("note", ["eJw=", None], ids=["another", "none"])
def test_an_upload_keeps_the_note_of_its_form_and_takes_no_other(
    ada: Person, stack: Outputs, cloud: Cloud, song: Path, note: str | None
) -> None:
    # Given a form, with whose note a lost row is written anew
    created = ada.creates_track(song)
    form, track_id = created["upload"], created["track"]["track_id"]
    # When its owner sends it with another note, or with none
    fields = {**form["fields"], "x-amz-meta-track": note}
    answer = ada.sends(song, {**form, "fields": {name: text for name, text in fields.items() if text is not None}})
    # Then it is refused, and as it was given it is taken
    assert answer.status_code == 403
    assert ada.sends(song, form).status_code in {200, 201, 204}
    key = f"uploads/{ada.owner_id}/{track_id}/source"
    kept = cloud.s3.head_object(Bucket=stack.uploads_bucket, Key=key)["Metadata"]
    assert kept == {"track": form["fields"]["x-amz-meta-track"]}


class TestRoles:
    """Given a function's own role, when it tries what it was not granted."""

    @pytest.fixture
    def acting_as(self, cloud: Cloud, stack: Outputs) -> Callable[[str, str], object]:
        def client(function: str, service: str) -> object:
            keys = cloud.client("sts").assume_role(RoleArn=stack.function_role_arns[function], RoleSessionName="test")[
                "Credentials"
            ]
            return boto3.client(
                service,
                endpoint_url=stack.endpoint_url,
                region_name=stack.region,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )

        return client

    @pytest.mark.parametrize("function", ["validate", "analyze", "transform", "certify", "notify", "start_job"])
    def test_no_step_can_read_the_whole_table_or_list_users(
        self, acting_as: Callable[[str, str], object], stack: Outputs, function: str
    ) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            acting_as(function, "dynamodb").scan(TableName=stack.studio_table)
        with pytest.raises(ClientError, match="AccessDenied"):
            acting_as(function, "cognito-idp").list_users(UserPoolId=stack.user_pool_id)

    @pytest.mark.parametrize("function", ["validate", "analyze", "notify", "start_job"])
    def test_who_does_not_render_cannot_delete_audio(
        self, acting_as: Callable[[str, str], object], stack: Outputs, function: str
    ) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            acting_as(function, "s3").delete_object(Bucket=stack.media_bucket, Key="media/x/y/analysis.json")

    def test_nobody_writes_outside_the_prefix(self, acting_as: Callable[[str, str], object], stack: Outputs) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            acting_as("transform", "s3").put_object(Bucket=stack.media_bucket, Key="elsewhere/x", Body=b"")

    def test_a_function_on_the_laptop_is_its_role(self, cloud: Cloud, stack: Outputs, ada: Person, song: Path) -> None:
        # Given analyze's role without its right to write media
        iam = cloud.client("iam")
        role = stack.function_role_arns["analyze"].rsplit("/", 1)[-1]
        iam.put_role_policy(
            RoleName=role,
            PolicyName="test-deny",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}],
                }
            ),
        )
        try:
            # When a song comes
            track = ada.uploads(song)
            job = ada.waits_for_job(track["ingest_job_id"])
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="test-deny")
        # Then the step is refused, and the owner is told without a word of the inside
        assert job["status"] == "failed"
        assert job["problem"]["code"] == "job.step_failed"
        assert "arn:" not in json.dumps(job["problem"])
        assert ada.reads(f"/v1/tracks/{track['track_id']}")["status"] == "rejected"
