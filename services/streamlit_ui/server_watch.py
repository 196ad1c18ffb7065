"""Remembers for a few seconds whether the model server answers, for all open pages together.

Owns: one cached probe for the process. Pages ask often (at every click and every few seconds);
the server is asked at most once in `max_age_s`.
"""

from __future__ import annotations

import asyncio
import threading
import time

from chat_client import ChatSettings, ServerState, probe
from chat_client.background import background_loop


class ServerWatch:
    """Ask `state`; call `forget` when something has shown that the last state is wrong."""

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._state: ServerState | None = None
        self._probed_at = 0.0

    def state(self, max_age_s: float) -> ServerState:
        """What the last probe found, or a new one when that is older than `max_age_s` seconds."""
        with self._lock:
            age_s = time.monotonic() - self._probed_at
            if self._state is None or age_s > max_age_s:
                waiting = asyncio.run_coroutine_threadsafe(probe(self._settings), background_loop())
                self._state = waiting.result()
                self._probed_at = time.monotonic()
            return self._state

    def forget(self) -> None:
        """Makes the next `state` probe anew."""
        with self._lock:
            self._state = None
