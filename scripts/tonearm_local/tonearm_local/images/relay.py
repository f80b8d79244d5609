"""A container's only way out: ports of its own loopback interface, carried through sockets in a shared folder.

A function's container has no network but its own 127.0.0.1. Beside it, in the same network, a second container runs
this file as a program: for each port it listens there and passes every connection on to a Unix socket in a folder that
the host shares. On the host `Relay` passes it on to the same port of this machine's 127.0.0.1. So the function finds
the Runtime API and the emulator where a process finds them, reaches nothing else, and nothing of this listens on any
interface of the machine.

    python -c "$(cat relay.py)" FOLDER PORT...    # in the container; ends when the host's side ends

Python's standard library only, from 3.11 on: it runs in the images as they are.
"""

from __future__ import annotations

import os
import socket
import socketserver
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LEASH = "leash"
_CHUNK_BYTES = 65_536


class Relay:
    """The host's side: sockets in a folder, each passed on to a port of this machine."""

    def __init__(self, folder: Path, ports: tuple[int, ...]) -> None:
        """Listen. `folder` is the one that the container sees; `ports` are of 127.0.0.1 here and there."""
        with ExitStack() as opened:
            # A socket's address holds 107 bytes: through its descriptor, a folder's path may be as long as it likes.
            directory = os.open(folder, os.O_PATH)
            opened.callback(os.close, directory)
            self._leash = socket.socket(socket.AF_UNIX)
            opened.callback(self._leash.close)
            self._leash.bind(f"/proc/self/fd/{directory}/{_LEASH}")
            self._leash.listen()
            for port in ports:
                _serve(opened, _UnixServer(f"/proc/self/fd/{directory}/{port}", _to(socket.AF_INET, (LOOPBACK, port))))
            for entry in folder.iterdir():
                # Whoever the container's user is; nobody else can come into the folder that holds this one.
                entry.chmod(0o666)
            self._opened = opened.pop_all()

    def wait_until_open(self, limit_s: float) -> bool:
        """Wait until the container's side listens; False when it does not within `limit_s` seconds."""
        self._leash.settimeout(limit_s)
        try:
            held, _ = self._leash.accept()
        except TimeoutError:
            return False
        # Open until this side is closed, or its process ends: then the other side ends too.
        self._opened.callback(held.close)
        return True

    def close(self) -> None:
        """Stop listening, and let the container's side end."""
        self._opened.close()


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def _serve(opened: ExitStack, server: socketserver.BaseServer) -> None:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    opened.callback(server.server_close)
    opened.callback(server.shutdown)


def _to(family: socket.AddressFamily, address: str | tuple[str, int]) -> type[socketserver.BaseRequestHandler]:
    class Passed(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(family) as onward, suppress(OSError):
                onward.connect(address)
                for end in (onward, self.request):
                    if end.family == socket.AF_INET:
                        # Small segments wait for each other's acknowledgement otherwise, 40 ms at a time.
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=_carry, args=(onward, self.request), daemon=True)
                back.start()
                _carry(self.request, onward)
                back.join()

    return Passed


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until the source ends, then tell the sink so."""
    with suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def main(folder: str, *ports: str) -> None:
    """Be the container's side, until the host's side ends."""
    with ExitStack() as opened:
        for port in ports:
            _serve(opened, _TcpServer((LOOPBACK, int(port)), _to(socket.AF_UNIX, f"{folder}/{port}")))
        with socket.socket(socket.AF_UNIX) as leash:
            leash.connect(f"{folder}/{_LEASH}")
            leash.recv(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
