"""What is known of the model server now: does it answer, and which models does it offer.

Owns one shared, short-lived answer, so that ten open tabs ask the server no more often than one.
It never raises: a server that is away is a thing to show, not an error.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from chat_client import ChatError, ChatSettings, Model, ServerState, list_models, probe


@dataclass(frozen=True)
class Outlook:
    """One look at the model server: its state, its chat models, or why it would not list them."""

    state: ServerState
    models: tuple[Model, ...] = ()
    refusal: ChatError | None = None

    @property
    def ready(self) -> bool:
        return bool(self.models)

    def choose(self, wanted: str | None) -> str | None:
        """`wanted` while it may be used, else the first that may (loaded ones come first)."""
        ids = [model.id for model in self.models if not model.refused]
        return wanted if wanted in ids else next(iter(ids), None)

    def find(self, model_id: str | None) -> Model | None:
        return next((model for model in self.models if model.id == model_id), None)


class Lookout:
    """Looks at the model server; a look younger than `max_age_s` is shared instead of repeated."""

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._last: Outlook | None = None
        self._looked_at = 0.0

    def find(self, model_id: str) -> Model | None:
        """What was known of a model at the last look."""
        return self._last.find(model_id) if self._last else None

    async def look(self, max_age_s: float = 1.0) -> Outlook:
        async with self._lock:
            if self._last is None or time.monotonic() - self._looked_at > max_age_s:
                self._last = await self._look()
                self._looked_at = time.monotonic()
            return self._last

    async def _look(self) -> Outlook:
        state = await probe(self._settings)
        if not state.reachable:
            return Outlook(state)
        try:
            return Outlook(state, tuple(await list_models(self._settings)))
        except ChatError as refusal:
            return Outlook(state, refusal=refusal)
