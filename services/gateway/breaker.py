"""Whether a model server is worth asking.

Owns one circuit breaker: closed while the server answers, open after failures in a row, and
half-open for a single trial when the wait is over; each failed trial doubles the wait. No clock and
no I/O: the time is handed in, in seconds.

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
        self._on_trial_since: float | None = None
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

    def admits(self, now: float) -> bool:
        """Whether the server may be asked now. When half-open only the first who asks may.

        A trial of which nothing is heard for as long as the longest wait makes room for another.
        """
        state = self.state(now)
        if state is State.HALF_OPEN:
            since = self._on_trial_since
            return since is None or now - since >= LONGEST_WAIT_S
        return state is State.CLOSED

    def wait_s(self, now: float) -> float:
        """How long it takes until the server may be tried."""
        return max(0.0, self._opened_at + self._wait_s - now) if self._open else 0.0

    def begin(self, now: float) -> None:
        """The server is asked now; when half-open, that is the trial."""
        if self.state(now) is State.HALF_OPEN:
            self._on_trial_since = now

    def given_up(self) -> None:
        """Who asked did not wait for the answer: that says nothing, and another may try."""
        self._on_trial_since = None

    def succeeded(self) -> None:
        """It answered."""
        self._failures, self._wait_s = 0, FIRST_WAIT_S
        self._open, self._on_trial_since = False, None

    def failed(self, now: float) -> None:
        """It could not be reached, or died before it answered."""
        self._failures += 1
        if self._open:
            if self.state(now) is State.HALF_OPEN:  # others failed before: they say nothing new
                self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s)
                self._opened_at, self._on_trial_since = now, None
        elif self._failures >= FAILURES:
            self._open, self._opened_at, self._on_trial_since = True, now, None

    def __repr__(self) -> str:
        return f"<Breaker [{'open' if self._open else 'closed'}, {self._failures} failures]>"
