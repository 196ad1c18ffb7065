"""One relayed request, told by one function.

Owns the order of things: key, body, model server, first piece, the rest, the log line. A plain
ASGI endpoint inside the FastAPI app: bytes pass untouched, nothing is validated field by field.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from gateway.caller import Caller, CallerLeft, parse_body
from gateway.errors import GatewayError, KeyRejected, KeysAway, ModelServerCut, ScopeMissing
from gateway.key_table import KeysUnavailable, KeyTable
from gateway.keys import Key
from gateway.model_errors import error_in_event, error_in_success, read_error
from gateway.routes import RelayedRoute
from gateway.upstream import Answer, Upstream

MAX_ERROR_BYTES = 64 * 1024
log = logging.getLogger("gateway.requests")


@dataclass(slots=True)
class Record:
    """What the log line of a request says: never a prompt, an answer or a key."""

    request_id: str = field(default_factory=lambda: "req_" + secrets.token_hex(12))
    began: float = field(default_factory=time.monotonic)
    key: str = ""
    outcome: str = "ok"
    bytes_out: int = 0


class EndMark:
    """Looks for the event that a whole stream ends with: LM Studio may cut one without a word."""

    def __init__(self, marks: tuple[bytes, ...]) -> None:
        self.seen = not marks
        self._marks = marks
        self._keep = max(map(len, marks), default=1) - 1
        self._tail = b""

    def look_at(self, piece: bytes) -> None:
        """Takes note of a piece; a mark may lie across two of them."""
        if not self.seen:
            window = self._tail + piece
            self.seen = any(mark in window for mark in self._marks)
            self._tail = window[-self._keep :]


class Relay:
    """The ASGI endpoint of one route."""

    def __init__(
        self, route: RelayedRoute, keys: KeyTable, upstream: Upstream, max_body_bytes: int
    ) -> None:
        self._route = route
        self._keys = keys
        self._upstream = upstream
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The story of a request: whatever happens, the upstream ends and one line is logged."""
        record = Record()
        caller = Caller(scope, receive, send, record.request_id)
        try:
            record.key = (await authenticate(caller, self._keys, self._route)).name
            body = await caller.read_body(self._max_body_bytes)
            if self._route.method == "POST":
                parse_body(body)
            async with caller:
                answer = await self._upstream.open(
                    self._route.method, target(scope), caller.forwarded_headers(), body
                )
                await self._pass_on(answer, caller, record)
        except GatewayError as error:
            record.outcome = error.code or "upstream_error"
            await caller.fail(error, self._route.protocol)
        except CallerLeft:
            pass  # before the model server was asked: nothing to undo
        except BaseException:
            record.outcome = "internal_error"
            raise
        finally:
            if caller.left:
                record.outcome = "caller_left"
            self._log(record, caller)

    async def _pass_on(self, answer: Answer, caller: Caller, record: Record) -> None:
        """Sends the answer as it comes; its head goes out only with its first piece."""
        whole = False
        try:
            first = await self._checked_start(answer)
            await caller.start(answer.status, answer.headers)
            end = EndMark(self._route.end_marks if caller.streaming else ())
            piece = first
            while piece:
                record.bytes_out += len(piece)
                end.look_at(piece)
                await caller.send(piece)
                piece = await answer.read()
            whole = True
            if not end.seen:
                raise ModelServerCut("The model server ended the answer before it was complete.")
            await caller.send(b"", last=True)
        finally:
            if whole:
                answer.release()
            else:
                answer.abort()

    async def _checked_start(self, answer: Answer) -> bytes:
        """The first piece, after the errors that can hide in it were raised as such."""
        if answer.status >= 400:
            raise read_error(answer.status, await read_some(answer))
        if answer.status >= 300:
            raise read_error(502, b"")  # a redirect is never followed
        first = await answer.read()
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            error = error_in_event(first)
        else:
            first += await read_small_rest(answer, first)
            error = error_in_success(first)
        if error is not None:
            raise error
        return first

    def _log(self, record: Record, caller: Caller) -> None:
        log.info(
            "request",
            extra={
                "request_id": record.request_id,
                "key": record.key,
                "route": self._route.path,
                "status": caller.status,
                "outcome": record.outcome,
                "duration_ms": round((time.monotonic() - record.began) * 1000, 1),
                "bytes_out": record.bytes_out,
            },
        )


async def authenticate(caller: Caller, keys: KeyTable, route: RelayedRoute) -> Key:
    """The caller's key, from `Authorization: Bearer` or `x-api-key`; raises if it may not pass."""
    scheme, _, token = caller.header(b"authorization").partition(" ")
    offered = token.strip() if scheme.lower() == "bearer" else caller.header(b"x-api-key").strip()
    if not offered:
        raise KeyRejected(
            "A key is needed: send it as `Authorization: Bearer lk-…` or `x-api-key: lk-…`. "
            "Whoever runs this gateway makes one with `make key NAME=you`."
        )
    try:
        key = await keys.find(offered)
    except KeysUnavailable:
        raise KeysAway("Keys cannot be checked right now. Try again in a moment.") from None
    if key is None:
        raise KeyRejected("This key is not known here, has expired or was revoked.")
    if route.scope not in key.scopes:
        raise ScopeMissing(f"This key may not do that: it lacks the scope {route.scope.value!r}.")
    return key


def target(scope: Scope) -> str:
    """The path and query to ask the model server for, encoded anew from what routing decoded."""
    query = scope["query_string"].decode("latin-1")
    return quote(scope["path"], safe="/:@!$&'()*+,;=~-._") + (f"?{query}" if query else "")


async def read_some(answer: Answer) -> bytes:
    """An error's body, up to `MAX_ERROR_BYTES`."""
    body = b""
    while len(body) < MAX_ERROR_BYTES and (piece := await answer.read()):
        body += piece
    return body


async def read_small_rest(answer: Answer, first: bytes) -> bytes:
    """The rest of an answer that may be an error: only one that begins like one is read on."""
    if not first.lstrip()[:64].startswith(b"{") or b'"error"' not in first[:512]:
        return b""
    return await read_some(answer)
