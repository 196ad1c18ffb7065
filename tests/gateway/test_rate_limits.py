"""Limits are exact under a burst, refused calls cost nothing, the true usage is booked.

The same in memory and on a real Valkey: a test here says nothing of one that the other does not do.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from gateway.error_shape import body_of, headers_of
from gateway.errors import Protocol, RateLimited
from gateway.keys import DEFAULT_SCOPES, Key, KeyLimits
from gateway.limit_store import open_limits
from gateway.rate_limits import RateLimits, Reservation

_numbers = itertools.count(1)


def key_with(**limits: int) -> Key:
    """A key of somebody whom no other test knows."""
    name = f"person{next(_numbers)}"
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


@pytest.fixture(params=["memory", "valkey"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[RateLimits]:
    in_memory = request.param == "memory"
    async with open_limits(
        "memory://" if in_memory else request.getfixturevalue("valkey").url
    ) as opened:
        yield opened


async def burst(limits: RateLimits, key: Key, count: int, tokens: int) -> list[Reservation]:
    """`count` calls at once; the ones that passed."""
    results = await asyncio.gather(
        *(limits.reserve(key, tokens) for _ in range(count)), return_exceptions=True
    )
    assert all(isinstance(result, Reservation | RateLimited) for result in results)
    return [result for result in results if isinstance(result, Reservation)]


async def refusal(limits: RateLimits, key: Key, tokens: int) -> RateLimited:
    """The refusal of a call that must not pass."""
    with pytest.raises(RateLimited) as refused:
        await limits.reserve(key, tokens)
    return refused.value


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
    key = key_with(**setting)
    assert len(await burst(limits, key, 500, tokens)) == passed


async def test_a_refused_call_costs_nothing(limits: RateLimits) -> None:
    key = key_with(rpm=2, tpm=100, daily_tokens=1000, concurrency=9)
    for _ in range(10):
        await refusal(limits, key, 101)
    reservations = await burst(limits, key, 10, 10)
    assert len(reservations) == 2
    assert dict(reservations[-1].headers)[b"x-ratelimit-remaining-tokens"] == b"80"


async def test_a_place_is_free_when_its_request_has_ended(limits: RateLimits) -> None:
    key = key_with(concurrency=2)
    for used in (0, 1, 20):
        reservations = await burst(limits, key, 5, 10)
        assert len(reservations) == 2
        for reservation in reservations:
            await limits.settle(reservation, used)
            await limits.settle(reservation, used)  # a second time changes nothing


async def test_who_never_reached_the_model_server_paid_nothing(limits: RateLimits) -> None:
    key = key_with(rpm=1, tpm=10, daily_tokens=10)
    for _ in range(3):
        await limits.settle(await limits.reserve(key, 10), 0)
    await limits.settle(await limits.reserve(key, 10), 10)
    await refusal(limits, key, 1)


async def test_what_was_not_used_is_given_back(limits: RateLimits) -> None:
    for key in (key_with(tpm=100), key_with(daily_tokens=100)):
        first = await limits.reserve(key, 90)
        await refusal(limits, key, 20)
        await limits.settle(first, 10)
        await limits.settle(first, 10)
        await limits.reserve(key, 90)
        await refusal(limits, key, 1)


async def test_who_used_more_than_reserved_has_less_left(limits: RateLimits) -> None:
    for key in (key_with(tpm=100), key_with(daily_tokens=100)):
        await limits.settle(await limits.reserve(key, 10), 95)
        await refusal(limits, key, 10)
        await limits.reserve(key, 5)


async def test_a_key_without_limits_is_never_refused(limits: RateLimits) -> None:
    reservations = await burst(limits, key_with(), 50, 1_000_000)
    assert len(reservations) == 50
    assert all(reservation.headers == [] for reservation in reservations)
    for reservation in reservations:
        await limits.settle(reservation, 1)


async def test_one_key_does_not_use_up_anothers_limit(limits: RateLimits) -> None:
    for _ in range(2):
        assert len(await burst(limits, key_with(rpm=3, daily_tokens=3), 10, 1)) == 3


async def test_the_days_usage_is_counted_once_and_never_lowered(limits: RateLimits) -> None:
    key = key_with(daily_tokens=100)
    await limits.seed_today({key.owner: 60})
    assert not await limits.wants_today()
    await limits.seed_today({key.owner: 60})
    await limits.reserve(key, 30)
    await limits.seed_today({key.owner: 60})
    await refusal(limits, key, 11)
    await limits.reserve(key, 10)


async def test_a_spent_budget_says_so(limits: RateLimits) -> None:
    key = key_with(daily_tokens=100)
    await limits.seed_today({key.owner: 95})
    refused = await refusal(limits, key, 10)
    assert body_of(refused, Protocol.OPENAI)["error"]["code"] == "insufficient_quota"
    assert "95 are taken" in refused.message
    now = datetime.now(UTC)
    to_midnight = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
    assert abs(int(headers_of(refused)["retry-after"]) - to_midnight) < 60


async def test_the_refusal_says_when_to_come_back(limits: RateLimits) -> None:
    key = key_with(rpm=1, tpm=50)
    reservation = await limits.reserve(key, 20)
    figures = dict(reservation.headers)
    assert re.fullmatch(rb"(60|61)s", figures.pop(b"x-ratelimit-reset-requests"))
    assert re.fullmatch(rb"(60|61)s", figures.pop(b"x-ratelimit-reset-tokens"))
    assert figures == {
        b"x-ratelimit-limit-requests": b"1",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-limit-tokens": b"50",
        b"x-ratelimit-remaining-tokens": b"30",
    }
    for tokens, kind, left in ((1, b"requests", b"0"), (40, b"tokens", b"30")):
        refused = await refusal(limits, key, tokens)
        assert 55 <= int(headers_of(refused)["retry-after"]) <= 61
        figures = dict(refused.figures)
        assert figures[b"x-ratelimit-remaining-" + kind] == left
        assert figures[b"x-ratelimit-reset-" + kind] in (b"60s", b"61s")


async def test_what_can_never_fit_names_no_time(limits: RateLimits) -> None:
    for key in (key_with(tpm=50), key_with(daily_tokens=50)):
        refused = await refusal(limits, key, 51)
        assert "retry-after" not in headers_of(refused)
        assert "max_tokens" in refused.message
