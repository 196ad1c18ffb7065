"""One WebSocket of an `lmstudio` SDK, on bare ASGI: key, calls and channels, end.

Owns the connection: the first frame, which frame goes to which exchange, the bounds on what may be
open, and closing it when its key ends. What happens to a call is `sdk_exchange`'s matter.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.types import Receive, Scope, Send

from gateway.errors import (
    BadRequest,
    GatewayError,
    KeyRejected,
    ModelServerCut,
    NotOffered,
    RateLimited,
)
from gateway.key_check import TooManyFailures
from gateway.keys import Key
from gateway.relay import Parts
from gateway.sdk_auth import NO_KEY, SUCCESS, Introduction, OwnIdentity, failure, introduced
from gateway.sdk_exchange import Exchange, Link
from gateway.sdk_frames import (
    SIGNAL,
    WRITABLE_SIGNAL,
    belongs_to,
    number_in,
    read_frame,
    read_opening,
    refusal,
)
from gateway.sdk_line import NOT_JSON, POLICY, SdkLine
from gateway.sdk_models import SdkModels
from gateway.sdk_rules import rule_for
from gateway.sdk_upstream import SdkUpstream

INTRODUCTION_S = 10.0
CHECK_KEY_S = 1.0
ENDING_S = 5.0
MAX_OPEN = 1024
MAX_SOCKETS_PER_KEY = 64
_SIGNALS = {"signalSubscribe": SIGNAL, "writableSignalSubscribe": WRITABLE_SIGNAL}


class SdkSockets:
    """Every socket of the SDKs: what they share, and how many a key has open."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.identity = OwnIdentity(parts.settings.model_servers[0].token.get_secret_value())
        self.open: Counter[str] = Counter()  # by owner

    async def serve(self, namespace: str, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from the upgrade to its end."""
        await SdkSocket(self, namespace, scope, receive, send).run()

    def __repr__(self) -> str:
        return f"<SdkSockets [{self.open.total()} open]>"


class SdkSocket:
    """One connection."""

    def __init__(
        self, sockets: SdkSockets, namespace: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._sockets = sockets
        self._parts = sockets.parts
        self._namespace = namespace
        self._line = SdkLine(scope, receive, send)
        self._introduction = Introduction("", "", "")
        self._exchanges: dict[tuple[str, int], Exchange] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held_bytes = 0

    async def run(self) -> None:
        """The story of a connection."""
        await self._line.accept()
        try:
            key = await self._introduced()
        except GatewayError as error:
            await self._line.tell(failure(error, self._introduction.identifier))
            await self._line.close(POLICY, "no access")
            return
        if key is None:
            return
        self._sockets.open[key.owner] += 1
        try:
            await self._line.tell(SUCCESS)
            await self._serve(key)
        finally:
            self._sockets.open[key.owner] -= 1
            self._sockets.open += Counter()  # forgets who has none

    async def _introduced(self) -> Key | None:
        """The key of the first frame, or None when the caller left; raises a `GatewayError`."""
        try:
            async with asyncio.timeout(INTRODUCTION_S):
                text = await self._line.next()
        except TimeoutError:
            raise BadRequest(f"No first frame came within {INTRODUCTION_S:g} s.") from None
        if text is None:
            return None
        self._introduction = introduced(text, self._line.headers)
        if not self._introduction.offered:
            raise KeyRejected(NO_KEY)
        key = await self._check()
        self._parts.drain.refuse_if_begun()
        if self._sockets.open[key.owner] >= MAX_SOCKETS_PER_KEY:
            raise RateLimited(
                f"This key has {MAX_SOCKETS_PER_KEY} connections of SDKs open already.",
                retry_after_s=5,
            )
        return key

    async def _check(self) -> Key:
        return await self._parts.check.check(self._introduction.offered, self._line.address, None)

    async def _serve(self, key: Key) -> None:
        """Reads frames until somebody ends the connection."""
        models = SdkModels(self._parts.models, self._parts.settings.model_servers[0].name)
        upstream = SdkUpstream(
            self._parts.settings,
            self._namespace,
            self._sockets.identity.first_frame(key, self._introduction),
            lambda text: self._from_model_server(models, text),
            self._lost,
        )
        link = Link(self._namespace, self._parts, models, upstream, self._check, self._line.tell)
        watch = asyncio.create_task(self._watch_key())
        try:
            while (text := await self._line.next()) is not None:
                await self._from_caller(link, text)
        except BadRequest as error:
            await self._line.close(NOT_JSON, error.message)
        finally:
            self._line.forget()
            watch.cancel()
            await upstream.close()  # first: a slot is free when the model server has stopped
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(watch, *self._tasks, return_exceptions=True)

    # ── frames of the caller ──

    async def _from_caller(self, link: Link, text: str) -> None:
        document = read_frame(text)
        if opening := read_opening(document, text):
            owner = (opening.kind, opening.number)
            if owner in self._exchanges:
                await self._line.warn(f"The {opening.kind} {opening.number} is open already.")
            elif (
                len(self._tasks) >= MAX_OPEN
                or self._held_bytes + len(text) > self._parts.settings.gateway_max_body_bytes
            ):
                too_much = RateLimited("Too much is open on this connection.", retry_after_s=1)
                await self._line.tell(refusal(*owner, too_much))
            else:
                rule = rule_for(self._namespace, opening.kind, opening.endpoint)
                self._start(owner, Exchange(link, opening, rule), len(text))
            return
        kind = document.get("type")
        if kind in ("channelSend", "channelAck"):
            exchange = self._exchanges.get(belongs_to(document) or ("", 0))
            if exchange is not None:
                try:
                    await exchange.from_caller(document, text)
                except GatewayError as lost:
                    exchange.fail(lost)
        elif kind == "keepAlive":
            await self._line.tell('{"type":"keepAliveAck"}')
        elif kind in _SIGNALS:
            number = number_in(document, _SIGNALS[kind]) or 0
            error = NotOffered("None of the SDKs' namespaces that pass here has signals.")
            await self._line.tell(refusal(_SIGNALS[kind], number, error))

    def _start(self, owner: tuple[str, int], exchange: Exchange, size: int) -> None:
        self._exchanges[owner] = exchange
        self._held_bytes += size
        task = asyncio.create_task(exchange.run())
        self._tasks.add(task)

        def over(_task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._held_bytes -= size
            del self._exchanges[owner]

        task.add_done_callback(over)

    # ── frames of the model server ──

    async def _from_model_server(self, models: SdkModels, text: str) -> None:
        try:
            document = read_frame(text)
        except BadRequest:
            return  # nonsense helps no SDK
        models.learn(document)
        exchange = self._exchanges.get(belongs_to(document) or ("", 0))
        if exchange is None or not exchange.from_model_server(document, text):
            await self._line.tell(text)

    def _lost(self) -> None:
        """The model server's end is gone: who waits for an answer learns it."""
        error = ModelServerCut("The model server broke off in mid-answer.")
        for exchange in self._exchanges.values():
            if exchange.sent:
                exchange.fail(error)

    # ── ending ──

    async def _watch_key(self) -> None:
        """Closes the connection when the key ends: revoked, expired, replaced long ago."""
        while True:
            await asyncio.sleep(CHECK_KEY_S)
            try:
                await self._check()
            except (KeyRejected, TooManyFailures):
                break
            except GatewayError:
                continue  # whether it is good cannot be told now
        error = KeyRejected("This key has expired or was revoked.")
        for exchange in self._exchanges.values():
            exchange.fail(error)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ENDING_S)
        await self._line.close(POLICY, error.message)

    def __repr__(self) -> str:
        return f"<SdkSocket /{self._namespace} [{len(self._tasks)} open]>"
