"""The WebSocket towards LM Studio that stands behind one of an SDK's.

Owns connecting (when the first call needs it, and anew when it was lost), the gateway's own first
frame, and reading. The address is the operator's; no redirect, no proxy of the environment.
Imported with the first socket of an SDK, as `websockets` takes memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import orjson
from aiohappyeyeballs import start_connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from gateway.errors import (
    GatewayError,
    ModelServerAway,
    ModelServerCut,
    ModelServerError,
    ModelServerSilent,
    NotOffered,
)
from gateway.settings import GatewaySettings

PING_S, PONG_S = 20, 60  # a model server that reads a prompt may be slow to answer
CLOSE_S = 1.0
NEXT_ADDRESS_S = 0.25  # RFC 8305


class _Direct(connect):
    """A connection to the address that was given, and to no other."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class SdkUpstream:
    """One socket towards LM Studio; `on_frame` gets every frame, `on_lost` the news of its end."""

    def __init__(
        self,
        settings: GatewaySettings,
        namespace: str,
        first_frame: str,
        on_frame: Callable[[str], Awaitable[None]],
        on_lost: Callable[[], None],
    ) -> None:
        root = urlsplit(settings.model_servers[0].url)
        self._settings = settings
        self._secure = root.scheme == "https"
        self._host = root.hostname or ""
        self._port = root.port or (443 if self._secure else 80)
        self._uri = f"{'wss' if self._secure else 'ws'}://{root.netloc}/{namespace}"
        self._first_frame = first_frame
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._connecting = asyncio.Lock()
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def send(self, text: str) -> None:
        """Sends a frame, connecting first where needed; raises a `GatewayError`."""
        async with self._connecting:
            connection = self._connection or await self._connect()
        try:
            await connection.send(text)
        except WebSocketException as error:
            raise ModelServerCut("The model server closed the connection.") from error

    async def close(self) -> None:
        """Closes it, so that LM Studio ends what it does for it, and waits for that."""
        self._closed = True
        if self._connection is not None:
            await self._connection.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _connect(self) -> ClientConnection:
        if self._closed:
            raise ModelServerCut("The connection is being closed.")
        try:
            async with asyncio.timeout(self._settings.gateway_connect_timeout_s):
                connection = await self._open()
        except InvalidStatus as error:
            raise _no_such_api(error.response.status_code) from error
        except (OSError, WebSocketException) as error:  # TimeoutError is an OSError
            raise ModelServerAway(
                "The model server cannot be reached over a WebSocket. Is LM Studio's server "
                'started, and does it serve on the local network ("Serve on Local Network")?'
            ) from error
        self._connection = connection
        self._reader = asyncio.create_task(self._read(connection))
        return connection

    async def _open(self) -> ClientConnection:
        """A connection that LM Studio has let in."""
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self._host, self._port, type=1)
        sock = await start_connection(list(addresses), happy_eyeballs_delay=NEXT_ADDRESS_S)
        connection = await _Direct(
            self._uri,
            sock=sock,
            compression=None,
            proxy=None,
            user_agent_header=None,
            open_timeout=None,  # the caller's bound counts
            close_timeout=CLOSE_S,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            max_size=self._settings.gateway_max_body_bytes,
        )
        try:
            await connection.send(self._first_frame)
            answer = await connection.recv()
        except BaseException:
            connection.transport.abort()
            raise
        if not _is_success(answer):
            connection.transport.abort()
            raise ModelServerError(
                "The model server refused the gateway's own token. Whoever runs this gateway "
                "should check LMSTUDIO_API_TOKEN.",
                502,
                "upstream_error",
                "model_server_refused",
            )
        return connection

    async def _read(self, connection: ClientConnection) -> None:
        try:
            with contextlib.suppress(WebSocketException):
                async for frame in connection:
                    if isinstance(frame, str):
                        await self._on_frame(frame)
        finally:
            connection.transport.abort()
            self._connection = None
            if not self._closed:
                self._on_lost()

    def __repr__(self) -> str:
        return f"<SdkUpstream [{'open' if self._connection else 'closed'}]>"


def _is_success(answer: str | bytes) -> bool:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("success") is True


def _no_such_api(status: int) -> GatewayError:
    if status in (502, 503, 504):
        return ModelServerSilent(f"What stands before the model server answered {status}.")
    return NotOffered(
        f"The model server has no WebSocket API for the lmstudio SDKs (it answered {status}). Use "
        "its OpenAI or Anthropic API: /v1/chat/completions, /v1/messages."
    )
