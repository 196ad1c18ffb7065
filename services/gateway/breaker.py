"""Whether a model server is worth asking.

Owns one circuit breaker: closed while the server answers, open after failures in a row, and
half-open when the wait is over: the next health check is the trial, and each that fails doubles the
wait. No clock and no I/O: the time is handed in, in seconds.

    closed ──`FAILURES` in a row──► open ──the wait is over──► half-open ──success──► closed
                                     ▲                             │
                                     └───────── failure ───────────┘
"""

from __future__ import annotations

from enum import StrEnum

FAILURES = 3
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The breaker of one model server."""

    def __init__(self) -> None:
        self._failures = 0
        self._wait_s = FIRST_WAIT_S
        self._opened_at = 0.0
        self._open = False

    @property
    def closed(self) -> bool:
        """Whether the server is taken to be there."""
        return not self._open

    @property
    def spotless(self) -> bool:
        """Closed, and nothing went wrong lately: there is nothing to note of an answer."""
        return not self._failures

    def state(self, now: float) -> State:
        """What it would say now."""
        if not self._open:
            return State.CLOSED
        return State.HALF_OPEN if now >= self._opened_at + self._wait_s else State.OPEN

    def wait_s(self, now: float) -> float:
        """How long it takes until the server may be tried."""
        return max(0.0, self._opened_at + self._wait_s - now) if self._open else 0.0

    def succeeded(self) -> None:
        """It answered."""
        self._failures, self._wait_s = 0, FIRST_WAIT_S
        self._open = False

    def failed(self, now: float) -> None:
        """It could not be reached, or died before it answered."""
        self._failures += 1
        if self._open:
            if self.state(now) is State.HALF_OPEN:  # others failed before: they say nothing new
                self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s)
                self._opened_at = now
        elif self._failures >= FAILURES:
            self._open, self._opened_at = True, now

    def __repr__(self) -> str:
        return f"<Breaker [{'open' if self._open else 'closed'}, {self._failures} failures]>"
