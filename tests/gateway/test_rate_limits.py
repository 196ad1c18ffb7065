"""Limits are exact under a burst, refused calls cost nothing, the true usage is booked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Protocol, RateLimited, body_of, headers_of
from gateway.keys import DEFAULT_SCOPES, Key, KeyLimits
from gateway.rate_limits import RateLimits, Reservation


def key_with(name: str = "ana", **limits: int) -> Key:
    return Key(
        public_id=name,
        name=name,
        digest=bytes(32),
        scopes=frozenset(DEFAULT_SCOPES),
        created_at=datetime.now(UTC),
        expires_at=None,
        revoked_at=None,
        limits=KeyLimits(**limits),
        owner=name,
        models=(),
        note="",
        created_by="",
        current=True,
    )


@pytest.fixture
def limits() -> RateLimits:
    return RateLimits("memory://")


async def burst(limits: RateLimits, key: Key, count: int, tokens: int) -> list[Reservation]:
    """`count` calls at once; the ones that passed."""
    results = await asyncio.gather(
        *(limits.reserve(key, tokens) for _ in range(count)), return_exceptions=True
    )
    assert all(isinstance(result, Reservation | RateLimited) for result in results)
    return [result for result in results if isinstance(result, Reservation)]


@pytest.mark.parametrize(
    ("setting", "tokens", "passed"),
    [
        ({"rpm": 60}, 1, 60),
        ({"tpm": 1000}, 10, 100),
        ({"concurrency": 7}, 1, 7),
        ({"daily_tokens": 95}, 10, 9),
        ({"rpm": 50, "tpm": 1000, "concurrency": 100}, 100, 10),
    ],
)
async def test_a_burst_of_500_does_not_pass_a_limit(
    limits: RateLimits, setting: dict[str, int], tokens: int, passed: int
) -> None:
    key = key_with("ana", **setting)
    assert len(await burst(limits, key, 500, tokens)) == passed


async def test_a_refused_call_costs_nothing(limits: RateLimits) -> None:
    key = key_with(rpm=2, tpm=100)
    for _ in range(10):
        with pytest.raises(RateLimited):
            await limits.reserve(key, 1000)  # too many tokens
    reservations = await burst(limits, key, 10, 10)
    assert len(reservations) == 2
    assert limits.at_once(key) == 2
    for reservation in reservations:
        await limits.settle(reservation, 10)
    assert limits.at_once(key) == 0


async def test_what_was_not_used_is_given_back(limits: RateLimits) -> None:
    key = key_with(tpm=100)
    first = await limits.reserve(key, 90)
    with pytest.raises(RateLimited):
        await limits.reserve(key, 20)
    await limits.settle(first, 10)
    await limits.settle(first, 0)  # a second time changes nothing
    await limits.reserve(key, 90)
    with pytest.raises(RateLimited):
        await limits.reserve(key, 1)


async def test_who_used_more_than_reserved_has_less_left(limits: RateLimits) -> None:
    key = key_with(tpm=100)
    await limits.settle(await limits.reserve(key, 10), 95)
    with pytest.raises(RateLimited):
        await limits.reserve(key, 10)


async def test_one_key_does_not_use_up_anothers_limit(limits: RateLimits) -> None:
    await burst(limits, key_with("ana", rpm=3), 10, 1)
    assert len(await burst(limits, key_with("bob", rpm=3), 10, 1)) == 3


async def test_a_restart_does_not_refill_the_day(limits: RateLimits) -> None:
    key = key_with(daily_tokens=100)
    await limits.seed_today({key.owner: 95})
    with pytest.raises(RateLimited) as refused:
        await limits.reserve(key, 10)
    body = body_of(refused.value, Protocol.OPENAI)
    assert body["error"]["code"] == "insufficient_quota"
    assert int(headers_of(refused.value)["retry-after"]) > 60


async def test_the_refusal_says_when_to_come_back(limits: RateLimits) -> None:
    key = key_with(rpm=1)
    reservation = await limits.reserve(key, 1)
    assert reservation.headers["x-ratelimit-limit-requests"] == "1"
    assert reservation.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(RateLimited) as refused:
        await limits.reserve(key, 1)
    assert 1 <= int(headers_of(refused.value)["retry-after"]) <= 60


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 80)), max_size=30))
def test_the_books_balance(calls: list[tuple[int, int]]) -> None:
    """Whatever is reserved and settled, what is left is the limit minus what was used."""

    async def life() -> None:
        limits, key = RateLimits("memory://"), key_with(tpm=2000)
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
