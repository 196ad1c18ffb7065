"""Which of several model servers a request goes to.

Owns the order in which they are tried: who has the model loaded first, of those the least loaded,
but a conversation goes back to the server that read its beginning before, because that one still
has it in its KV cache, unless it is full or clearly busier. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# A conversation leaves its server when that one's slots are so much fuller than the emptiest's.
CLEARLY_BUSIER = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """A model server as it is now: requests under way, and how many it works on at once.

    No slots: it would have to load the model first.
    """

    name: str
    running: int
    slots: int

    @property
    def share(self) -> float:
        """Requests for each slot."""
        return self.running / max(1, self.slots)

    @property
    def full(self) -> bool:
        """Whether a further request would wait there in line, or for the model to load."""
        return self.running >= self.slots


def in_order(loads: Sequence[Load], favourite: str | None) -> list[str]:
    """The servers' names, first choice first; among equals the order stays."""
    ordered = sorted(loads, key=lambda load: (load.slots == 0, load.share))
    if favourite is not None:
        for load in ordered:
            if load.name == favourite and _may_stay(load, ordered[0]):
                ordered.remove(load)
                ordered.insert(0, load)
                break
    return [load.name for load in ordered]


def _may_stay(favourite: Load, emptiest: Load) -> bool:
    if favourite.full and not emptiest.full:
        return False
    return favourite.share <= emptiest.share + CLEARLY_BUSIER
