"""A caller's connection: one request at a time.

Owns what happens to a request that is sent before the last one is answered (HTTP pipelining).
uvicorn would stop reading and lose sight of the first: when its caller leaves, nobody is told, and
a slot stays taken. Here the early request is not read and the connection closes after the answer,
which tells its sender to ask again (RFC 9112, section 9.3.2). And `write_piece`, the short way for
a stream's usual piece. Everything else is uvicorn's.
"""

from __future__ import annotations

from typing import Any

from gateway.head_limit import HeadLimit

# Where a request's scope names `write_piece`, among its extensions (ASGI 3).
WRITE_PIECE = "lectern.write_piece"


class CallerConnection(HeadLimit):
    """The bounded protocol without uvicorn's pipeline; goes into `uvicorn.Config(http=…)`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._early = False

    @property
    def _answering(self) -> bool:
        """Whether a whole request is here and its answer has not ended."""
        cycle = self.cycle
        return cycle is not None and not (cycle.more_body or cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop. Bytes that come too early are dropped, not kept."""
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
            self.scope["extensions"] = {WRITE_PIECE: self.write_piece}  # type: ignore[dict-item]

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
