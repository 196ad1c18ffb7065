"""Which model server is asked: the breaker's states and the order of choice, without a network."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.balance import BEGINNINGS, CLEARLY_BUSIER, MAX_BEGINNINGS, Beginnings, Load, in_order
from gateway.breaker import FAILURES, FIRST_WAIT_S, LONGEST_WAIT_S, Breaker, State

LOADS = st.lists(
    st.builds(
        Load, st.sampled_from("abcdefgh"), st.integers(0, 50), st.integers(min_value=0, max_value=8)
    ),
    min_size=1,
    unique_by=lambda load: load.name,
)


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(0.0)
    return breaker


def test_a_few_failures_in_a_row_open_it_and_an_answer_between_does_not() -> None:
    breaker = Breaker()
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed(0.0)
        breaker.succeeded()
    assert breaker.state(0.0) is State.CLOSED
    assert opened().state(0.0) is State.OPEN
    assert not opened().admits(0.0)


def test_when_the_wait_is_over_one_request_tries() -> None:
    breaker = opened()
    assert not breaker.admits(FIRST_WAIT_S - 0.01)
    assert breaker.admits(FIRST_WAIT_S)
    breaker.begin(FIRST_WAIT_S)
    assert not breaker.admits(FIRST_WAIT_S)
    breaker.succeeded()
    assert breaker.state(FIRST_WAIT_S) is State.CLOSED


def test_each_trial_that_fails_doubles_the_wait_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        began = now
        while not breaker.admits(now):
            now += 0.5
        waits.append(now - began)
        breaker.begin(now)
        breaker.failed(now)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(waits) == LONGEST_WAIT_S


def test_a_trial_of_which_nothing_is_heard_does_not_close_the_door_for_ever() -> None:
    breaker = opened()
    breaker.begin(FIRST_WAIT_S)
    assert not breaker.admits(FIRST_WAIT_S + LONGEST_WAIT_S - 0.1)
    assert breaker.admits(FIRST_WAIT_S + LONGEST_WAIT_S)


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["begin", "well", "badly"]))))
def test_whatever_happens_it_can_close_again(events: list[tuple[float, str]]) -> None:
    breaker, now = Breaker(), 0.0
    for wait, event in events:
        now += wait
        if event == "begin":
            breaker.begin(now)
        elif event == "well":
            breaker.succeeded()
            assert breaker.state(now) is State.CLOSED
        else:
            breaker.failed(now)
    assert breaker.admits(now + 2 * LONGEST_WAIT_S)


@given(LOADS)
def test_everybody_is_tried_once_the_least_loaded_first(loads: list[Load]) -> None:
    shares = {load.name: load.share for load in loads}
    order = in_order(loads, None)
    assert sorted(order) == sorted(shares)
    assert [shares[name] for name in order] == sorted(shares.values())


@given(LOADS)
def test_a_conversation_stays_unless_its_server_is_clearly_busier(loads: list[Load]) -> None:
    favourite = loads[0]
    least = min(load.share for load in loads)
    stays = in_order(loads, favourite.name)[0] == favourite.name
    assert stays == (favourite.share <= least + CLEARLY_BUSIER)


def test_a_favourite_that_is_gone_changes_nothing() -> None:
    assert in_order([Load("b", 1, 4), Load("c", 0, 4)], "a") == ["c", "b"]


def test_a_grown_conversation_goes_to_who_read_its_beginning() -> None:
    beginnings = Beginnings()
    begun = b"x" * BEGINNINGS[-1]
    beginnings.remember(begun, "desk")
    assert beginnings.server_of(begun + b"more") == "desk"
    assert beginnings.server_of(b"y" + begun) is None
    assert beginnings.server_of(begun[:-1]) is None
    longer = begun + b"a" * BEGINNINGS[1]
    beginnings.remember(longer, "gpu")
    beginnings.remember(begun + b"b" * BEGINNINGS[1], "desk")
    assert beginnings.server_of(longer + b"!") == "gpu"


def test_old_beginnings_are_forgotten() -> None:
    beginnings = Beginnings()
    for number in range(MAX_BEGINNINGS + 10):
        beginnings.remember(b"%08d" % number * (BEGINNINGS[-1] // 8), "desk")
    assert f"[{MAX_BEGINNINGS}]" in repr(beginnings)
    assert beginnings.server_of(b"00000000" * (BEGINNINGS[-1] // 8)) is None
