"""Conversations kept for `previous_response_id` (/v1/responses and /api/v1/chat), in memory only.

Bounded: the oldest are forgotten. They are gone when the engine stops.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from engine.errors import Refusal

MAX_KEPT = 256


class History:
    """Messages by response id."""

    def __init__(self, most: int = MAX_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    def keep(self, response_id: str, messages: list[dict[str, Any]]) -> None:
        """Remembers the conversation that ended with this response."""
        self._kept[response_id] = messages
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def before(self, response_id: Any) -> list[dict[str, Any]]:
        """The messages up to a response; none for None; Refusal for an id nobody knows."""
        if response_id is None:
            return []
        if not isinstance(response_id, str) or response_id not in self._kept:
            raise Refusal(
                f"Previous response with id '{response_id}' not found.",
                kind="invalid_request_error",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return self._kept[response_id]
