"""Limits in memory as time goes by; the moving window held against an exact one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from gateway.error_shape import headers_of
from gateway.errors import RateLimited
from gateway.memory_limits import MemoryLimits
from gateway.moving_window import LoopStorage
from gateway.rate_limits import DAY_S
from tests.gateway.test_rate_limits import key_with


class Clock:
    """A clock that stands still until it is moved, in seconds."""

    def __init__(self, now: float = 1000.5) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), min_size=1, max_size=60),
)
def test_no_minute_holds_more_than_its_limit(limit: int, hits: list[tuple[float, int]]) -> None:
    """Never over in any 60 s; and never refused what an exact window of 61 s lets pass."""
    clock = Clock()
    storage = LoopStorage(clock)
    taken: list[tuple[float, int]] = []
    for pause, amount in hits:
        clock.now += pause
        recent = {
            length: sum(count for at, count in taken if at > clock.now - length)
            for length in (60, 61)
        }
        if storage.acquire_entry("ana", limit, 60, amount):
            assert recent[60] + amount <= limit
            taken.append((clock.now, amount))
        else:
            assert recent[61] + amount > limit


def test_the_librarys_own_strategies_work_on_the_storage() -> None:
    clock = Clock()
    storage = LoopStorage(clock)
    item = RateLimitItemPerMinute(3)
    for strategy in (MovingWindowRateLimiter(storage), FixedWindowRateLimiter(storage)):
        name = type(strategy).__name__
        assert [strategy.hit(item, name) for _ in range(4)] == [True] * 3 + [False]
        assert strategy.get_window_stats(item, name).remaining == 0
        clock.now += 61
        assert strategy.hit(item, name)
    assert storage.check()
    assert storage.reset()


async def test_the_stated_time_is_the_one_after_which_it_fits() -> None:
    clock = Clock()
    limits, key = MemoryLimits(clock), key_with(tpm=100, rpm=10)
    for _ in range(3):
        await limits.reserve(key, 30)
        clock.now += 7
    with pytest.raises(RateLimited) as refused:
        await limits.reserve(key, 70)  # waits for the first two
    wait_s = int(headers_of(refused.value)["retry-after"])
    clock.now += wait_s - 1.5
    with pytest.raises(RateLimited):
        await limits.reserve(key, 70)
    clock.now += 1.5
    await limits.reserve(key, 70)


async def test_a_new_day_begins_with_a_full_budget() -> None:
    wall = Clock(20_000 * DAY_S - 10)
    limits, key = MemoryLimits(wall=wall), key_with(daily_tokens=100)
    running = await limits.reserve(key, 100)
    with pytest.raises(RateLimited) as refused:
        await limits.reserve(key, 1)
    assert headers_of(refused.value) == {"retry-after": "10"}
    wall.now += 11
    await limits.reserve(key, 100)
    await limits.settle(running, 200)  # counts where it began
    with pytest.raises(RateLimited):
        await limits.reserve(key, 1)


async def test_tokens_are_given_back_only_where_they_still_count() -> None:
    clock = Clock()
    limits, key = MemoryLimits(clock), key_with(tpm=100)
    long = await limits.reserve(key, 100)
    clock.now += 62
    other = await limits.reserve(key, 100)
    await limits.settle(long, 10)
    with pytest.raises(RateLimited):
        await limits.reserve(key, 1)
    await limits.settle(other, 40)
    await limits.reserve(key, 60)


async def test_what_counts_no_longer_is_let_go() -> None:
    clock = Clock()
    limits = MemoryLimits(clock)
    running = await limits.reserve(key_with(concurrency=1), 1)
    for _ in range(50):
        await limits.settle(await limits.reserve(key_with(rpm=1, daily_tokens=9), 1), 1)
    clock.now += DAY_S + 1
    limits.tidy()
    assert repr(limits) == "<MemoryLimits [1 people, 0 counters]>"
    await limits.settle(running, 1)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 80)), max_size=30))
def test_the_books_balance(calls: list[tuple[int, int]]) -> None:
    """Whatever is reserved and settled, what is left is the limit minus what was used."""

    async def life() -> None:
        limits, key = MemoryLimits(), key_with(tpm=2000)
        used = 0
        for reserve, use in calls:
            try:
                await limits.settle(await limits.reserve(key, reserve), use)
            except RateLimited:
                assert used + reserve > 2000
            else:
                used += use
        if used < 2000:
            await limits.reserve(key, 2000 - used)
        with pytest.raises(RateLimited):
            await limits.reserve(key, 1)

    asyncio.run(life())
