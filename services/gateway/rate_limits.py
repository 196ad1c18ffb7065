"""What one key may use: requests and tokens per minute, requests at once, tokens per day.

Owns reserving before and settling after: a request takes its estimate before it starts, and the
difference to what it used is booked when it ends, so that a burst cannot pass a limit and a refused
request costs nothing. The counters are the `limits` library's, in memory so far; the
calls fit its shared storages too (requests at once are counted by each gateway).
Requests are counted in a moving window; tokens in windows that begin with their first request.
"""

from __future__ import annotations

import inspect
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from limits.storage import storage_from_string

from gateway.errors import RateLimited
from gateway.keys import Key

MINUTE_S = 60
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """A counter that a reservation took from; `ends` is in seconds since the epoch."""

    name: str
    length_s: int
    ends: float


@dataclass(slots=True)
class Reservation:
    """What a running request holds. `settle` may be called any number of times; once counts."""

    key: Key
    tokens: int
    windows: list[Window]
    headers: dict[str, str] = field(default_factory=dict)
    settled: bool = False


class RateLimits:
    """The limits of all keys of one gateway."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        # The library's asynchronous memory storage hops to a thread for each call; the plain one
        # does not wait for anything, so no other request can come in between.
        self._storage: Any = storage_from_string(
            url if url.startswith("memory://") else f"async+{url}"
        )
        self._clock = clock
        self._at_once: Counter[str] = Counter()

    async def reserve(self, key: Key, tokens: int) -> Reservation:
        """Takes one request and `tokens` from the key; raises `RateLimited` and takes nothing."""
        limits = key.limits
        self._check_at_once(key)
        self._at_once[key.owner] += 1
        taken: list[Window] = []
        try:
            for limit, name, window_s in (
                (limits.tpm, _minute_name(key), MINUTE_S),
                (limits.daily_tokens, _day_name(key, self._clock()), DAY_S),
            ):
                if limit is not None:
                    taken.append(await self._take(name, window_s, tokens, limit))
            if limits.rpm is not None:
                await self._take_request(key, limits.rpm)
        except BaseException:
            self._free_place(key)
            for window in taken:
                await self._call("incr", window.name, window.length_s, -tokens)
            raise
        return Reservation(key, tokens, taken, await self._headers(key))

    async def settle(self, reservation: Reservation, used: int) -> None:
        """Books what was really used instead of the estimate; used = 0 gives all of it back."""
        if reservation.settled:
            return
        reservation.settled = True
        self._free_place(reservation.key)
        difference = used - reservation.tokens
        for window in reservation.windows:
            over = await self._call("get_expiry", window.name) != window.ends
            # What is given back belongs to the window it was taken from: a new one starts full.
            if difference > 0 or (difference < 0 and not over):
                await self._call("incr", window.name, window.length_s, difference)

    async def seed_today(self, tokens_by_owner: dict[str, int]) -> None:
        """Counts what the ledger knows of today: a restart must not refill a daily budget."""
        for owner, tokens in tokens_by_owner.items():
            name = _day_name_of(owner, self._clock())
            if not await self._call("get", name):
                await self._call("incr", name, DAY_S, tokens)

    def at_once(self, key: Key) -> int:
        """How many requests of the key run or wait now."""
        return self._at_once[key.owner]

    def _check_at_once(self, key: Key) -> None:
        limit = key.limits.concurrency
        if limit is not None and self._at_once[key.owner] >= limit:
            raise RateLimited(
                f"This key may have {limit} requests at once. Wait for one to end.",
                retry_after_s=1,
                kind="requests",
            )

    def _free_place(self, key: Key) -> None:
        self._at_once[key.owner] -= 1
        if not self._at_once[key.owner]:
            del self._at_once[key.owner]

    async def _take(self, name: str, window_s: int, tokens: int, limit: int) -> Window:
        total = await self._call("incr", name, window_s, tokens)
        if total <= limit:
            return Window(name, window_s, await self._call("get_expiry", name))
        await self._call("incr", name, window_s, -tokens)
        per = "minute" if window_s == MINUTE_S else "day"
        resets = max(1, math.ceil(await self._call("get_expiry", name) - time.time()))
        if tokens > limit:
            raise RateLimited(
                f"This request may use {tokens} tokens, but this key has {limit} per {per}. "
                "Shorten it or set a smaller max_tokens.",
                retry_after_s=None,
                kind="tokens" if per == "minute" else "quota",
            )
        raise RateLimited(
            f"This key may use {limit} tokens per {per}, and {total - tokens} are taken.",
            retry_after_s=resets,
            kind="tokens" if per == "minute" else "quota",
        )

    async def _take_request(self, key: Key, limit: int) -> None:
        name = f"lectern/rpm/{key.owner}"
        if await self._call("acquire_entry", name, limit, MINUTE_S):
            return
        start, _count = await self._call("get_moving_window", name, limit, MINUTE_S)
        raise RateLimited(
            f"This key may make {limit} requests per minute.",
            retry_after_s=max(1, math.ceil(start + MINUTE_S - time.time())),
            kind="requests",
        )

    async def _headers(self, key: Key) -> dict[str, str]:
        """The figures under the names that OpenAI's API gives them."""
        headers: dict[str, str] = {}
        if (rpm := key.limits.rpm) is not None:
            start, count = await self._call(
                "get_moving_window", f"lectern/rpm/{key.owner}", rpm, MINUTE_S
            )
            headers |= _figures("requests", rpm, rpm - count, start + MINUTE_S - time.time())
        if (tpm := key.limits.tpm) is not None:
            used = await self._call("get", _minute_name(key))
            expiry = await self._call("get_expiry", _minute_name(key))
            headers |= _figures("tokens", tpm, tpm - used, expiry - time.time())
        return headers

    async def _call(self, method: str, *arguments: object) -> Any:
        result = getattr(self._storage, method)(*arguments)
        return await result if inspect.isawaitable(result) else result


def _figures(what: str, limit: int, remaining: int, reset_s: float) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{what}": str(limit),
        f"x-ratelimit-remaining-{what}": str(max(0, remaining)),
        f"x-ratelimit-reset-{what}": f"{max(0, math.ceil(reset_s))}s",
    }


def _minute_name(key: Key) -> str:
    return f"lectern/tpm/{key.owner}"


def _day_name(key: Key, now: float) -> str:
    return _day_name_of(key.owner, now)


def _day_name_of(owner: str, now: float) -> str:
    return f"lectern/day/{owner}/{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
