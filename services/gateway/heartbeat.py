"""Keeps the line of a waiting caller alive and tells what it waits for.

Owns the comments in a stream that has not begun: `: queued position=2`, `: loading model`. Sixty
seconds of silence make many proxies and clients hang up. A comment costs the status: it is 200 from
then on, and an error becomes an event. Off with `X-Lectern-Heartbeat: off`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.caller import Caller


class Heartbeat:
    """A timer beside the wait; as a context it ends with it, before anything else is sent."""

    def __init__(self, caller: Caller, every_s: float, words: Callable[[], str]) -> None:
        self._caller = caller
        self._every_s = every_s
        self._words = words
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The first comment comes after one interval: a quick answer never sees one."""
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._due)

    async def stop(self) -> None:
        """Ends it; when this returns nothing more is sent from here."""
        if self._timer is not None:
            self._timer.cancel()
        if self._beat is not None:
            await asyncio.shield(self._beat)

    def _due(self) -> None:
        self._beat = asyncio.create_task(self._send())
        self.start()

    async def _send(self) -> None:
        if not self._caller.started:
            await self._caller.start(200, {"content-type": "text/event-stream"})
        await self._caller.send(f": {self._words()}\n\n".encode())
