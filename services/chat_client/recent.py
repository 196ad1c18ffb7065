"""What a process remembers for pages that come back: the newest things, each under a secret id.

Owns the ids and the bound. It knows nothing of what it remembers; a restart forgets it all.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

MOST = 64  # rounds of a playground: a full room's, and a few thousand words each

T = TypeVar("T")


class Recent(Generic[T]):
    """Safe from any thread; `over` tells what may be forgotten when there is too much."""

    def __init__(self, over: Callable[[T], bool], most: int = MOST) -> None:
        self._over = over
        self._most = most
        self._kept: dict[str, T] = {}
        self._lock = threading.Lock()

    def keep(self, thing: T) -> str:
        """Remembers it and returns the id to find it by; nobody can guess that."""
        id_ = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[id_] = thing
            surplus = len(self._kept) - self._most
            ended = [each for each, kept in self._kept.items() if self._over(kept)]
            for old in ended[: max(0, surplus)]:
                del self._kept[old]
        return id_

    def get(self, id_: str) -> T | None:
        with self._lock:
            return self._kept.get(id_)

    def all(self) -> list[T]:
        with self._lock:
            return list(self._kept.values())
