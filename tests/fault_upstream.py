"""A model server that misbehaves on demand, for what a real one will not do when asked.

Owns raw sockets: a test hands over a function that sees one request and writes bytes (or not).
Well-behaved answers are the real engine's matter, not this one's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Exchange:
    """One request as it arrived, and the socket to answer on."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    _socket: socket.socket
    caller_left: threading.Event = field(default_factory=threading.Event)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(
        self, body: bytes, status: str = "200 OK", content_type: str = "application/json"
    ) -> None:
        """A whole answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
        self.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def start_stream(self) -> None:
        """The head of a stream of events."""
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        self.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_stream(self) -> None:
        self.send(b"0\r\n\r\n")

    def wait_until_caller_left(self) -> None:
        """Blocks until the other side closes; a test waits on `caller_left`."""
        with contextlib.suppress(OSError):
            while self._socket.recv(4096):
                pass
        self.caller_left.set()

    def reset(self) -> None:
        """Closes the connection as a crash does: the other side sees a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def die(self) -> None:
        """Closes the connection here and now, without a word."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


LISTS = (("GET", "/v1/models"), ("GET", "/api/v1/models"))


@dataclass
class FaultUpstream:
    """The server: its root URL and every request that it saw."""

    url: str
    seen: list[Exchange]


@contextmanager
def fault_upstream(
    behave: Callable[[Exchange], None], models: bytes | None = b"{}"
) -> Iterator[FaultUpstream]:
    """Serves on a free port of the loopback interface; one thread a connection.

    Questions about models are answered with `models` and not shown to `behave`, unless it is None.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[Exchange] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while (exchange := _read(connection)) is not None:
                if models is not None and (exchange.method, exchange.target) in LISTS:
                    exchange.answer(models)
                    continue
                seen.append(exchange)
                behave(exchange)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield FaultUpstream(f"http://127.0.0.1:{listener.getsockname()[1]}", seen)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def streams(*pieces: bytes) -> Callable[[Exchange], None]:
    """A behaviour: a whole stream of these pieces, each in an HTTP chunk of its own."""

    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        for piece in pieces:
            exchange.chunk(piece)
        exchange.end_stream()

    return behave


def _read(connection: socket.socket) -> Exchange | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    while len(body) < int(headers.get("content-length", "0")):
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return Exchange(method, target, headers, body, connection)
