"""The server's side of a WebSocket under uvicorn, with bounds of our own.

Owns the limit on what a stranger can send: until the first answer is out, one small frame; then as
much as a request's body. Imported with the first upgrade, as `websockets` takes memory.
"""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_FIRST_BYTES = 4096


class SdkProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol; its messages would repeat whatever address was asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.logger = self.conn.logger = logging.getLogger("gateway.websockets")
        self.logger.setLevel(logging.WARNING)
        self.conn.max_message_size = MAX_FIRST_BYTES

    async def send(self, message: Any) -> None:
        """Sends to the caller; the first frame is the answer to who they are."""
        if message["type"] == "websocket.send":
            self.conn.max_message_size = self.config.ws_max_size
        await super().send(message)
