"""The limits of one gateway, counted in memory.

Owns the order in which they are taken and given back. Nothing here waits, so no other request can
come in between. What a minute and a day are is `moving_window`'s and `rate_limits`'s matter.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from gateway.errors import RateLimited
from gateway.keys import Key
from gateway.moving_window import LoopStorage
from gateway.rate_limits import (
    DAY_S,
    MINUTE_S,
    Headers,
    Reservation,
    budget_spent,
    request_figures,
    token_figures,
    too_many_at_once,
    too_many_requests,
    too_many_tokens,
)


class _Account:
    """One person: the names of their counters, and how many of their requests run or wait."""

    __slots__ = ("at_once", "owner", "requests", "tokens")

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.requests = f"{owner}/requests"
        self.tokens = f"{owner}/tokens"
        self.at_once = 0

    def day(self, day: int) -> str:
        """The counter of a day's tokens; `day` in days since the epoch."""
        return f"{self.owner}/{day}"


class MemoryLimits:
    """`RateLimits` of a single process. `clock` never goes back; `wall` tells the day (UTC)."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._now = clock()
        self._storage = LoopStorage(lambda: self._now)  # one moment for a whole reservation
        self._accounts: dict[str, _Account] = {}
        self._knows_today = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def reserve(self, key: Key, tokens: int) -> Reservation:
        limits, storage = key.limits, self._storage
        account = self._accounts.get(key.owner)
        if account is None:
            account = self._accounts[key.owner] = _Account(key.owner)
        if limits.concurrency is not None and account.at_once >= limits.concurrency:
            raise too_many_at_once(limits.concurrency)
        wall, self._now = self._wall(), self._clock()
        second, day = int(self._now), int(wall // DAY_S)
        if limits.daily_tokens is not None:
            name = account.day(day)
            before = storage.get(name)
            if before + tokens > limits.daily_tokens:
                raise budget_spent(limits.daily_tokens, tokens, before, DAY_S - wall % DAY_S)
        figures: Headers = []
        if limits.tpm is not None:
            window = storage.window(account.tokens)
            if not window.take(second, limits.tpm, MINUTE_S, tokens):
                raise self._no_tokens(account, limits.tpm, tokens)
            left_s = window.start(self._now) + MINUTE_S - self._now
            figures = token_figures(limits.tpm, window.total, left_s)
        if limits.rpm is not None:
            window = storage.window(account.requests)
            if not window.take(second, limits.rpm, MINUTE_S, 1):
                if limits.tpm is not None:
                    storage.take_back(account.tokens, second, tokens)
                raise too_many_requests(limits.rpm, storage.free_in(account.requests, 1, MINUTE_S))
            left_s = window.start(self._now) + MINUTE_S - self._now
            figures = request_figures(limits.rpm, window.total, left_s) + figures
        if limits.daily_tokens is not None:
            storage.incr(name, DAY_S, tokens)
        account.at_once += 1
        return Reservation(key, tokens, second, day, figures)

    async def settle(self, reservation: Reservation, used: int) -> None:
        if reservation.settled:
            return
        reservation.settled = True
        self._now = self._clock()
        limits, storage = reservation.key.limits, self._storage
        account = self._accounts[reservation.key.owner]
        account.at_once -= 1
        if not used and limits.rpm is not None:
            storage.take_back(account.requests, reservation.second, 1)
        difference = used - reservation.tokens
        if limits.tpm is not None:
            if difference < 0:
                storage.take_back(account.tokens, reservation.second, -difference)
            elif difference:
                window = storage.window(account.tokens)
                window.take(int(self._now), sys.maxsize, MINUTE_S, difference)
        if limits.daily_tokens is not None:
            storage.incr(account.day(reservation.day), DAY_S, difference)

    async def wants_today(self) -> bool:
        return not self._knows_today

    async def seed_today(self, tokens_by_owner: dict[str, int]) -> None:
        self._now, self._knows_today = self._clock(), True
        day = int(self._wall() // DAY_S)
        for owner, tokens in tokens_by_owner.items():
            name = _Account(owner).day(day)
            self._storage.incr(name, DAY_S, max(0, tokens - self._storage.get(name)))

    def tidy(self) -> None:
        self._now = self._clock()
        self._storage.forget_ended(MINUTE_S)
        self._accounts = {
            owner: account for owner, account in self._accounts.items() if account.at_once
        }

    def __repr__(self) -> str:
        return f"<MemoryLimits [{len(self._accounts)} people, {self._storage!r}]>"

    def _no_tokens(self, account: _Account, limit: int, tokens: int) -> RateLimited:
        _, taken = self._storage.get_moving_window(account.tokens, limit, MINUTE_S)
        missing = taken + tokens - limit
        wait_s = self._storage.free_in(account.tokens, missing, MINUTE_S)
        return too_many_tokens(limit, tokens, taken, wait_s)
