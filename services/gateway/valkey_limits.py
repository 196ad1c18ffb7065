"""The limits of all gateways that share one Valkey (or Redis), counted there.

Owns what a gateway remembers of its running requests: each holds a lease, renewed while it runs, so
that the places of a gateway that crashed come free by themselves. What is counted, and how, is
`limit_scripts`'s matter. While the store is away a key with limits gets `LimitsAway`: 503, never
unlimited.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections import defaultdict, deque
from types import TracebackType
from typing import Any, Self

from gateway.errors import LimitsAway, RateLimited
from gateway.keys import NO_LIMITS, Key
from gateway.limit_scripts import (
    IS_SEEDED,
    NOTE_SEEDED,
    RENEW,
    RESERVE,
    SEED,
    SEEDED_KEY,
    SETTLE,
    owner_keys,
)
from gateway.rate_limits import (
    Headers,
    Reservation,
    budget_spent,
    request_figures,
    token_figures,
    too_many_at_once,
    too_many_requests,
    too_many_tokens,
)
from gateway.valkey_line import Call, ValkeyLine

LEASE_S = 30.0
# What could not be booked while the store was away is sent again; more than so much is let go.
OWED_EVERY_S = 0.5
MAX_OWED = 10_000
log = logging.getLogger(__name__)


class ValkeyLimits:
    """`RateLimits` shared by gateways. `url` as the `valkey` client reads it."""

    def __init__(self, url: str, lease_s: float = LEASE_S) -> None:
        self._line = ValkeyLine(url)
        self._lease_s = lease_s
        self._lease_ms = int(lease_s * 1000)
        self._stem = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._running: dict[str, str] = {}  # id of a reservation -> owner
        self._owed: deque[Call] = deque(maxlen=MAX_OWED)
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self._line.__aexit__()

    async def reserve(self, key: Key, tokens: int) -> Reservation:
        if key.limits == NO_LIMITS:  # nothing to count
            return Reservation(key, tokens, 0, 0, [], settled=True)
        id_ = f"{self._stem}{next(self._numbers):x}"
        limits = key.limits
        bounds = (limits.concurrency, limits.rpm, limits.tpm, limits.daily_tokens)
        arguments = (id_, self._lease_ms, tokens, *("" if b is None else b for b in bounds))
        asked = self._line.call(Call(RESERVE, owner_keys(key.owner), arguments))
        undo = _settling(key, id_, self._lease_ms, "", "", tokens, 0)
        try:
            answer = await asyncio.shield(asked)
        except asyncio.CancelledError:  # the caller left; the script runs all the same
            asked.add_done_callback(lambda _: self._book(undo))
            raise
        except LimitsAway:
            self._owed.append(undo)  # it may have run: its answer is what did not come
            raise
        if answer[0] != b"taken":
            raise _refusal(key, tokens, *answer)
        _, second, day, *figures = answer
        self._running[id_] = key.owner
        return Reservation(key, tokens, second, day, _headers(key, *figures), id_)

    async def settle(self, reservation: Reservation, used: int) -> None:
        if reservation.settled:
            return
        reservation.settled = True
        self._running.pop(reservation.id, None)
        booked = self._book(
            _settling(
                reservation.key,
                reservation.id,
                self._lease_ms,
                reservation.second,
                reservation.day,
                reservation.tokens,
                used,
            )
        )
        await asyncio.wait((booked,))  # a caller who leaves now does not undo it

    async def wants_today(self) -> bool:
        try:
            return bool(await self._line.call(Call(IS_SEEDED, (SEEDED_KEY,), ())) == 0)
        except LimitsAway:
            return False  # asked again soon

    async def seed_today(self, tokens_by_owner: dict[str, int]) -> None:
        calls = [
            Call(SEED, (owner_keys(owner)[3],), (tokens,))
            for owner, tokens in tokens_by_owner.items()
        ]
        try:
            await asyncio.gather(*map(self._line.call, calls))
            await self._line.call(Call(NOTE_SEEDED, (SEEDED_KEY,), ()))
        except LimitsAway:
            log.warning("the day's usage is not counted yet: the store of the limits is away")

    def tidy(self) -> None:
        """Nothing to do: in the store everything ends by itself."""

    def _book(self, call: Call) -> asyncio.Future[Any]:
        """Sends what must not be lost: again later when it cannot be sent now."""

        def keep(done: asyncio.Future[Any]) -> None:
            if done.exception() is not None:
                self._owed.append(call)

        sent = self._line.call(call)
        sent.add_done_callback(keep)
        return sent

    async def _renew(self) -> None:
        every_s = self._lease_s / 3
        renewed_at = time.monotonic()
        while True:
            await asyncio.sleep(min(OWED_EVERY_S, every_s))
            for _ in range(len(self._owed)):
                self._book(self._owed.popleft())
            if time.monotonic() - renewed_at >= every_s:
                renewed_at = time.monotonic()
                self._renew_leases()

    def _renew_leases(self) -> None:
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for id_, owner in self._running.items():
            ids[owner].append(id_)
        for owner, own in ids.items():
            self._line.call(Call(RENEW, owner_keys(owner)[:1], (self._lease_ms, *own)))

    def __repr__(self) -> str:
        return f"<ValkeyLimits [{len(self._running)} running, {len(self._owed)} owed]>"


def _settling(
    key: Key, id_: str, lease_ms: int, second: int | str, day: int | str, tokens: int, used: int
) -> Call:
    limits = key.limits
    taken = ["" if b is None else "1" for b in (limits.rpm, limits.tpm, limits.daily_tokens)]
    return Call(SETTLE, owner_keys(key.owner), (id_, lease_ms, second, day, tokens, used, *taken))


def _refusal(key: Key, tokens: int, which: bytes, taken: int, wait_ms: int) -> RateLimited:
    limits, wait_s = key.limits, wait_ms / 1000
    if which == b"at_once":
        return too_many_at_once(limits.concurrency or 0)
    if which == b"requests":
        return too_many_requests(limits.rpm or 0, wait_s)
    if which == b"tokens":
        return too_many_tokens(limits.tpm or 0, tokens, taken, wait_s)
    return budget_spent(limits.daily_tokens or 0, tokens, taken, wait_s)


def _headers(key: Key, requests: int, requests_ms: int, tokens: int, tokens_ms: int) -> Headers:
    headers: Headers = []
    if key.limits.rpm is not None:
        headers += request_figures(key.limits.rpm, requests, requests_ms / 1000)
    if key.limits.tpm is not None:
        headers += token_figures(key.limits.tpm, tokens, tokens_ms / 1000)
    return headers
