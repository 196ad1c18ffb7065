"""Makes the first question as quick as the others.

Owns: going a question's way once, up to where it would leave. The SDK loads its parts, and learns
the types of what it sends, when they are first needed: a fifth of a second while a page is drawn.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from chat_client.answer import stream_answer
from chat_client.exchange import Exchange
from chat_client.messages import Message
from chat_client.sampling import SUGGESTED
from chat_client.settings import ChatSettings


class _FarEnough(Exception):
    """Raised where the request would be sent."""


class _Border(Exchange):
    def take_request(self, request: Any) -> None:
        raise _FarEnough(request.url)


async def warm_up(settings: ChatSettings) -> None:
    """Prepares everything for a question on this event loop; nothing is sent."""
    with suppress(_FarEnough):
        async for _ in stream_answer(settings, "", [Message("user", "")], SUGGESTED, _Border()):
            pass
