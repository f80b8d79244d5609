"""An answer leaves in one piece, so that Terraform's provider cannot hang up between its head and its body."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event, RawData
from hypercorn.protocol.events import Body, EndBody, Response
from hypercorn.protocol.h11 import H11Protocol

from tonearm_local.emulator import whole_answers

if TYPE_CHECKING:
    from tests.unit.local.conftest import Emulator


class Called:
    """Spawns an application that takes what it is asked and says nothing by itself."""

    async def spawn_app(self, *_: Any) -> Any:
        async def take(_: Any) -> None:
            return None

        return take


def connection() -> tuple[H11Protocol, list[bytes]]:
    """Return the server's side of a connection, and the list of what it sends, send by send."""
    sent: list[bytes] = []

    async def send(event: Event) -> None:
        if isinstance(event, RawData) and event.data:
            sent.append(bytes(event.data))

    spawn: Any = Called()
    state: Any = {}
    here = ("127.0.0.1", 80)
    return H11Protocol(spawn, Config(), WorkerContext(None), spawn, state, False, here, here, send), sent


def pieces_of(method: str, *parts: bytes, status: int = 200) -> list[bytes]:
    """Return what the server sends, send by send, where an application answers with these parts of a body."""
    protocol, sent = connection()

    async def answer() -> None:
        await protocol.handle(RawData(f"{method} / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()))
        length = str(sum(map(len, parts))).encode()
        await protocol.stream_send(Response(stream_id=1, headers=[(b"content-length", length)], status_code=status))
        for part in parts:
            await protocol.stream_send(Body(stream_id=1, data=part))
        await protocol.stream_send(EndBody(stream_id=1))

    asyncio.run(answer())
    return sent


def test_the_server_alone_sends_head_and_body_apart() -> None:
    assert len(pieces_of("GET", b"body")) == 2


def test_whoever_asks_the_emulator_is_answered_in_one_piece(emulator: Emulator) -> None:
    # Given a client that takes what is there, as soon as something is there
    asking = b"GET /_ministack/health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as client:
        for _ in range(50):
            # When it asks, Then the first that comes is all that was announced
            client.sendall(asking)
            head, _, body = client.recv(1 << 20).partition(b"\r\n\r\n")
            (length,) = (int(line.split(b":")[1]) for line in head.lower().splitlines() if b"content-length" in line)
            assert len(body) == length


class TestOurs:
    @pytest.fixture(autouse=True)
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given the extension, taken back afterwards."""
        monkeypatch.setattr(H11Protocol, "_send_h11_event", H11Protocol._send_h11_event)
        whole_answers.install()

    def test_head_and_body_leave_together(self) -> None:
        (answer,) = pieces_of("GET", b"body")
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"\r\n\r\nbody")

    def test_what_comes_in_parts_is_sent_as_it_comes(self) -> None:
        first, second = pieces_of("GET", b"one", b"two")
        assert first.endswith(b"\r\n\r\none")
        assert second == b"two"

    def test_a_long_body_is_sent_in_two(self) -> None:
        body = bytes(range(256)) * 1000
        first, rest = pieces_of("GET", body)
        assert len(first.partition(b"\r\n\r\n")[2]) == whole_answers.FIRST_PART_BYTES
        assert (first + rest).endswith(b"\r\n\r\n" + body)

    @pytest.mark.parametrize(("method", "status"), [("GET", 200), ("GET", 204), ("HEAD", 200)])
    def test_an_answer_without_a_body_leaves_at_its_end(self, method: str, status: int) -> None:
        (answer,) = pieces_of(method, status=status)
        assert answer.startswith(f"HTTP/1.1 {status}".encode())
        assert answer.endswith(b"\r\n\r\n")

    def test_two_connections_keep_their_answers_apart(self) -> None:
        # Given two answers of which only the heads were said
        (one, to_one), (two, to_two) = connection(), connection()

        async def answer() -> None:
            for protocol in (one, two):
                await protocol.handle(RawData(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"))
                await protocol.stream_send(Response(stream_id=1, headers=[(b"content-length", b"1")], status_code=200))
            # When their bodies come the other way round
            await two.stream_send(Body(stream_id=1, data=b"2"))
            await one.stream_send(Body(stream_id=1, data=b"1"))

        asyncio.run(answer())
        # Then each has its own
        assert [len(to_one), len(to_two)] == [1, 1]
        assert to_one[0].endswith(b"\r\n\r\n1")
        assert to_two[0].endswith(b"\r\n\r\n2")

    def test_leave_to_send_a_body_is_not_held_back(self) -> None:
        # Given a client that waits for leave to send its body
        protocol, sent = connection()
        asking = b"PUT / HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        # When
        asyncio.run(protocol.handle(RawData(asking)))
        # Then
        assert sent[0].startswith(b"HTTP/1.1 100")
