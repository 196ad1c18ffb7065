"""Which model server is asked: the breaker's states and the order of choice, without a network."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balance import CLEARLY_BUSIER, Load, in_order
from gateway.beginnings import BEGINNINGS, MAX_REMEMBERED, Beginning, Beginnings
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


def test_when_the_wait_is_over_it_may_be_tried_and_an_answer_closes_it() -> None:
    breaker = opened()
    assert breaker.state(FIRST_WAIT_S - 0.01) is State.OPEN
    assert breaker.state(FIRST_WAIT_S) is State.HALF_OPEN
    assert breaker.wait_s(0.4) == pytest.approx(FIRST_WAIT_S - 0.4)
    breaker.succeeded()
    assert breaker.state(FIRST_WAIT_S) is State.CLOSED


def test_each_trial_that_fails_doubles_the_wait_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        waits.append(breaker.wait_s(now))
        now += waits[-1]
        breaker.failed(now - 0.1)  # others failed before: they say nothing new
        breaker.failed(now)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(waits) == LONGEST_WAIT_S


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans())))
def test_whatever_happens_it_can_be_tried_again(events: list[tuple[float, bool]]) -> None:
    breaker, now = Breaker(), 0.0
    for wait, well in events:
        now += wait
        if well:
            breaker.succeeded()
            assert breaker.state(now) is State.CLOSED
        else:
            breaker.failed(now)
    assert breaker.state(now + 2 * LONGEST_WAIT_S) is not State.OPEN


@given(LOADS)
def test_everybody_is_tried_once_the_least_loaded_first(loads: list[Load]) -> None:
    keys = {load.name: (load.slots == 0, load.share) for load in loads}
    order = in_order(loads, None)
    assert sorted(order) == sorted(keys)
    assert [keys[name] for name in order] == sorted(keys.values())


@given(LOADS, st.data())
def test_no_request_waits_while_another_server_has_room(
    loads: list[Load], data: st.DataObject
) -> None:
    favourite = data.draw(st.none() | st.sampled_from([load.name for load in loads]))
    first = next(load for load in loads if load.name == in_order(loads, favourite)[0])
    assert not first.full or all(load.full for load in loads)


@given(LOADS)
def test_a_conversation_stays_unless_its_server_is_full_or_clearly_busier(
    loads: list[Load],
) -> None:
    favourite = loads[0]
    least = next(load for load in loads if load.name == in_order(loads, None)[0])
    stays = in_order(loads, favourite.name)[0] == favourite.name
    if favourite == least:
        assert stays
    elif favourite.full and not least.full:
        assert not stays
    else:
        assert stays == (favourite.share <= least.share + CLEARLY_BUSIER)


def test_a_favourite_that_is_gone_changes_nothing() -> None:
    assert in_order([Load("b", 1, 4), Load("c", 0, 4)], "a") == ["c", "b"]


def test_who_would_have_to_load_the_model_comes_last() -> None:
    assert in_order([Load("cold", 0, 0), Load("busy", 9, 4)], None) == ["busy", "cold"]


def body(*turns: str, system: str = "Be brief.", model: str = "m") -> bytes:
    roles = ("user", "assistant")
    said = [{"role": roles[n % 2], "content": text} for n, text in enumerate(turns)]
    messages = [{"role": "system", "content": system}, *said]
    return orjson.dumps({"model": model, "messages": messages, "stream": True})


def test_a_conversation_is_known_by_its_opening_whatever_follows() -> None:
    beginnings = Beginnings()
    beginnings.remember(Beginning(body("What is a token?")), "desk")
    beginnings.remember(Beginning(body("What is RAM?")), "gpu")
    grown = ("A piece of text.", "How long is one?")
    assert beginnings.server_of(Beginning(body("What is a token?", *grown))) == "desk"
    assert beginnings.server_of(Beginning(body("What is RAM?", *grown))) == "gpu"
    assert beginnings.server_of(Beginning(body("What is a byte?"))) is None
    assert beginnings.server_of(Beginning(body("What is RAM?", model="n"))) is None


def test_another_conversation_on_the_same_long_document_goes_where_it_was_read() -> None:
    beginnings = Beginnings()
    document = "All about lecterns. " * 1000
    beginnings.remember(Beginning(body("Who made it?", system=document)), "desk")
    assert beginnings.server_of(Beginning(body("When?", system=document))) == "desk"


def test_the_longest_beginning_that_is_known_counts() -> None:
    beginnings = Beginnings()
    begun = b"x" * BEGINNINGS[-1]
    beginnings.remember(Beginning(begun), "desk")
    assert beginnings.server_of(Beginning(begun + b"more")) == "desk"
    assert beginnings.server_of(Beginning(b"y" + begun)) is None
    assert beginnings.server_of(Beginning(begun[:-1])) is None
    longer = begun + b"a" * BEGINNINGS[1]
    beginnings.remember(Beginning(longer), "gpu")
    beginnings.remember(Beginning(begun + b"b" * BEGINNINGS[1]), "desk")
    assert beginnings.server_of(Beginning(longer + b"!")) == "gpu"


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"[]",
        b"{",
        b'{"messages": 1}',
        b'{"messages": [1, null]}',
        b'{"input": "hello"}',
        b'{"messages":[{"role":"user","content":' + b"[" * 1000 + b"]" * 1000 + b"}]}",
        b'{"previous_response_id": 7}',
    ],
)
def test_an_odd_body_does_no_harm(odd: bytes) -> None:
    assert Beginning(odd).previous == ""
    assert Beginnings().server_of(Beginning(odd)) is None


def test_what_a_body_goes_on_from_is_found_in_a_large_one_too() -> None:
    long = {"previous_response_id": "resp_1", "input": "x" * 1_000_000}
    assert Beginning(orjson.dumps(long)).previous == "resp_1"


def test_old_beginnings_are_forgotten() -> None:
    beginnings = Beginnings()
    for number in range(MAX_REMEMBERED + 10):
        beginnings.remember(Beginning(body(f"question {number}")), "desk")
    assert f"[{MAX_REMEMBERED}]" in repr(beginnings)
    assert beginnings.server_of(Beginning(body("question 0"))) is None
