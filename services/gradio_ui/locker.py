"""Files for the short time between a browser and the page's handlers, in memory and nowhere else.

Owns: the keys that nobody can guess, and the bounds: in bytes, in seconds, and each is taken once.
What a file means is for those who take it.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from chat_client import RoomFile

MIB = 1024 * 1024
MOST_BYTES = 64 * MIB  # held at once; the oldest go first
LONGEST_S = 120.0  # the page takes a file at once, or it has been closed


class Locker:
    """Files by key; whoever knows the key may take the file, once."""

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, RoomFile]] = OrderedDict()

    def put(self, file: RoomFile) -> str:
        """Keeps a file for a short time and returns its key."""
        key = secrets.token_urlsafe(24)
        self._held[key] = (self._clock(), file)
        self._tidy()
        return key

    def take(self, key: str) -> RoomFile | None:
        """The file of this key, which is gone afterwards."""
        self._tidy()
        _, file = self._held.pop(key, (0.0, None))
        return file

    def _tidy(self) -> None:
        oldest = self._clock() - LONGEST_S
        held = sum(len(file.data) for _, file in self._held.values())
        for key, (put_at, file) in list(self._held.items()):
            if put_at >= oldest and held <= self._most_bytes:
                return
            del self._held[key]
            held -= len(file.data)
