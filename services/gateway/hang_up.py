"""The end of an exchange that nobody waits for any more: a connection that was hung up.

Owns telling the model server to stop, and learning when it has. Our side is closed at once (FIN):
uvicorn, Node, Go and llama.cpp watch for that, stop, and close theirs; until then the model is
taken to be busy. Closing the whole socket would stop them no sooner and never tell. Who goes on
sending was not watching and gets a reset, who does neither gets one after `CLOSE_WITHIN_S`. The end
of a connection is all that HTTP tells: LM Studio closes at once, yet finishes reading a prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

# How long a server may take to close its side once it was told that nobody listens any more.
CLOSE_WITHIN_S = 2.0
# What was on its way already; who sends for longer, or more, does not watch.
IN_FLIGHT_S = 0.05
IN_FLIGHT_BYTES = 1024 * 1024
# Lingering for no time at all: closing the socket tells the other side with a reset.
_NO_LINGER = struct.pack("ii", 1, 0)


def can_hang_up(transport: asyncio.Transport) -> bool:
    """Whether closing our side alone is possible: not with TLS, nor while a request is half sent.

    What is left of a request would go out before the FIN, and the model server would read on.
    """
    return transport.can_write_eof() and not transport.get_write_buffer_size()


class HangUp:
    """One connection's end; `closed` is done when the model server has closed its side, too."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._began_at = loop.time()
        self._bytes = 0
        self._timer = loop.call_later(CLOSE_WITHIN_S, self._reset)
        self.closed: asyncio.Future[None] = loop.create_future()
        transport.write_eof()

    def note_bytes(self, count: int) -> None:
        """Bytes came, which nobody wants."""
        self._bytes += count
        late = self._loop.time() - self._began_at > IN_FLIGHT_S
        if late or self._bytes > IN_FLIGHT_BYTES:
            self._reset()

    def note_lost(self) -> None:
        """The connection is gone."""
        self._timer.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def _reset(self) -> None:
        with contextlib.suppress(OSError):
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()
