"""Counters in memory: a storage of the `limits` library for one event loop.

Owns how amounts are counted within a moving window and within a day. The library's own memory
storage keeps one entry for each hit, takes a lock for each call and starts a thread a hundred times
a second; here amounts lie in buckets of a second, nothing waits and nothing runs beside. A bucket
counts until all of it is older than the window, so that no window ever holds more than its limit.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from limits.storage import MovingWindowSupport, Storage

BUCKET_S = 1


class Window:
    """Amounts by the second in which they were taken, oldest first."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets: deque[list[int]] = deque()  # [second, amount]
        self.total = 0

    def drop(self, before: int) -> None:
        """Forgets the buckets of seconds before `before`."""
        buckets = self.buckets
        while buckets and buckets[0][0] < before:
            self.total -= buckets.popleft()[1]

    def take(self, second: int, limit: int, expiry: int, amount: int) -> bool:
        """Adds to the newest bucket, unless that passes `limit`; `second` never goes back."""
        buckets = self.buckets
        newest = buckets[-1] if buckets else None
        if newest is None or newest[0] != second:  # else its oldest was looked at in this second
            self.drop(second - expiry)
            newest = None
        total = self.total + amount
        if total > limit:
            return False
        self.total = total
        if newest is not None:
            newest[1] += amount
        else:
            buckets.append([second, amount])
        return True

    def start(self, now: float) -> float:
        """When the window began, which is the end of its oldest bucket's second."""
        return self.buckets[0][0] + BUCKET_S if self.buckets else now

    def take_back(self, second: int, amount: int) -> None:
        """Takes from the bucket of `second`, as long as it counts."""
        for bucket in reversed(self.buckets):
            if bucket[0] == second:
                bucket[1] -= amount
                self.total -= amount
                return


class LoopStorage(Storage, MovingWindowSupport):
    """What `limits` asks of a storage, and taking back. `clock` is in seconds, never goes back."""

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, Window] = {}
        self._counters: dict[str, tuple[int, float]] = {}  # count, end

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Takes `amount` unless that passes `limit` within `expiry` seconds."""
        return self.window(key).take(int(self._clock()), limit, expiry, amount)

    def window(self, key: str) -> Window:
        """The window itself, for one moment: `forget_ended` lets go of empty ones."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window()
        return window

    def get_moving_window(
        self,
        key: str,
        limit: int,  # noqa: ARG002 (the library passes it)
        expiry: int,
    ) -> tuple[float, int]:
        """The window's start and what was taken in it; its oldest part counts `expiry` s longer."""
        now = self._clock()
        window = self._windows.get(key)
        if window is None:
            return now, 0
        window.drop(int(now) - expiry)
        return window.start(now), window.total

    def free_in(self, key: str, amount: int, expiry: int) -> float:
        """Seconds until `amount` of what is taken counts no longer."""
        now = self._clock()
        for second, taken in self._windows[key].buckets:
            amount -= taken
            if amount <= 0:
                return second + BUCKET_S + expiry - now
        return expiry

    def take_back(self, key: str, second: int, amount: int) -> None:
        """Undoes `amount` of an entry of that second, unless it counts no longer anyway."""
        window = self._windows.get(key)
        if window is not None:
            window.take_back(second, amount)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Adds to a counter that ends `expiry` seconds after its first use."""
        now = self._clock()
        count, end = self._counters.get(key, (0, 0.0))
        if end <= now:
            count, end = 0, now + expiry
        self._counters[key] = count + amount, end
        return count + amount

    def get(self, key: str) -> int:
        """The counter's value; 0 when it has ended."""
        count, end = self._counters.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """When the counter ends."""
        return self._counters.get(key, (0, self._clock()))[1]

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)
        self._counters.pop(key, None)

    def reset(self) -> int:
        size = len(self._windows) + len(self._counters)
        self._windows.clear()
        self._counters.clear()
        return size

    def check(self) -> bool:
        return True

    def forget_ended(self, expiry: int) -> None:
        """Lets go of what counts no longer."""
        now = self._clock()
        self._counters = {key: value for key, value in self._counters.items() if value[1] > now}
        for window in self._windows.values():
            window.drop(int(now) - expiry)
        self._windows = {key: window for key, window in self._windows.items() if window.buckets}

    def __repr__(self) -> str:
        return f"{len(self._windows) + len(self._counters)} counters"
