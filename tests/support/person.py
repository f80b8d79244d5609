"""A person who uses the deployed system as a program would: Cognito, the API, presigned S3, no back door."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore import UNSIGNED
from botocore.config import Config

PASSWORD = "Correct-horse-8-staple"
TERMINAL = {"succeeded", "failed", "cancelled"}
JSON = dict[str, Any]


def wait_until(what: str, look: Callable[[], Any], *, timeout_s: float = 90.0, every_s: float = 0.15) -> Any:
    """What `look` answers as soon as it is truthy; fails loudly, with the last answer, when it never is."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s; last seen {seen!r}")
        time.sleep(every_s)


@dataclass
class Person:
    """Somebody with an account."""

    api_url: str
    access_token: str
    id_token: str
    refresh_token: str
    owner_id: str
    email: str
    http: httpx.Client = field(repr=False)

    @classmethod
    def signs_up(
        cls, *, api_url: str, endpoint_url: str, region: str, client_id: str, codes: Callable[[str], str]
    ) -> "Person":
        """Sign up, confirm with the code that was mailed, log in."""
        cognito = boto3.client(
            "cognito-idp", endpoint_url=endpoint_url, region_name=region, config=Config(signature_version=UNSIGNED)
        )
        email = f"person-{secrets.token_hex(6)}@example.com"
        cognito.sign_up(
            ClientId=client_id, Username=email, Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": email}]
        )
        cognito.confirm_sign_up(ClientId=client_id, Username=email, ConfirmationCode=codes(email))
        answer = cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        token = answer["AccessToken"]
        return cls(
            api_url=api_url,
            access_token=token,
            id_token=answer["IdToken"],
            refresh_token=answer["RefreshToken"],
            owner_id=cognito.get_user(AccessToken=token)["Username"],
            email=email,
            http=httpx.Client(base_url=api_url, headers={"Authorization": f"Bearer {token}"}, timeout=30),
        )

    def creates_track(self, song: Path, **more: Any) -> JSON:
        """A Track and its upload form."""
        body = {"filename": song.name, "size_bytes": song.stat().st_size, **more}
        answer = self.http.post("/v1/tracks", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def sends(self, song: Path, form: JSON) -> httpx.Response:
        """The bytes, straight to the bucket."""
        with song.open("rb") as file:
            return httpx.post(form["url"], data=form["fields"], files={"file": (song.name, file)}, timeout=60)

    def uploads(self, song: Path, **more: Any) -> JSON:
        """A Track whose bytes are in the bucket."""
        created = self.creates_track(song, **more)
        sent = self.sends(song, created["upload"])
        assert sent.status_code in {200, 201, 204}, sent.text
        return dict(created["track"])

    def reads(self, path: str) -> JSON:
        """A JSON answer."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def waits_for_job(self, job_id: str, *, timeout_s: float = 90.0) -> JSON:
        """The Job when it has ended."""

        def ended() -> JSON | None:
            answer = self.http.get(f"/v1/jobs/{job_id}")
            # The row is written when the upload's event is taken from the queue.
            if answer.status_code == 404:
                return None
            assert answer.status_code == 200, answer.text
            return dict(answer.json()) if answer.json()["status"] in TERMINAL else None

        return dict(wait_until(f"job {job_id} ended", ended, timeout_s=timeout_s))

    def renders(self, track_id: str, *operations: JSON, **output: Any) -> JSON:
        """The queued Job of a render."""
        recipe: JSON = {"operations": list(operations)}
        if output:
            recipe["output"] = output
        answer = self.http.post("/v1/jobs", json={"track_id": track_id, "recipe": recipe})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())
