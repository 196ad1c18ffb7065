"""The connections to one model server: made when needed, kept for a moment, counted.

Owns the address, name resolution, TLS, the time-out for connecting and the idle connections. What
is said on a connection is `wire`'s matter. Nothing from the environment is read: no proxies.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from gateway.wire import Connection

# LM Studio's server (Node) closes a connection after 5 s without use; reusing one at that moment
# fails. Staying below makes the race rare, the one retry in `upstream` covers the rest.
IDLE_S = 4.0
MAX_IDLE = 256
# How long the addresses of a name are believed: a container's host may move.
ADDRESSES_S = 10.0
# RFC 8305: when one family does not answer, the other is tried beside it after this.
NEXT_ADDRESS_S = 0.25


class Connections:
    """A pool without a limit on use and with one on idle connections. One event loop uses it."""

    def __init__(self, url: str, connect_s: float, silence_s: float) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._connect_s = connect_s
        self._silence_s = silence_s
        self._tls: ssl.SSLContext | None = None
        self._addresses: list[AddrInfoType] = []
        self._resolved_at = float("-inf")
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._all_lost: asyncio.Event | None = None

    def take(self) -> Connection | None:
        """The idle connection that was used last, if one still looks open."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    def give_back(self, connection: Connection) -> None:
        """Keeps a connection whose exchange is over, when it may serve again; else closes it."""
        if not connection.rest():
            return
        self._idle.append(connection)
        if len(self._idle) > MAX_IDLE:
            self._idle.popleft().abort()

    async def connect(self) -> Connection:
        """A new connection; raises `TimeoutError` or `OSError` (name resolution and TLS too)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._connect_s):
            sock = await self._reach()
            connection = Connection(self._silence_s, IDLE_S, self._lost)
            self._open.add(connection)  # now: it may be lost before `create_connection` returns
            try:
                await loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=self._context(),
                    server_hostname=self._host if self._secure else None,
                )
            except BaseException:
                connection.abort()
                self._lost(connection)
                sock.close()
                raise
        return connection

    async def _reach(self) -> socket.socket:
        try:
            return await start_connection(
                await self._resolve(), happy_eyeballs_delay=NEXT_ADDRESS_S
            )
        except OSError:
            self._resolved_at = float("-inf")  # it may have moved
            raise

    async def _resolve(self) -> list[AddrInfoType]:
        loop = asyncio.get_running_loop()
        if loop.time() - self._resolved_at > ADDRESSES_S:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = list(found)
            self._resolved_at = loop.time()
        return self._addresses

    def _context(self) -> ssl.SSLContext | None:
        if self._secure and self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)
        if not self._open and self._all_lost is not None:
            self._all_lost.set()

    async def close(self) -> None:
        """Closes every connection, those in use too, and waits until the sockets are gone."""
        self._idle.clear()
        self._all_lost = asyncio.Event()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            await self._all_lost.wait()

    def __repr__(self) -> str:
        return f"<Connections [{len(self._open)} open, {len(self._idle)} idle]>"
