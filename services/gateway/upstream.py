"""The way to the model server: open, read, abort, release.

Owns the order in which a request is tried and the translation of what can fail into the gateway's
errors. The address comes from the operator's settings only; a redirect is an answer like any
other and is never followed, the caller's key never travels on.
"""

from __future__ import annotations

import socket
import ssl

from gateway.connections import Connections
from gateway.errors import ModelServerAway, ModelServerCut, ModelServerSilent
from gateway.reply import Broken
from gateway.request_head import RequestHead
from gateway.settings import GatewaySettings
from gateway.wire import Connection, Silent, Unanswered


class Answer:
    """The model server's answer whose head has arrived. End it with `release` or `abort`.

    `headers` has lower-case names; of a repeated one the first value counts.
    """

    __slots__ = ("_connection", "_connections", "headers", "status")

    def __init__(self, connection: Connection, connections: Connections) -> None:
        self._connection: Connection | None = connection
        self._connections = connections
        self.status = connection.status
        self.headers = connection.headers

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

    def abort(self) -> None:
        """Closes the connection at once, so that the model server stops working."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    def release(self) -> None:
        """Gives the connection back; it is kept only when the answer was read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.give_back(connection)


class Upstream:
    """One model server. Use as an async context manager; `open` per request."""

    def __init__(self, settings: GatewaySettings) -> None:
        url = settings.lmstudio_url
        self._head = RequestHead(url, settings.lmstudio_api_token.get_secret_value())
        self._connections = Connections(
            url, settings.gateway_connect_timeout_s, settings.gateway_answer_timeout_s
        )

    async def __aenter__(self) -> Upstream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.close()

    async def open(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Sends a request and waits for the answer's head.

        `path` is encoded already and may carry a query. Raises `ModelServerAway` or `…Silent`,
        and `BadRequest` for what cannot be put into a head.
        """
        head = self._head.build(method, path, headers, len(body))
        kept = self._connections.take()
        try:
            if kept is not None:
                try:
                    return await self._ask(kept, head, body)
                except Unanswered:
                    pass  # it was closed meanwhile: nothing was answered, so ask once more
            return await self._ask(await self._connections.connect(), head, body)
        except Silent as error:
            raise ModelServerSilent("The model server did not answer in time.") from error
        except (Broken, OSError) as error:  # TimeoutError and SSL's errors are OSErrors
            raise _away(error) from error

    async def _ask(self, connection: Connection, head: bytes, body: bytes) -> Answer:
        try:
            connection.send(head, body)
            await connection.head()
        except BaseException:  # a cancellation too: the model server must not work for nobody
            connection.abort()
            raise
        return Answer(connection, self._connections)

    def __repr__(self) -> str:
        return f"<Upstream {self._connections!r}>"


def _away(error: Exception) -> ModelServerAway:
    if isinstance(error, TimeoutError):
        return ModelServerAway(
            "The model server cannot be reached: no connection came about in time. "
            "Does a firewall stand between, or is LMSTUDIO_URL wrong?"
        )
    if isinstance(error, ssl.SSLError):
        return ModelServerAway(
            "The model server cannot be reached: a trusted TLS connection did not come about. "
            "Is its certificate valid for the name in LMSTUDIO_URL?"
        )
    if isinstance(error, socket.gaierror):
        reason = "its name cannot be resolved"
    elif isinstance(error, OSError):
        reason = "the connection was refused"
    else:
        reason = "the connection broke before an answer came"
    return ModelServerAway(
        f"The model server cannot be reached: {reason}. Is LM Studio's server started, and does it "
        'serve on the local network (the switch "Serve on Local Network")?'
    )
