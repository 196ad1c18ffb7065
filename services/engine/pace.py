"""Holds a streamed answer to so many tokens per second, so that people can watch tokens arrive.

The teaching model writes a thousand tokens per second, which looks like no streaming at all. The
pace delays delivery only: what llama.cpp measured (stats, usage) is reported as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pace:
    """One answer's pace. `tokens_per_second` 0 means as fast as it can."""

    def __init__(self, tokens_per_second: float, clock: Callable[[], float] | None = None) -> None:
        self._interval_s = 1.0 / tokens_per_second if tokens_per_second > 0 else 0.0
        self._clock = clock or asyncio.get_running_loop().time
        self._due = 0.0

    def delay_s(self, tokens: int) -> float:
        """Seconds until `tokens` may go out: none for the first, no burst after a stall."""
        if not self._interval_s or not tokens:
            return 0.0
        now = self._clock()
        start = max(self._due, now)
        self._due = start + tokens * self._interval_s
        return start - now

    async def wait(self, tokens: int) -> None:
        """Waits until `tokens` may go out."""
        delay = self.delay_s(tokens)
        if delay > 0:
            await asyncio.sleep(delay)
