"""A stop that cuts no answer: nothing new is admitted, what runs may finish, bounded.

Owns the flag and the count of running requests. The server asks it when it may end; uvicorn alone
would send every running stream a disconnect on SIGTERM (uvicorn pull request 2829).
"""

from __future__ import annotations

import time

from gateway.errors import ShuttingDown


class Drain:
    """Begins once and never ends: the process goes with it."""

    def __init__(self, bound_s: float) -> None:
        self._bound_s = bound_s
        self._began: float | None = None
        self._running = 0

    @property
    def begun(self) -> bool:
        return self._began is not None

    def begin(self) -> None:
        """No request is admitted from now on."""
        if self._began is None:
            self._began = time.monotonic()

    def refuse_if_begun(self) -> None:
        """Raises `ShuttingDown` once the drain has begun."""
        if self._began is not None:
            raise ShuttingDown(
                "The gateway is stopping. Try again in a moment, when it is back.", retry_after_s=5
            )

    def count_in(self) -> None:
        """A request is here; it is counted out when its answer and its row are done."""
        self._running += 1

    def count_out(self) -> None:
        """The request is over."""
        self._running -= 1

    @property
    def done(self) -> bool:
        """True when nothing runs any more, or the bound is reached."""
        if self._began is None:
            return False
        return self._running == 0 or time.monotonic() - self._began >= self._bound_s

    def __repr__(self) -> str:
        return f"<Drain [{'begun' if self.begun else 'open'}, {self._running} running]>"
