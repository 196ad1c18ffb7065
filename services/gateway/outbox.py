"""Writes gathered over one turn of the event loop, so that they go out back to back.

Owns when they go out: at the turn's end, which is now where nothing else is to be done. A system
call between two pieces of Python finds its code thrown out of the CPU's caches, and throws Python's
out; in a row they cost a busy gateway a quarter less a request (bench/README.md). What is written,
and whether it still may be, is the connection's matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary


class Outbox:
    """The writes of one event loop that wait for the end of its turn."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def post(self, write: Callable[[], None]) -> None:
        """Calls `write` at the turn's end, in the order of the posts. It must not raise."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write_all)
        self._waiting.append(write)

    def _write_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for write in waiting:
            write()

    def __repr__(self) -> str:
        return f"<Outbox [{len(self._waiting)} waiting]>"


_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()


def outbox_of(loop: asyncio.AbstractEventLoop) -> Outbox:
    """The one outbox of an event loop."""
    outbox = _outboxes.get(loop)
    if outbox is None:
        outbox = _outboxes[loop] = Outbox()
    return outbox
