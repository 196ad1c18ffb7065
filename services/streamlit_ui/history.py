"""The list of kept conversations, asked for as seldom as the page allows.

Owns: one cached list for all open pages of this process, and why there is none. It draws nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from chat_client import ChatError, Room, Summary, blocking

PAGE = 50


@dataclass(frozen=True)
class Listing:
    """Conversations, pinned ones and the latest first; `problem` says why there are none."""

    conversations: tuple[Summary, ...] = ()
    more: bool = False
    problem: ChatError | None = None


class History:
    """Ask `listing`; call `forget` after a change."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._known: dict[tuple[int, int], tuple[float, Listing]] = {}

    def listing(self, pages: int, utc_offset_minutes: int, max_age_s: float) -> Listing:
        """The first `pages` pages, read anew when what is known is older than `max_age_s`."""
        wanted = (pages, utc_offset_minutes)
        with self._lock:
            read_at, listing = self._known.get(wanted, (float("-inf"), Listing()))
            if time.monotonic() - read_at > max_age_s:
                listing = self._read(pages, utc_offset_minutes)
                self._known = {wanted: (time.monotonic(), listing)}
            return listing

    def forget(self) -> None:
        with self._lock:
            self._known = {}

    def _read(self, pages: int, utc_offset_minutes: int) -> Listing:
        found: list[Summary] = []
        cursor: str | None = None
        try:
            for _ in range(pages):
                page = blocking(
                    self._room.page(cursor, limit=PAGE, utc_offset_minutes=utc_offset_minutes)
                )
                found += page.conversations
                cursor = page.next_cursor
                if cursor is None:
                    break
        except ChatError as error:
            return Listing(problem=error)
        return Listing(tuple(found), more=cursor is not None)
