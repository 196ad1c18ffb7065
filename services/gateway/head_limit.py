"""uvicorn's HTTP/1.1 protocol with bounds on what surrounds a body: its size and a head's time.

Owns these two bounds, which uvicorn lacks: whoever has no key could otherwise fill the memory with
one endless header, trailer or chunk extension, or hold connections open with heads that never end.
A request that comes in one read passes at the cost of a comparison; only what goes on is counted.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.error_shape import body_of
from gateway.errors import GatewayError, Protocol

# SDKs send about 1 KB. What the first read brings (at most 256 KiB) may come on top.
MAX_HEAD_BYTES = 64 * 1024
# Chunks of one byte each take five more.
FRAMING_PER_BYTE = 8
HEAD_TIMEOUT_S = 30.0


class HeadTooLarge(GatewayError):
    status, type, code = 431, "invalid_request_error", "headers_too_large"


class HeadLimit(HttpToolsProtocol):
    """One connection of a caller; the class goes into `uvicorn.Config(http=…)`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._fresh = False
        self._surplus = 0  # bytes of the present request that are no body
        self._body_bytes = 0
        self._head_began = 0.0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_began = self.loop.time()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def handle_websocket_upgrade(self) -> None:
        self._stop_watching()  # another protocol has the connection now
        super().handle_websocket_upgrade()

    def _stop_watching(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._fresh = True
        self._surplus = self._body_bytes = 0
        self._head_began = self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        before = self._body_bytes
        super().data_received(data)
        if self._fresh:
            self._fresh = False  # the read in which a request begins may hold the one before it
            return
        self._surplus += len(data) - (self._body_bytes - before)
        if self._surplus > MAX_HEAD_BYTES + FRAMING_PER_BYTE * self._body_bytes:
            self._hang_up()

    def _hang_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_head and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(_refusal())
        self.transport.close()

    def _watch_head(self) -> None:
        """Looks now and then, not at each request: a timer for each would cost more than it."""
        left_s = self._head_began + HEAD_TIMEOUT_S - self.loop.time()
        if self._in_head and left_s <= 0:
            self.transport.close()
            return
        pause_s = left_s if self._in_head else HEAD_TIMEOUT_S
        self._head_timer = self.loop.call_later(pause_s, self._watch_head)


def _refusal() -> bytes:
    error = HeadTooLarge(f"The request's head is larger than {MAX_HEAD_BYTES} bytes.")
    body = orjson.dumps(body_of(error, Protocol.OPENAI))
    head = (
        "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
