"""One timer for all the waits of a connection.

Owns when it runs out. To put that off costs one assignment: the loop's own timer is set anew when
it fires early, not at each read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Countdown:
    """Calls `on_end` once the loop's clock has passed `end`, which may be moved meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_end: Callable[[], None]) -> None:
        self.end = 0.0
        self._loop = loop
        self._on_end = on_end
        self._timer: asyncio.TimerHandle | None = None

    def run(self) -> None:
        """Begins, unless it runs: then an earlier `end` counts from its next firing on."""
        if self._timer is None:
            self._arm()

    def hasten(self) -> None:
        """Begins, or heeds an `end` that has come nearer."""
        if self._timer is None or self._timer.when() > self.end:
            self._arm()

    def stop(self) -> None:
        """Ends it without a call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.stop()
        self._timer = self._loop.call_at(self.end, self._fired)

    def _fired(self) -> None:
        self._timer = None
        if self._loop.time() < self.end:
            self._arm()
        else:
            self._on_end()
