"""Bad uploads: each ends `rejected`, with a stable code, the value, the limit and the mend; nothing hangs."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.person import JSON, Person

pytestmark = pytest.mark.stack


def png(path: Path) -> None:
    """A valid picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def tone(path: Path, *, seconds: float = 4.0, rate: int = 44100, channels: int = 2) -> None:
    """A sine."""
    time = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, np.repeat(0.2 * np.sin(2 * np.pi * 330 * time)[:, None], channels, axis=1), rate)


def truncated_mp3(path: Path) -> None:
    """An MP3 whose second half got lost."""
    whole = path.with_name("whole.mp3")
    tone(whole, seconds=8)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


def wav_with_a_lying_header(path: Path) -> None:
    """A WAV whose data chunk claims ten times what is there."""
    tone(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", struct.unpack("<I", content[at : at + 4])[0] * 10)
    path.write_bytes(bytes(content))


def one_byte(path: Path) -> None:
    """The smallest file that a form takes."""
    path.write_bytes(b"\0")


def six_channels(path: Path) -> None:
    """Surround sound."""
    tone(path, channels=6)


BAD = {
    "picture.mp3": (png, "track.not_audio"),
    "byte.mp3": (one_byte, "track.not_audio"),
    "truncated.mp3": (truncated_mp3, "track.truncated"),
    "lying.wav": (wav_with_a_lying_header, "track.header_lies"),
    "surround.wav": (six_channels, "track.too_many_channels"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_ends_rejected_and_says_why(ada: Person, tmp_path: Path, name: str) -> None:
    # Given a file that is not what it says
    make, code = BAD[name]
    file = tmp_path / name
    make(file)

    # When it is uploaded
    track = ada.uploads(file, recipe={"operations": [{"type": "tempo", "factor": 1.1}]})
    job = ada.waits_for_job(track["ingest_job_id"])

    # Then job and track say the same, in words and in a stable code
    track = ada.reads(f"/v1/tracks/{track['track_id']}")
    assert (track["status"], job["status"]) == ("rejected", "failed")
    assert track["problem"] == job["problem"]
    assert track["problem"]["code"] == code
    assert track["problem"]["detail"]
    assert track["problem"]["mend"]
    # And nothing can be made of it
    refused = ada.http.post(
        "/v1/jobs", json={"track_id": track["track_id"], "recipe": {"operations": [{"type": "pitch", "semitones": 1}]}}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "track.not_ready")
    assert ada.http.get(f"/v1/jobs/{job['job_id']}/downloads").status_code == 409


def test_bytes_that_were_not_announced_are_rejected(ada: Person, song: Path) -> None:
    track = ada.uploads(song, sha256="0" * 64)
    ada.waits_for_job(track["ingest_job_id"])
    problem = ada.reads(f"/v1/tracks/{track['track_id']}")["problem"]
    assert problem["code"] == "track.hash_mismatch"
    assert problem["limit"] == "0" * 64


def _empty(body: JSON) -> None:
    body["size_bytes"] = 0


def _over_the_limit(body: JSON) -> None:
    body["size_bytes"] = 10**12


def _no_name(body: JSON) -> None:
    body["filename"] = "  "


def _unknown_operation(body: JSON) -> None:
    body["recipe"] = {"operations": [{"type": "reverse"}]}


def _out_of_range(body: JSON) -> None:
    body["recipe"] = {"operations": [{"type": "tempo", "factor": 40}]}


def _misspelt(body: JSON) -> None:
    body["recipee"] = {}


@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [
        (_empty, 422, "request.invalid"),
        (_over_the_limit, 413, "track.too_large"),
        (_no_name, 422, "request.invalid"),
        (_unknown_operation, 422, "request.invalid"),
        (_out_of_range, 422, "request.invalid"),
        (_misspelt, 422, "request.invalid"),
    ],
)
def test_a_bad_request_answers_a_problem(ada: Person, spoil: Callable[[JSON], None], status: int, code: str) -> None:
    body: JSON = {"filename": "song.mp3", "size_bytes": 1000}
    spoil(body)
    answer = ada.http.post("/v1/tracks", json=body)
    problem = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["mend"]
    assert problem["correlation_id"]


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', '{"filename": "a", "size_bytes": "many"}'])
def test_rubbish_instead_of_json_answers_a_problem(ada: Person, body: str) -> None:
    answer = ada.http.post("/v1/tracks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"].startswith("application/problem+json")
