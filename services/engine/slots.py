"""Predictions under way on one model: so many at once, the others wait in line without a word.

A slot is held from the moment a prediction may begin until its answer is delivered or its caller
has left; the counters are what `/engine/slots` shows. LM Studio's own default is four at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """First come, first served."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.active = 0
        self.queued = 0
        self.finished = 0
        self.cancelled = 0
        self._free = asyncio.Semaphore(count)

    def __repr__(self) -> str:
        return (
            f"Slots({self.active}/{self.count} active, {self.queued} queued, "
            f"{self.finished} finished, {self.cancelled} cancelled)"
        )

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Waits for a slot and holds it; an ending by cancellation counts as cancelled."""
        self.queued += 1
        try:
            await self._free.acquire()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.queued -= 1
        self.active += 1
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        except BaseException:
            self.finished += 1
            raise
        else:
            self.finished += 1
        finally:
            self.active -= 1
            self._free.release()
