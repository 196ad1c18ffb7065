"""Which of several model servers a request goes to.

Owns the order in which they are tried: the least loaded first, but a conversation goes back to the
server that read its beginning before, because that server still has it in its KV cache, unless it
is clearly busier. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

# A conversation leaves its server when that one's slots are so much fuller than the emptiest's.
CLEARLY_BUSIER = 0.5
# A body's beginnings that are remembered, in bytes: a longer one that is known counts for more.
BEGINNINGS = (16_384, 4_096, 1_024)
MAX_BEGINNINGS = 4_096


@dataclass(frozen=True, slots=True)
class Load:
    """A model server as it is now: requests under way, and how many it works on at once."""

    name: str
    running: int
    slots: int

    @property
    def share(self) -> float:
        """Requests for each slot."""
        return self.running / max(1, self.slots)


def in_order(loads: Sequence[Load], favourite: str | None) -> list[str]:
    """The servers' names, first choice first."""
    ordered = sorted(loads, key=lambda load: load.share)
    if favourite is not None:
        for load in ordered:
            if load.name == favourite and load.share <= ordered[0].share + CLEARLY_BUSIER:
                ordered.remove(load)
                ordered.insert(0, load)
                break
    return [load.name for load in ordered]


class Beginnings:
    """Which server read the beginning of a conversation last. Holds hashes, no text."""

    def __init__(self) -> None:
        self._servers: OrderedDict[int, str] = OrderedDict()

    def server_of(self, body: bytes) -> str | None:
        """The server that knows the longest beginning of this body, or None."""
        for key in _keys(body):
            if (name := self._servers.get(key)) is not None:
                return name
        return None

    def remember(self, body: bytes, name: str) -> None:
        """The server has read this body."""
        for key in _keys(body):
            self._servers[key] = name
            self._servers.move_to_end(key)
        while len(self._servers) > MAX_BEGINNINGS:
            self._servers.popitem(last=False)

    def __repr__(self) -> str:
        return f"<Beginnings [{len(self._servers)}]>"


def _keys(body: bytes) -> list[int]:
    # Python's hash of bytes is keyed anew in each process, so nobody can choose collisions.
    return [hash(body[:length]) for length in BEGINNINGS if len(body) >= length]
