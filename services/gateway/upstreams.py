"""All model servers: which one a request goes to, and whether each is worth asking.

Owns failover, health checks and what is known of each server's load. A request moves on to the next
server only before the first byte of an answer, and only when trying twice can do no harm; a server
that was silent for too long may still be working, so nobody else is asked then. With one server
none of this runs: it is asked, and says itself what is wrong.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gateway.balance import Beginnings, Load, in_order
from gateway.breaker import Breaker, State
from gateway.catalogue import read_whole
from gateway.errors import GatewayError, ModelServerAway, NoModelServer
from gateway.settings import GatewaySettings
from gateway.upstream import Answer, Closing, Upstream

HEALTH_EVERY_S = 5.0
HEALTH_TIMEOUT_S = 2.0
# What a server in front of a model says when it cannot pass a request on.
UNABLE = (502, 503)


@dataclass(slots=True)
class Server:
    """One model server and what is known of it."""

    upstream: Upstream
    breaker: Breaker = field(default_factory=Breaker)
    running: int = 0

    def note_end(self) -> None:
        """An answer of it is over."""
        self.running -= 1


@dataclass(frozen=True, slots=True)
class Ask:
    """What is sent: `again` says whether trying it twice can do no harm."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    again: bool
    on_leaving: Callable[[Closing], None] | None


class Upstreams:
    """The model servers of one gateway. Use as an async context manager; `open` per request.

    `slots` tells how many predictions a server runs at once; `on_change` is called when a server
    went away or came back.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._servers = {
            server.name: Server(Upstream(settings, server)) for server in settings.model_servers
        }
        only = list(self._servers.values())
        self._only = only[0] if len(only) == 1 else None
        self._beginnings = Beginnings()
        self._checks: list[asyncio.Task[None]] = []
        self.slots: Callable[[str], int] = lambda _name: 1
        self.on_change: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Upstreams:
        if self._only is None:
            self._checks = [asyncio.create_task(self._follow(s)) for s in self._servers.values()]
        return self

    async def __aexit__(self, *_: object) -> None:
        for check in self._checks:
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)
        for server in self._servers.values():
            await server.upstream.__aexit__()

    @property
    def names(self) -> list[str]:
        """The servers' names, as the operator ordered them."""
        return list(self._servers)

    def one(self, name: str) -> Upstream:
        """The server of that name, for asking it directly."""
        return self._servers[name].upstream

    def state(self, name: str) -> State:
        """What the breaker of a server says now; with one server it is always closed."""
        return self._servers[name].breaker.state(time.monotonic())

    def answers(self, name: str) -> bool:
        """Whether a server is taken to be there."""
        return self.state(name) is State.CLOSED

    def running(self, name: str) -> int:
        """Requests under way on a server."""
        return self._servers[name].running

    async def open(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        *,
        among: Collection[str] = (),
        again: bool = False,
        on_leaving: Callable[[Closing], None] | None = None,
    ) -> Answer:
        """Sends a request to the best server among those named (none: all).

        Raises what `Upstream.open` raises, and `NoModelServer` when none is worth asking.
        """
        ask = Ask(method, path, headers, body, again, on_leaving)
        if self._only is not None:
            return await self._ask(self._only, ask)
        failure: GatewayError | None = None
        names = self._order(body, among)
        for place, name in enumerate(names):
            try:
                answer = await self._ask(self._servers[name], ask)
            except ModelServerAway as error:
                failure = error
                if not again:
                    break
                continue
            if again and answer.status in UNABLE and place + 1 < len(names):
                answer.abort()
                continue
            self._beginnings.remember(body, name)
            return answer
        raise failure or NoModelServer(
            "No model server that can do this answers right now. Try again in a moment.",
            retry_after_s=5,
        )

    async def _ask(self, server: Server, ask: Ask) -> Answer:
        now = time.monotonic()
        server.breaker.begin(now)
        server.running += 1
        try:
            answer = await server.upstream.open(
                ask.method, ask.path, ask.headers, ask.body, ask.on_leaving
            )
        except BaseException as error:
            server.running -= 1
            if isinstance(error, ModelServerAway):
                self._note(server, well=False)
            raise
        answer.on_end = server.note_end
        self._note(server, well=True)
        return answer

    def _order(self, body: bytes, among: Collection[str]) -> list[str]:
        now = time.monotonic()
        loads = [
            Load(name, server.running, self.slots(name))
            for name, server in self._servers.items()
            if (not among or name in among) and server.breaker.admits(now)
        ]
        return in_order(loads, self._beginnings.server_of(body))

    def _note(self, server: Server, *, well: bool) -> None:
        """What was heard of a server; who shares its models learns when that changes.

        Of a single one nothing is: it is asked whatever was heard, and its models stay known.
        """
        if self._only is not None:
            return
        now = time.monotonic()
        before = server.breaker.state(now)
        server.breaker.succeeded() if well else server.breaker.failed(now)
        if (before is State.CLOSED) != (server.breaker.state(now) is State.CLOSED):
            self.on_change()

    async def _follow(self, server: Server) -> None:
        """Asks a server for its models now and then, so that its absence costs no request."""
        while True:
            await asyncio.sleep(HEALTH_EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 (spread)
            try:
                async with asyncio.timeout(HEALTH_TIMEOUT_S):
                    ask = Ask("GET", "/v1/models", {}, b"", False, None)
                    await read_whole(await self._ask(server, ask))
            except TimeoutError:
                self._note(server, well=False)
            except GatewayError:
                pass  # noted already

    def __repr__(self) -> str:
        return f"<Upstreams {self.names}>"
