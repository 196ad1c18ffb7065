"""Who may ask the model now, and who stands where in line.

Owns the count of answers under way and the order of those who wait: first come, first served.
It knows nothing of models or pages. One event loop, no locks: `_serve` alone decides, and runs
after every arrival, departure and cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class Ticket:
    """One caller in line; `moved` is told the place, counted from 1, each time it changes."""

    moved: Callable[[int], None]
    place: int = 0
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """At most `slots` callers inside at once; the others wait in the order they came."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.active = 0
        self._waiting: list[Ticket] = []

    def __repr__(self) -> str:
        return f"<Line {self.active} of {self.slots} active, {len(self._waiting)} waiting>"

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @asynccontextmanager
    async def slot(self, moved: Callable[[int], None]) -> AsyncIterator[None]:
        """Waits for a slot and holds it for the block; leaving the line by cancellation is fine."""
        async with self.several(1, moved):
            yield

    @asynccontextmanager
    async def several(
        self, count: int, moved: Callable[[int], None]
    ) -> AsyncIterator[Callable[[int], None]]:
        """The same for `count` slots, all there are at most; yields what gives back all but `n`.

        They stand in line one behind the other, so nobody who came later goes first, and of two
        who want several the earlier one gets all of them first.
        """
        tickets = [Ticket(moved) for _ in range(min(count, self.slots))]
        self._waiting += tickets

        def keep(number: int) -> None:
            while len(tickets) > max(number, 0):
                ticket = tickets.pop()
                if ticket.called.is_set():
                    self.active -= 1
                else:
                    self._waiting.remove(ticket)
            self._serve()

        try:
            self._serve()
            for ticket in tuple(tickets):
                await ticket.called.wait()
            yield keep
        finally:
            keep(0)

    def _serve(self) -> None:
        while self._waiting and self.active < self.slots:
            self.active += 1
            self._waiting.pop(0).called.set()
        for place, ticket in enumerate(self._waiting, start=1):
            if ticket.place != place:
                ticket.place = place
                ticket.moved(place)
