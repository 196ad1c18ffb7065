"""A caller's connection: one request at a time.

Owns what happens to a request that is sent before the last one is answered (HTTP pipelining).
uvicorn would stop reading and lose sight of the first: when its caller leaves, nobody is told, and
a slot stays taken. Here the early request is not read and the connection closes after the answer,
which tells its sender to ask again (RFC 9112, section 9.3.2). Also the short ways past ASGI that a
relayed request takes (`caller`): a whole answer or a stream's piece in one system call, and word
that the caller left. What they write is what uvicorn would. Everything else is uvicorn's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.countdown import Countdown
from gateway.head_limit import HeadLimit
from gateway.outbox import outbox_of

# Where a request's scope names its connection, among its extensions (ASGI 3).
CONNECTION = "lectern.connection"
# A larger answer is not copied to go out in one piece with its head.
MAX_COPIED_BYTES = 64 * 1024
# What ends a line or is no text: in a head only the ends of its own lines.
_CONTROL = bytes(range(9)) + bytes(range(10, 32)) + b"\x7f"
_line = b": ".join  # of a header, a pair


class CallerConnection(HeadLimit):
    """The bounded protocol without uvicorn's pipeline; goes into `uvicorn.Config(http=…)`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._early = False
        self._on_left: Callable[[], None] | None = None
        self._idle = Countdown(self.loop, self._close_if_idle)
        self._outbox = outbox_of(self.loop)
        self._unsent = b""

    @property
    def _answering(self) -> bool:
        """Whether a whole request is here and its answer has not ended."""
        cycle = self.cycle
        return cycle is not None and not (cycle.more_body or cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop. Bytes that come too early are dropped, not kept."""
        if self._unsent:
            self._write_unsent()
        if not self._early and not self._answering:
            super().data_received(data)
        elif data.strip(b"\r\n"):  # some programs send an empty line after a body
            self._refuse_early()

    def on_message_begin(self) -> None:
        """Called by the parser, also for a request that came in one piece with the one before."""
        if self._answering:
            self._refuse_early()
        super().on_message_begin()  # fresh headers: these must not become the first one's
        if self._early:
            self._in_head = False  # nobody waits for its end

    def _refuse_early(self) -> None:
        self._early = True
        self.cycle.keep_alive = False

    def on_headers_complete(self) -> None:
        if not self._early:
            super().on_headers_complete()
            self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]

    def take_body(self) -> bytes | None:
        """The request's body if all of it is here, as a rule; None: ask ASGI's `receive`."""
        cycle = self.cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        if self.flow.read_paused:
            self.flow.resume_reading()
        return body

    def tell_leaving(self, on_left: Callable[[], None] | None) -> None:
        """Whom to call when the caller leaves before the answer's end; at once if they have."""
        self._on_left = on_left
        if on_left is not None and self.cycle.disconnected:
            on_left()

    def on_response_complete(self) -> None:
        """As uvicorn's without its pipeline; one timer a connection, not one a request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._idle.end = self.loop.time() + self.timeout_keep_alive
        self._idle.run()

    def _close_if_idle(self) -> None:
        if not (self._answering or self._in_head):  # else the answer's end begins it anew
            self.timeout_keep_alive_handler()

    def _stop_watching(self) -> None:
        super()._stop_watching()
        self._idle.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.scope is not None:  # else the two hold each other until a collection
            self.scope.pop("extensions", None)
        if self._on_left is not None and self.cycle.disconnected:
            self._on_left()

    def write_answer(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> bool:
        """Writes a whole answer in this turn of the loop; `headers` without its length.

        False: it was not written (something is unusual); ASGI's `send` knows what to do.
        """
        cycle = self.cycle
        if (
            cycle.response_started
            or cycle.disconnected
            or cycle.waiting_for_100_continue
            or not cycle.keep_alive
            or self.flow.write_paused
            or status < 200
            or status in (204, 304)
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        lines = [*map(_line, cycle.default_headers), *map(_line, headers)]
        lines.append(b"content-length: %d\r\n\r\n" % len(body))
        head = b"\r\n".join(lines)
        if len(head.translate(None, _CONTROL)) != len(head) - 2 * (len(lines) + 1):
            return False  # a value would end its line: uvicorn refuses it
        head = STATUS_LINE[status] + head
        if len(body) <= MAX_COPIED_BYTES:
            self._unsent = head + body
            self._outbox.post(self._write_unsent)
        else:
            self.transport.write(head)
            self.transport.write(body)
        cycle.response_started = cycle.response_complete = True
        cycle.on_response()
        return True

    def _write_unsent(self) -> None:
        """Before anything else is written or the connection is closed."""
        unsent, self._unsent = self._unsent, b""
        if unsent and not self.transport.is_closing():
            self.transport.write(unsent)

    def eof_received(self) -> None:
        self._write_unsent()
        super().eof_received()

    def shutdown(self) -> None:
        self._write_unsent()
        super().shutdown()

    def write_piece(self, piece: bytes) -> bool:
        """Writes a piece of an answer that has begun and goes on, without waiting.

        False: it was not written (the caller reads too slowly, or has left); `send` knows what to
        do. The same bytes as `send` would write, at a quarter of its cost.
        """
        cycle = self.cycle
        if (
            not cycle.chunked_encoding
            or cycle.disconnected
            or cycle.response_complete
            or self.flow.write_paused
        ):
            return False
        self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True

    def on_body(self, body: bytes) -> None:
        if not self._early:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._early:
            super().on_message_complete()
