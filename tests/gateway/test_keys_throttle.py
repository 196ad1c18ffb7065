"""The throttle of failed keys: who is slowed down, how long, and how much it remembers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.failure_throttle import FailureThrottle


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def failures(throttle: FailureThrottle, address: str, count: int) -> list[int]:
    return [throttle.failed(address) for _ in range(count)]


def test_some_failures_pass_then_the_wait_is_told(clock: Clock) -> None:
    throttle = FailureThrottle(burst=3, refill_per_s=0.5, clock=clock)
    assert failures(throttle, "192.0.2.1", 5) == [0, 0, 0, 2, 2]
    assert failures(throttle, "192.0.2.2", 1) == [0]


def test_who_waits_as_told_is_answered(clock: Clock) -> None:
    throttle = FailureThrottle(burst=1, refill_per_s=0.5, clock=clock)
    assert failures(throttle, "192.0.2.1", 2) == [0, 2]
    clock.now += 2
    assert failures(throttle, "192.0.2.1", 2) == [0, 2]


def test_an_allowance_does_not_grow_for_ever(clock: Clock) -> None:
    throttle = FailureThrottle(burst=2, refill_per_s=1, clock=clock)
    throttle.failed("192.0.2.1")
    clock.now += 1e6
    assert failures(throttle, "192.0.2.1", 3) == [0, 0, 1]


def test_an_ipv6_network_is_one_address(clock: Clock) -> None:
    throttle = FailureThrottle(burst=1, refill_per_s=1, clock=clock)
    assert throttle.failed("2001:db8::1") == 0
    assert throttle.failed("2001:db8::ffff:2") == 1
    assert throttle.failed("2001:db8:0:1::1") == 0
    assert throttle.failed("::ffff:192.0.2.1") == 0
    assert throttle.failed("192.0.2.1") == 1


@pytest.mark.parametrize("address", ["", "unix", "fe80::1%eth0", "not an address"])
def test_an_odd_address_is_counted_too(clock: Clock, address: str) -> None:
    throttle = FailureThrottle(burst=1, refill_per_s=1, clock=clock)
    assert failures(throttle, address, 2) == [0, 1]


@settings(deadline=None)
@given(st.lists(st.ip_addresses().map(str), max_size=60))
def test_its_memory_is_bounded(addresses: list[str]) -> None:
    throttle = FailureThrottle(max_addresses=7, clock=Clock())
    for address in addresses:
        throttle.failed(address)
        assert len(throttle) <= 7
    assert repr(throttle) == f"<FailureThrottle [{len(throttle)} addresses]>"


def test_the_quietest_is_forgotten_first(clock: Clock) -> None:
    throttle = FailureThrottle(burst=1, refill_per_s=0.1, max_addresses=2, clock=clock)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
        throttle.failed(address)
    assert throttle.failed("192.0.2.1") > 0
    assert throttle.failed("192.0.2.2") == 0
