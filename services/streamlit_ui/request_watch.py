"""Reads the gateway's request log for all open pages together, at most once in a while.

Owns: the last answer and its age. A gateway that is away is part of the answer, not an error.
"""

from __future__ import annotations

import threading
import time

from chat_client import ChatError, RequestLog, Room, blocking

ROWS = 100


class RequestWatch:
    """Ask `newest`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._found: RequestLog | ChatError | None = None
        self._asked_at = 0.0

    def newest(self, max_age_s: float) -> RequestLog | ChatError:
        """The log as it was at most `max_age_s` seconds ago, or why it cannot be read."""
        with self._lock:
            if self._found is None or time.monotonic() - self._asked_at > max_age_s:
                try:
                    self._found = blocking(self._room.requests(ROWS, looks=False))
                except ChatError as error:
                    self._found = error
                self._asked_at = time.monotonic()
            return self._found
