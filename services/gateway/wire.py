"""One HTTP/1.1 connection to the model server: send a request, wait for the head, read the body.

Owns one kept-alive connection: its states, back-pressure, how long silence and idleness may last.
What the bytes mean is `reply`'s matter. It knows neither addresses nor settings, and no error of
the gateway: `upstream` translates `Broken` and `Silent`.

    fresh ──send──► waiting ──head──► reading ──the answer's end──► idle ──send──► …
      waiting, reading ──hang up──► leaving ──the server closes, or time is up──► closed
      any state ──abort, time-out, nonsense, close──► closed
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from gateway.countdown import Countdown
from gateway.hang_up import HangUp, can_hang_up
from gateway.outbox import outbox_of
from gateway.reply import Broken, Reply

# Unread body above this stops the reading from the socket; one more read may come on top.
MAX_UNREAD_BYTES = 64 * 1024


class Unanswered(Broken):
    """It ended before a single byte of an answer had come."""


class Silent(Exception):
    """Nothing came for too long."""


class Connection(Reply, asyncio.Protocol):
    """Speaks with one socket; one exchange at a time. Times are seconds of the loop's clock."""

    def __init__(
        self, silence_s: float, idle_s: float, on_lost: Callable[[Connection], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence_s = silence_s
        self._idle_s = idle_s
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._outbox = outbox_of(self._loop)
        self._countdown = Countdown(self._loop, self._time_is_up)
        self._waiter: asyncio.Future[None] | None = None
        self._busy = False
        self._hang_up: HangUp | None = None
        super().__init__()

    def _begin(self) -> None:
        super()._begin()
        self._paused = self._answered = False
        self._take: Callable[[bytes], bool] | None = None
        self._unsent: list[bytes] = []
        self._error: Exception | None = None

    # ── what the caller of the connection does ──

    def send(self, head: bytes, body: bytes) -> None:
        """Begins an exchange; it goes out in this turn of the loop. Must be fresh or idle."""
        self._begin()
        self._busy = True
        transport = self._transport
        if transport is None or transport.is_closing():
            self._error = Unanswered("The connection was closed already.")
        else:
            self._unsent = [head + body] if len(body) <= MAX_UNREAD_BYTES else [head, body]
            self._outbox.post(self._write)

    def _write(self) -> None:
        pieces, self._unsent = self._unsent, []
        if self._transport is not None and not self._transport.is_closing():
            for piece in pieces:  # one, as a rule: one system call
                self._transport.write(piece)

    async def head(self) -> None:
        """Waits until `status` and `headers` are there; raises `Broken` or `Silent`."""
        while not self._head_done:
            if self._error is not None:
                raise self._error
            await self._next_event()

    async def read(self) -> bytes:
        """The next bytes of the body, b"" at its end; raises `Broken` or `Silent`.

        What came before a failure is handed out first.
        """
        while not self._pieces:
            if self._whole:
                return b""
            if self._error is not None:
                raise self._error
            await self._next_event()
        piece = b"".join(self._pieces)  # one alone is not copied
        self._pieces.clear()
        self._unread = 0
        if self._paused:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()
        return piece

    @property
    def read_whole(self) -> bool:
        """Whether the answer was read to its end."""
        return self._whole and not self._pieces

    def offer(self, take: Callable[[bytes], bool]) -> None:
        """From now on `take` is asked first, when a piece comes that `read` is waiting for.

        What it takes (True) never reaches `read`, and wakes no task: that is a third of the time
        that a piece costs. It must not raise.
        """
        self._take = take

    def rest(self) -> bool:
        """Ends the exchange; True when the connection is idle now and can serve again.

        Only one whose answer was read to its end and whose request went out wholly is kept: the
        bytes of one exchange must never be taken for another's.
        """
        transport = self._transport
        if (
            transport is None
            or not (self._whole and self._reusable)
            or self._pieces
            or self._unsent
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            self.abort()
            return False
        self._busy = False
        self._countdown.end = self._loop.time() + self._idle_s
        self._countdown.hasten()
        return True

    def hang_up(self) -> asyncio.Future[None] | None:
        """Ends an exchange early; the future is done when the server has closed its side, too.

        None: the connection is closed, and nothing more can be known.
        """
        transport = self._transport
        over = self._error is not None or self._whole
        if transport is None or over or self._unsent or not can_hang_up(transport):
            self.abort()
            return None
        self._error = Broken("The connection was hung up.")
        self._countdown.stop()
        self._hang_up = HangUp(self._loop, transport)
        if self._paused:
            transport.resume_reading()
        return self._hang_up.closed

    def abort(self) -> None:
        """Closes the socket at once, in whatever state."""
        if self._error is None:
            self._error = Broken("The connection was aborted.")
        self._countdown.stop()
        if self._transport is not None:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        """Whether an idle connection still looks open."""
        return self._transport is not None and not self._transport.is_closing()

    # ── waiting ──

    def _next_event(self) -> asyncio.Future[None]:
        self._countdown.end = self._loop.time() + self._silence_s
        self._countdown.run()
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _time_is_up(self) -> None:
        if not self._busy:
            self.abort()
        elif self._waiter is not None:
            self._fail(Silent(f"Nothing came for {self._silence_s:g} s."))
        # Else the reader is slow, not the model server; the next wait counts anew.

    def _fail(self, error: Exception) -> None:
        self._reusable = False
        if self._error is None and not self._whole:
            self._error = error
        self.abort()
        self._wake()

    # ── what the event loop calls ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if self._hang_up is not None:
            self._hang_up.note_bytes(len(data))
            return
        if not self._busy:
            self.abort()  # nobody asked
            return
        self._answered = True
        try:
            self._feed(data)
        except Broken as error:
            self._fail(error)
            return
        take, waiter = self._take, self._waiter
        # Straight to `take`, when the reader is waiting for it.
        waits = waiter is not None and not waiter.done() and self._pieces
        if take is not None and waits and take(b"".join(self._pieces)):
            self._pieces.clear()
            self._unread = 0
            self._countdown.end = self._loop.time() + self._silence_s
            if self._whole:
                self._wake()
            return
        if self._unread > MAX_UNREAD_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        if self._head_done and self._until_close and self._error is None:
            self._whole = True
            self._wake()
        return False  # closes the transport; `connection_lost` follows

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._parser = None  # it refers back to this object
        if self._busy and not self._whole and self._error is None:
            kind = Broken if self._answered else Unanswered
            self._error = kind(f"The connection was closed ({exc or 'by the model server'}).")
        self.abort()
        self._wake()
        if self._hang_up is not None:
            self._hang_up.note_lost()
        self._on_lost(self)
