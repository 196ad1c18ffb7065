"""The caller's side of one relayed request, on bare ASGI.

Owns reading the body within a limit, noticing that the caller left, sending the answer's head and
pieces, and the lists of headers that may cross in either direction. It knows no model server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import orjson
from starlette.types import Receive, Scope, Send

from gateway.caller_connection import WRITE_PIECE
from gateway.errors import BodyTooLarge, GatewayError, Protocol, body_of, event_of, headers_of
from gateway.errors import status_of as error_status
from gateway.key_check import offered_key
from gateway.visit import Visit

# Only these cross: the caller's key, cookies and addresses stay here.
TO_MODEL_SERVER = (
    b"content-type",
    b"accept",
    b"anthropic-version",
    b"anthropic-beta",
    b"openai-beta",
)
TO_CALLER = ("content-type", "content-length", "cache-control", "retry-after", "x-should-retry")


# Most answers that are not streamed are done sooner; who leaves before is noticed then.
WATCH_AFTER_S = 0.02


_NO_WAY: dict[str, Callable[[bytes], bool]] = {}


def _not_at_once(piece: bytes) -> bool:  # noqa: ARG001 (another server than ours has no short way)
    return False


class CallerLeft(Exception):
    """The caller closed the connection before its body had arrived."""


class Caller:
    """One caller and the request that it sent. As a context it ends the work when they leave."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        self._receive = receive
        self._send = send
        self._visit = visit
        #: Writes a piece at once, or says that `send` must; see `caller_connection`.
        self.write_piece: Callable[[bytes], bool] = (scope.get("extensions") or _NO_WAY).get(
            WRITE_PIECE, _not_at_once
        )
        # The first of a repeated header counts; the server gives names in lower case.
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        # As the server saw it: a header that names another one could be made up.
        self.address = (scope.get("client") or ("",))[0]
        self.started = False
        self.streaming = False
        self.status = 0
        self.left = False
        self._watch: asyncio.Task[None] | None = None
        self._watch_later: asyncio.TimerHandle | None = None

    def header(self, name: bytes) -> str:
        """The first value of a header (name in lower case), or an empty string."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def key(self) -> str:
        """What stands where a key belongs, or an empty string."""
        return offered_key(self.header(b"authorization"), self.header(b"x-api-key"))

    def forwarded_headers(self) -> dict[str, str]:
        """The caller's headers that the model server may see."""
        own = self.headers
        crossing = {
            name.decode(): own[name].decode("latin-1") for name in TO_MODEL_SERVER if name in own
        }
        crossing["Accept-Encoding"] = "identity"  # usage is read from the bytes
        return crossing

    async def read_body(self, max_bytes: int) -> bytes:
        """The whole body; raises `BodyTooLarge` as soon as the limit is passed."""
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise CallerLeft
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > max_bytes:
                raise BodyTooLarge(
                    f"The request's body is larger than {max_bytes} bytes, the limit here."
                )
            if not message.get("more_body"):
                return b"".join(pieces)

    async def __aenter__(self) -> Caller:
        loop = asyncio.get_running_loop()
        work = asyncio.current_task(loop)  # looking the loop up again is a system call before 3.12
        assert work is not None  # noqa: S101 (a coroutine runs in a task)
        self._watch_later = loop.call_later(WATCH_AFTER_S, self._begin_watching, work)
        return self

    async def __aexit__(self, *_: object) -> bool:
        """Swallows the cancellation that the caller's leaving caused, and nothing else."""
        if self._watch_later is not None:
            self._watch_later.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if not self.left or (work := asyncio.current_task()) is None:
            return False
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)  # takes a cancellation that is on its way
        return work.uncancel() == 0

    def _begin_watching(self, work: asyncio.Task[object]) -> None:
        """A task of its own is worth its cost only for an answer that takes a while."""
        self._watch = asyncio.create_task(self._cancel_when_left(work))

    async def _cancel_when_left(self, work: asyncio.Task[object]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        work.cancel()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends the answer's head; only listed headers cross."""
        crossing = [
            (name.encode(), headers[name].encode("latin-1"))
            for name in TO_CALLER
            if name in headers
        ]
        visit = self._visit
        crossing += [
            (b"x-request-id", visit.request_id.encode()),
            (b"x-accel-buffering", b"no"),
            (b"x-lectern-queue-ms", b"%.1f" % (visit.queue_s * 1000)),
            (b"x-lectern-overhead-ms", b"%.2f" % visit.overhead_ms),
        ]
        if visit.reservation is not None:
            crossing += visit.reservation.headers
        self.status, self.started = status, True
        self.streaming = headers.get("content-type", "").startswith("text/event-stream")
        await self._send({"type": "http.response.start", "status": status, "headers": crossing})

    async def send(self, piece: bytes, *, last: bool = False) -> None:
        """Sends bytes of the answer's body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": not last})

    async def fail(self, error: GatewayError, protocol: Protocol) -> None:
        """Tells the caller about an error: as an answer, or as an event once a stream has begun."""
        if not self.started:
            body = orjson.dumps(body_of(error, protocol))
            await self.start(
                error_status(error),
                {"content-type": "application/json", "content-length": str(len(body))}
                | headers_of(error),
            )
            await self.send(body, last=True)
        elif self.streaming:
            await self.send(event_of(error, protocol), last=True)
        # Else status and length are out: leaving the answer unfinished makes the server close the
        # connection, which is the only way left to say that it is not whole.
