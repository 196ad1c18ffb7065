"""All model servers: which one a request goes to, and who stands in for it.

Owns the choice and the failover. A request moves on to the next server only before the first byte
of an answer, and only when trying twice can do no harm: when no connection came about, when it died
unanswered, when the answer was 502 or 503. A server that was silent for too long may still be
working, so nobody else is asked then. With one server none of this runs: it is asked, whatever is
thought of it, and says itself what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from gateway.balance import Load, in_order
from gateway.beginnings import Beginning, Beginnings, Recent
from gateway.errors import ModelServerAway, NoModelServer
from gateway.settings import GatewaySettings
from gateway.upstream import Answer, Closing, Upstream
from gateway.watched_server import UNABLE, WatchedServer

# A request that servers die of must not visit them all.
MAX_DEATHS = 2
RETRY_AFTER_S = 5
Slots = Mapping[str, int]


class Upstreams:
    """The model servers of one gateway. Use as an async context manager; `open` per request.

    `on_change` is called when a server went away or came back.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        servers = [
            WatchedServer(Upstream(settings, server), self._changed)
            for server in settings.model_servers
        ]
        self._servers = {server.name: server for server in servers}
        self._only = servers[0] if len(servers) == 1 else None
        self._beginnings = Beginnings()
        self._responses = Recent()
        self._checks: list[asyncio.Task[None]] = []
        self.on_change: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Upstreams:
        if self._only is None:
            self._checks = [asyncio.create_task(s.follow()) for s in self._servers.values()]
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

    def one(self, name: str) -> WatchedServer:
        """The server of that name, for asking it directly."""
        return self._servers[name]

    def offers(self, name: str) -> bool:
        """Whether a server's models are offered; an only one's always are."""
        return self._only is not None or self._servers[name].breaker.closed

    def asked(self) -> list[WatchedServer]:
        """The servers that are asked now. Who is away is tried by its health check alone."""
        return [server for server in self._servers.values() if self.offers(server.name)]

    async def open(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        among: Slots | None = None,
        again: bool = False,
        on_leaving: Callable[[Closing], None] | None = None,
    ) -> Answer:
        """Sends a request to the best server among those named (none: all).

        `among` has each server's slots for the model, 0 where it is not loaded. `again` says that
        trying twice can do no harm. Raises what `Upstream.open` raises, and `NoModelServer` when
        none is worth asking.
        """
        if self._only is not None:
            return await self._only.open(method, path, headers, body, on_leaving, again)
        beginning = Beginning(body)
        names = self._order(among, beginning)
        failure: ModelServerAway | None = None
        deaths = 0
        for place, name in enumerate(names, 1):
            try:
                answer = await self._servers[name].open(
                    method, path, headers, body, on_leaving, again
                )
            except ModelServerAway as error:
                failure = error
                deaths += error.died
                if again and deaths < MAX_DEATHS:
                    continue
                break
            if again and answer.status in UNABLE and place < len(names):
                answer.abort()
                continue
            self._beginnings.remember(beginning, name)
            return answer
        raise failure or _nobody()

    def note_response(self, response_id: str, server: str) -> None:
        """An answer that a server keeps, for the request that goes on from it."""
        if self._only is None:
            self._responses.note(response_id, server)

    def _order(self, among: Slots | None, beginning: Beginning) -> list[str]:
        """The servers to try, best first; one alone when only that one knows what came before."""
        slots = among or dict.fromkeys(self._servers, 1)
        loads = [
            Load(server.name, server.running, slots[server.name])
            for server in self.asked()
            if server.name in slots
        ]
        keeper = self._responses.get(beginning.previous)
        if keeper in slots:
            return [load.name for load in loads if load.name == keeper]
        return in_order(loads, self._beginnings.server_of(beginning))

    def _changed(self) -> None:
        self.on_change()

    def __repr__(self) -> str:
        return f"<Upstreams {list(self._servers.values())}>"


def _nobody() -> NoModelServer:
    return NoModelServer(
        "No model server that can do this answers right now. Try again in a moment.",
        retry_after_s=RETRY_AFTER_S,
    )
