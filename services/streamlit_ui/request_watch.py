"""Reads the gateway's request log for all open pages together, at most once in a while.

Owns: the last answer to each choice of rows and its age. A gateway that is away is part of the
answer, not an error.
"""

from __future__ import annotations

import threading
import time

from chat_client import ChatError, Outcome, RequestLog, Room, blocking

ROWS = 100
KEPT = 50  # choices: one a page, and a page makes few


class RequestWatch:
    """Ask `newest`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._found: dict[tuple[Outcome, str], tuple[float, RequestLog | ChatError]] = {}

    def newest(
        self, max_age_s: float, outcome: Outcome = "", model: str = ""
    ) -> RequestLog | ChatError:
        """The log as it was at most `max_age_s` seconds ago, or why it cannot be read."""
        with self._lock:
            asked_at, found = self._found.get((outcome, model), (0.0, None))
            if found is None or time.monotonic() - asked_at > max_age_s:
                found = self._read(outcome, model)
                self._found.pop((outcome, model), None)
                self._found[outcome, model] = time.monotonic(), found
                if len(self._found) > KEPT:
                    del self._found[next(iter(self._found))]
            return found

    def _read(self, outcome: Outcome, model: str) -> RequestLog | ChatError:
        try:
            return blocking(self._room.requests(ROWS, looks=False, outcome=outcome, model=model))
        except ChatError as error:
            return error
