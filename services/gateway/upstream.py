"""The way to the model server: open, read, abort, release.

Owns the order in which a request is tried and the translation of what can fail into the gateway's
errors. The address comes from the operator's settings only; a redirect is an answer like any
other and is never followed, the caller's key never travels on.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping

from gateway.connections import Connections
from gateway.errors import ModelServerAway, ModelServerCut, ModelServerSilent
from gateway.model_servers import ModelServer
from gateway.reply import Broken, NoAnswer
from gateway.request_head import RequestHead
from gateway.settings import GatewaySettings
from gateway.wire import Connection, Silent, Unanswered

Closing = asyncio.Future[None] | None


class Answer:
    """The model server's answer whose head has arrived. End it with `release` or `abort`.

    `headers` has lower-case names; of a repeated one the first value counts. `server` is the name
    of the model server. `on_end` is called once, when the answer is given back.
    """

    __slots__ = ("_connection", "_connections", "headers", "on_end", "server", "status")

    def __init__(self, connection: Connection, connections: Connections, server: str) -> None:
        self._connection: Connection | None = connection
        self._connections = connections
        self.server = server
        self.status = connection.status
        self.headers = connection.headers
        self.on_end: Callable[[], None] | None = None

    async def read(self) -> bytes:
        """The next bytes as they came, b"" at the end; raises `ModelServerCut` or `…Silent`."""
        if self._connection is None:
            raise RuntimeError("the answer was given back already")
        try:
            return await self._connection.read()
        except Silent as error:
            raise ModelServerSilent("The model server stopped talking in mid-answer.") from error
        except Broken as error:
            raise ModelServerCut("The model server broke off in mid-answer.") from error

    @property
    def whole(self) -> bool:
        """Whether all of it was read already: the next `read` would return b""."""
        return self._connection is not None and self._connection.read_whole

    def offer(self, take: Callable[[bytes], bool]) -> None:
        """Asks `take` first when a piece comes that `read` waits for; see `wire`."""
        if self._connection is not None:
            self._connection.offer(take)

    def abort(self) -> Closing:
        """Hangs up at once, so that the model server stops working.

        The future, if there is one, is done when the model server has closed its side.
        """
        connection = self._let_go()
        return connection.hang_up() if connection is not None else None

    def release(self) -> None:
        """Gives the connection back; it is kept only when the answer was read to its end."""
        connection = self._let_go()
        if connection is not None:
            self._connections.give_back(connection)

    def _let_go(self) -> Connection | None:
        connection, self._connection = self._connection, None
        if connection is not None and self.on_end is not None:
            self.on_end()
        return connection


class Upstream:
    """One model server. Use as an async context manager; `open` per request."""

    def __init__(self, settings: GatewaySettings, server: ModelServer | None = None) -> None:
        server = server or settings.model_servers[0]
        self.name = server.name
        self._setting = "UPSTREAMS" if settings.upstreams else "LMSTUDIO_URL"
        self._head = RequestHead(server.url, server.token.get_secret_value())
        self._connections = Connections(
            server.url, settings.gateway_connect_timeout_s, settings.gateway_answer_timeout_s
        )

    async def __aenter__(self) -> Upstream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.close()

    async def open(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        on_leaving: Callable[[Closing], None] | None = None,
        again: bool = True,
    ) -> Answer:
        """Sends a request and waits for the answer's head.

        `path` is encoded already and may carry a query. Who is cancelled while waiting hears
        through `on_leaving` when the model server will have closed its side. What must not be done
        twice (not `again`) goes out on a fresh connection, since a kept one may be closed at that
        moment. Raises `ModelServerAway` or `…Silent`, and `BadRequest` for what cannot be put into
        a head.
        """
        head = self._head.build(method, path, headers, len(body))
        kept = self._connections.take() if again else None
        try:
            if kept is not None:
                try:
                    return await self._ask(kept, head, body, on_leaving)
                except Unanswered:
                    pass  # it was closed meanwhile: nothing was answered, so ask once more
            fresh = await self._connections.connect()
            return await self._ask(fresh, head, body, on_leaving)
        except Silent as error:
            silent = ModelServerSilent("The model server did not answer in time.")
            silent.server = self.name
            raise silent from error
        except (Broken, OSError) as error:  # TimeoutError and SSL's errors are OSErrors
            raise self._away(error) from error

    async def _ask(
        self,
        connection: Connection,
        head: bytes,
        body: bytes,
        on_leaving: Callable[[Closing], None] | None,
    ) -> Answer:
        try:
            connection.send(head, body)
            await connection.head()
        except BaseException:  # a cancellation too: the model server must not work for nobody
            closing = connection.hang_up()
            if on_leaving is not None:
                on_leaving(closing)
            raise
        return Answer(connection, self._connections, self.name)

    def _away(self, error: Exception) -> ModelServerAway:
        several = self._setting == "UPSTREAMS"
        which = f"The model server {self.name!r}" if several else "The model server"
        away = ModelServerAway(f"{which} cannot be reached: {_reason(error, self._setting)}")
        away.server, away.died = self.name, isinstance(error, Broken)
        return away

    def __repr__(self) -> str:
        return f"<Upstream {self.name} {self._connections!r}>"


def _reason(error: Exception, setting: str) -> str:
    if isinstance(error, TimeoutError):
        return (
            "no connection came about in time. "
            f"Does a firewall stand between, or is {setting} wrong?"
        )
    if isinstance(error, ssl.SSLError):
        return (
            "a trusted TLS connection did not come about. "
            f"Is its certificate valid for the name in {setting}?"
        )
    if isinstance(error, socket.gaierror):
        reason = "its name cannot be resolved"
    elif isinstance(error, OSError):
        reason = "the connection was refused"
    elif isinstance(error, NoAnswer):
        reason = "what listens there does not speak HTTP as it should"
    else:
        reason = "the connection broke before an answer came"
    return (
        f"{reason}. Is LM Studio's server started, and does it serve on the local network (the "
        'switch "Serve on Local Network")?'
    )
