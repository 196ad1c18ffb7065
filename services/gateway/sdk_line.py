"""The caller's side of an SDK's WebSocket, on bare ASGI.

Owns receiving and sending frames, and the end: after it nothing is sent and nothing is raised.
"""

from __future__ import annotations

import contextlib

import orjson
from starlette.types import Receive, Scope, Send

POLICY, NOT_TEXT, NOT_JSON = 1008, 1003, 1007
MAX_REASON_BYTES = 120  # of a control frame's 125


class SdkLine:
    """One connection of a caller."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        # As the server saw it: a header that names another one could be made up.
        self.address: str = (scope.get("client") or ("",))[0]
        self._over = False

    async def accept(self) -> None:
        """Makes the connection a WebSocket."""
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def next(self) -> str | None:
        """The next frame, or None when the connection has ended."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._over = True
            return None
        text: str | None = message.get("text")
        if text is None:
            await self.close(NOT_TEXT, "frames are text")
        return text

    async def tell(self, text: str) -> None:
        """Sends a frame; to a caller who left, nothing."""
        if not self._over:
            try:
                await self._send({"type": "websocket.send", "text": text})
            except OSError:
                self._over = True

    async def warn(self, warning: str) -> None:
        """Tells of a frame that belongs to no call."""
        frame = {"type": "communicationWarning", "warning": warning}
        await self.tell(orjson.dumps(frame).decode())

    async def close(self, code: int, reason: str) -> None:
        """Ends the connection."""
        if not self._over:
            self._over = True
            said = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            with contextlib.suppress(OSError):  # the caller left meanwhile
                await self._send({"type": "websocket.close", "code": code, "reason": said})

    def forget(self) -> None:
        """Nothing is to be sent any more."""
        self._over = True

    def __repr__(self) -> str:
        return f"<SdkLine {self.address} [{'over' if self._over else 'open'}]>"
