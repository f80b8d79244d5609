"""Connections pass from one side of the relay to the other and back, and both sides end together."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tonearm_local.images import relay

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def echo() -> Iterator[int]:
    """Given a service of this machine that answers every line in capitals."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, connection.makefile("rwb") as file:
                for line in file:
                    file.write(line.upper())
                    file.flush()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def ask(address: str, question: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(address)
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Given a folder whose path is longer than a socket's address may be."""
    deep = tmp_path / ("deep" * 40)
    deep.mkdir(parents=True)
    return deep


def test_what_is_sent_to_a_socket_reaches_the_port_and_its_answer_comes_back(echo: int, tmp_path: Path) -> None:
    with closing(relay.Relay(tmp_path, (echo,))):
        assert ask(str(tmp_path / str(echo)), b"song\n") == b"SONG\n"
        # Also what is larger than any buffer in between
        long = b"x" * 3_000_000 + b"\n"
        assert ask(str(tmp_path / str(echo)), long) == long.upper()


def test_a_port_where_nobody_listens_is_closed_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Whether that shows as an end or as a reset depends on how far the question got.
    with closing(relay.Relay(tmp_path, (port,))), suppress(ConnectionError):
        assert ask(str(tmp_path / str(port)), b"song\n") == b""


def test_a_folder_may_lie_as_deep_as_it_likes(echo: int, folder: Path) -> None:
    with closing(relay.Relay(folder, (echo,))):
        assert (folder / str(echo)).is_socket()


def test_without_its_other_side_it_says_so(echo: int, tmp_path: Path) -> None:
    with closing(relay.Relay(tmp_path, (echo,))) as here:
        assert not here.wait_until_open(0.05)


def test_the_other_side_listens_passes_on_and_ends_with_this_one(tmp_path: Path) -> None:
    # Given a port that both sides can have, as containers do: the host's end of it is played by a socket here
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with closing(relay.Relay(tmp_path, ())) as here:
        heard = socket.socket(socket.AF_UNIX)
        heard.bind(str(tmp_path / str(port)))
        heard.listen()
        program = Path(relay.__file__).read_text()
        other = subprocess.Popen([sys.executable, "-I", "-c", program, str(tmp_path), str(port)])
        try:
            assert here.wait_until_open(20)
            with heard, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"song")
                carried, _ = heard.accept()
                with carried:
                    carried.settimeout(10)
                    assert carried.recv(10) == b"song"
                    carried.sendall(b"SONG")
                    assert connection.recv(10) == b"SONG"
            # When this side is closed
            here.close()
            # Then the other ends by itself, and in peace
            assert other.wait(timeout=10) == 0
        finally:
            other.kill()
            other.wait()


def test_nothing_listens_after_it_is_closed(echo: int, tmp_path: Path) -> None:
    relay.Relay(tmp_path, (echo,)).close()
    with pytest.raises(ConnectionRefusedError):
        ask(str(tmp_path / str(echo)), b"song\n")
