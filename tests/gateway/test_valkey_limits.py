"""Limits that gateways share: exact across them, and what happens when the store or one dies."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from valkey import Valkey

from gateway.errors import LimitsAway, status_of
from gateway.keys import Key
from gateway.rate_limits import Reservation
from gateway.valkey_limits import ValkeyLimits
from tests.gateway.test_rate_limits import burst, key_with, refusal
from tests.gateway.test_upstream_tls import make_certificate
from tests.running import wait_until
from tests.state_servers import StateServer, valkey_server

SHORT_LEASE_S = 2.0


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[StateServer]:
    """A Valkey that the test may stop."""
    with valkey_server(tmp_path) as server:
        yield server


@asynccontextmanager
async def gateways(url: str, lease_s: float = 30.0) -> AsyncIterator[list[ValkeyLimits]]:
    """The limits of two gateways."""
    async with ValkeyLimits(url, lease_s) as one, ValkeyLimits(url, lease_s) as other:
        yield [one, other]


async def until(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


def open_places(server: StateServer, owner: str) -> int:
    """How many requests of a person the store believes to run."""
    with Valkey.from_url(server.url) as client:
        now_ms = time.time() * 1000
        return int(client.zcount(f"lectern:limits:{{{owner}}}:open", now_ms, "+inf"))


@pytest.mark.parametrize(
    ("setting", "tokens", "passed"),
    [
        ({"rpm": 60}, 1, 60),
        ({"tpm": 1000}, 10, 100),
        ({"concurrency": 7}, 1, 7),
        ({"daily_tokens": 95}, 10, 9),
    ],
)
async def test_a_burst_over_two_gateways_does_not_pass_a_limit(
    valkey: StateServer, setting: dict[str, int], tokens: int, passed: int
) -> None:
    key = key_with(**setting)
    async with gateways(valkey.url) as both:
        results = await asyncio.gather(*(burst(each, key, 250, tokens) for each in both))
        assert sum(map(len, results)) == passed


async def test_the_places_of_a_crashed_gateway_come_free(valkey: StateServer) -> None:
    key = key_with(concurrency=3)
    async with ValkeyLimits(valkey.url, SHORT_LEASE_S) as alive:
        await alive.reserve(key, 1)
        async with ValkeyLimits(valkey.url, SHORT_LEASE_S) as crashing:
            assert len(await burst(crashing, key, 10, 1)) == 2
        # It has ended without settling anything, as a crash would end it.
        await until(lambda: open_places(valkey, key.owner) == 1, "the leases to end")
        assert len(await burst(alive, key, 10, 1)) == 2


async def test_a_request_that_runs_long_keeps_its_place(valkey: StateServer) -> None:
    key = key_with(concurrency=1)
    async with gateways(valkey.url, SHORT_LEASE_S) as (one, other):
        running = await one.reserve(key, 1)
        began = time.monotonic()
        while time.monotonic() < began + 2 * SHORT_LEASE_S:
            await refusal(other, key, 1)
            await asyncio.sleep(0.05)  # not to wait for something: to look again and again
        await one.settle(running, 1)
        await other.settle(await other.reserve(key, 1), 1)


async def test_a_store_that_is_away_refuses_and_comes_back_by_itself(
    own_valkey: StateServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key = key_with(rpm=3)
    async with ValkeyLimits(own_valkey.url) as limits:
        await limits.reserve(key, 1)
        own_valkey.stop(signal.SIGKILL)
        with pytest.raises(LimitsAway) as away:
            await limits.reserve(key, 1)
        assert status_of(away.value) == 503
        await limits.reserve(key_with(), 1)  # who has no limits needs no store
        own_valkey.start()
        await until_answered(limits)
        assert len(await burst(limits, key, 10, 1)) == 2, "what was counted is still there"
    assert [record.levelname for record in caplog.records if "store" in record.message] == [
        "ERROR",
        "INFO",
    ]


async def until_answered(limits: ValkeyLimits) -> None:
    """Waits until the store is asked again."""
    async with asyncio.timeout(60):
        while True:
            try:
                await limits.reserve(key_with(rpm=1), 1)
            except LimitsAway:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_store_that_hangs_is_waited_for_a_bounded_time(own_valkey: StateServer) -> None:
    key = key_with(rpm=1000)
    async with ValkeyLimits(own_valkey.url) as limits:
        await limits.reserve(key, 1)
        with own_valkey.frozen():
            async with asyncio.timeout(60):
                results = await asyncio.gather(
                    *(limits.reserve(key, 1) for _ in range(200)), return_exceptions=True
                )
            assert {type(result) for result in results} == {LimitsAway}
        await until_answered(limits)
        # Frozen, it got the calls; thawed, it ran them. They were answered 503 and cost nothing.
        await until_left(limits, key, b"998")


async def until_left(limits: ValkeyLimits, key: Key, requests: bytes) -> None:
    """Waits until a further request sees so many left."""
    async with asyncio.timeout(60):
        while True:
            looking = await limits.reserve(key, 1)
            await limits.settle(looking, 0)
            if dict(looking.headers)[b"x-ratelimit-remaining-requests"] == requests:
                return
            await asyncio.sleep(0.05)


async def test_what_ends_while_the_store_is_away_is_booked_later(own_valkey: StateServer) -> None:
    key = key_with(tpm=100, concurrency=1)
    async with ValkeyLimits(own_valkey.url) as limits:
        running = await limits.reserve(key, 80)
        own_valkey.stop(signal.SIGKILL)
        async with asyncio.timeout(60):
            await limits.settle(running, 30)
        own_valkey.start()
        await until(lambda: open_places(own_valkey, key.owner) == 0, "the place to come free")
        await until_answered(limits)
        reservation = await limits.reserve(key, 1)
        assert dict(reservation.headers)[b"x-ratelimit-remaining-tokens"] == b"69"


async def test_what_was_booked_without_an_answer_is_not_booked_twice(
    own_valkey: StateServer,
) -> None:
    key = key_with(tpm=100)
    async with ValkeyLimits(own_valkey.url) as limits:
        running = await limits.reserve(key, 80)
        with own_valkey.frozen():  # thawed, it runs what it got
            await limits.settle(running, 30)
            assert "1 owed" in repr(limits)
        await until_answered(limits)
        await until(lambda: "0 owed" in repr(limits), "it to be sent again")
        await limits.wants_today()  # calls are run in order
        reservation = await limits.reserve(key, 1)
        assert dict(reservation.headers)[b"x-ratelimit-remaining-tokens"] == b"69"


async def test_a_store_that_lost_its_memory_learns_again(own_valkey: StateServer) -> None:
    key = key_with(concurrency=1)
    async with ValkeyLimits(own_valkey.url, SHORT_LEASE_S) as limits:
        assert await limits.wants_today()
        await limits.seed_today({})
        assert not await limits.wants_today()
        await limits.reserve(key, 1)
        with Valkey.from_url(own_valkey.url) as client:
            client.flushall()
            client.script_flush()
        assert await limits.wants_today()
        await until(lambda: open_places(own_valkey, key.owner) == 1, "the running one to be known")
        await refusal(limits, key, 1)


async def test_who_leaves_while_limits_are_asked_for_leaves_nothing_taken(
    valkey: StateServer,
) -> None:
    key = key_with(concurrency=5, rpm=5, tpm=5, daily_tokens=5)
    async with ValkeyLimits(valkey.url) as limits:
        for _ in range(20):
            leaving = asyncio.create_task(limits.reserve(key, 1))
            await asyncio.sleep(0)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        await limits.wants_today()  # calls are run in order: by now all have been undone
        await limits.wants_today()
        assert open_places(valkey, key.owner) == 0
        assert len(await burst(limits, key, 10, 1)) == 5


async def test_a_settlement_outlives_the_caller_who_left(valkey: StateServer) -> None:
    key = key_with(concurrency=1, tpm=100)
    async with ValkeyLimits(valkey.url) as limits:
        running = await limits.reserve(key, 100)
        ending = asyncio.create_task(limits.settle(running, 40))
        await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        reservation: Reservation = await limits.reserve(key, 60)
        await limits.settle(reservation, 60)


async def test_a_wrong_password_is_no_free_pass_and_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with valkey_server(tmp_path, "--requirepass", "right-one") as server:
        for password in ("canary-secret", "right-one"):
            url = server.url.replace("//", f"//:{password}@")
            async with ValkeyLimits(url) as limits:
                if password == "right-one":
                    assert len(await burst(limits, key_with(rpm=1), 3, 1)) == 1
                else:
                    with pytest.raises(LimitsAway) as away:
                        await limits.reserve(key_with(rpm=1), 1)
                    assert password not in str(away.value)
                assert password not in repr(limits)
    assert "canary-secret" not in caplog.text
    assert "right-one" not in caplog.text


async def test_tls_takes_only_a_certificate_that_is_trusted_and_names_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    with valkey_server(tmp_path, certificate=certificate) as server:
        url = f"valkeys://localhost:{server.port}"
        assert await passes(f"{url}/0?ssl_ca_certs={certificate[0]}")
        assert not await passes(url), "nobody vouches for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert await passes(url.replace("valkeys", "rediss"))
        assert not await passes(url.replace("localhost", "127.0.0.1")), "another name"


async def passes(url: str) -> bool:
    """Whether limits can be counted there."""
    async with ValkeyLimits(url) as limits:
        try:
            await limits.reserve(key_with(rpm=1), 1)
        except LimitsAway:
            return False
        return True
