"""The caller's side of one relayed request, on bare ASGI.

Owns reading the body within a limit, noticing that the caller left, sending the answer's head and
pieces, and the lists of headers that may cross in either direction. It knows no model server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import orjson
from starlette.types import Receive, Scope, Send

from gateway.caller_connection import CONNECTION, CallerConnection
from gateway.error_shape import body_of, event_of, headers_of
from gateway.errors import BodyTooLarge, GatewayError, Protocol, RateLimited
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
TO_CALLER = {
    name: name.encode()
    for name in ("content-type", "cache-control", "retry-after", "x-should-retry")
}
# A request's headers for the model server are kept for the next one up to this size, all together.
CACHED_BYTES = 512


def _crossing(values: tuple[bytes | None, ...]) -> Mapping[str, str]:
    """The headers for the model server, from their values in `TO_MODEL_SERVER`'s order."""
    there = zip(TO_MODEL_SERVER, values, strict=True)
    crossing = {
        name.decode(): value.decode("latin-1") for name, value in there if value is not None
    }
    crossing["Accept-Encoding"] = "identity"  # usage is read from the bytes
    return MappingProxyType(crossing)


_cached_crossing = lru_cache(maxsize=256)(_crossing)


def _never(_piece: bytes) -> bool:
    return False


class CallerLeft(Exception):
    """The caller closed the connection before its body had arrived."""


class Caller:
    """One caller and the request that it sent. As a context it ends the work when they leave."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        self._receive = receive
        self._send = send
        self._visit = visit
        # Under another server than ours there is none, and nobody's leaving is noticed.
        self._connection: CallerConnection | None = scope.get("extensions", {}).get(CONNECTION)
        # The first of a repeated header counts; the server gives names in lower case.
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        # As the server saw it: a header that names another one could be made up.
        self.address = (scope.get("client") or ("",))[0]
        self.started = False
        self.streaming = False
        self.status = 0
        self.left = False
        self._work: asyncio.Task[object] | None = None

    def header(self, name: bytes) -> str:
        """The first value of a header (name in lower case), or an empty string."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def key(self) -> str:
        """What stands where a key belongs, or an empty string."""
        return offered_key(self.header(b"authorization"), self.header(b"x-api-key"))

    def forwarded_headers(self) -> Mapping[str, str]:
        """The caller's headers that the model server may see."""
        values = tuple(map(self.headers.get, TO_MODEL_SERVER))
        # An SDK sends the same ones with every call; longer ones must not fill the memory.
        short = sum(map(len, filter(None, values))) <= CACHED_BYTES
        return (_cached_crossing if short else _crossing)(values)

    async def read_body(self, max_bytes: int) -> bytes:
        """The whole body; raises `BodyTooLarge` as soon as the limit is passed."""
        whole = self._connection.take_body() if self._connection is not None else None
        pieces = [whole or b""]
        size, more = len(pieces[0]), whole is None
        while more and size <= max_bytes:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise CallerLeft
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
        if size > max_bytes:
            raise BodyTooLarge(
                f"The request's body is larger than {max_bytes} bytes, the limit here."
            )
        return b"".join(pieces)

    async def __aenter__(self) -> Caller:
        if self._connection is not None:
            self._work = asyncio.current_task()
            self._connection.tell_leaving(self._leave)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> bool:
        """Swallows what the caller's leaving caused, and no defect."""
        if self._connection is not None:
            self._connection.tell_leaving(None)
        if not self.left or self._work is None:
            return False
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)  # takes a cancellation that is on its way
        expected = error is None or isinstance(error, asyncio.CancelledError | GatewayError)
        return self._work.uncancel() == 0 and expected

    def _leave(self) -> None:
        self.left = True
        if self._work is not None:
            self._work.cancel()

    async def answer(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        figures: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Sends a whole answer; only listed headers cross, and the `figures` of a limit."""
        crossing = self._begin(status, headers)
        crossing += figures
        if self._connection is None or not self._connection.write_answer(status, crossing, body):
            crossing.append((b"content-length", b"%d" % len(body)))
            await self._send({"type": "http.response.start", "status": status, "headers": crossing})
            await self.send(body, last=True)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends the head of an answer that comes piece by piece; only listed headers cross."""
        crossing = self._begin(status, headers)
        await self._send({"type": "http.response.start", "status": status, "headers": crossing})

    def _begin(self, status: int, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        crossing = [
            (as_bytes, headers[name].encode("latin-1"))
            for name, as_bytes in TO_CALLER.items()
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
        return crossing

    @property
    def write_piece(self) -> Callable[[bytes], bool]:
        """Sends bytes of an answer that has begun at once; False: `send` must, which may wait."""
        return self._connection.write_piece if self._connection is not None else _never

    async def send(self, piece: bytes, *, last: bool = False) -> None:
        """Sends bytes of the answer's body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": not last})

    async def fail(self, error: GatewayError, protocol: Protocol) -> None:
        """Tells the caller about an error: as an answer, or as an event once a stream has begun."""
        if not self.started:
            body = orjson.dumps(body_of(error, protocol))
            head = {"content-type": "application/json"} | headers_of(error)
            figures = error.figures if isinstance(error, RateLimited) else ()
            await self.answer(error_status(error), head, body, figures)
        elif self.streaming:
            await self.send(event_of(error, protocol), last=True)
        # Else status and length are out: leaving the answer unfinished makes the server close the
        # connection, which is the only way left to say that it is not whole.
