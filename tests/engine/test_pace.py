"""The pace of streamed answers, on a clock of the test's own and on the wire."""

from __future__ import annotations

import pytest

from engine.pace import Pace
from tests.engine.asking import MESSAGES, Q8, TO_THE_LIMIT, client
from tests.running import Service


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_token_goes_at_once_and_the_rest_at_the_pace() -> None:
    clock = Clock()
    pace = Pace(40, clock)
    delays = []
    for _ in range(4):
        delays.append(pace.delay_s(1))
        clock.now += delays[-1]
    assert delays == pytest.approx([0, 0.025, 0.025, 0.025])


def test_after_a_stall_nothing_bursts() -> None:
    clock = Clock()
    pace = Pace(40, clock)
    pace.delay_s(1)
    clock.now += 60
    assert pace.delay_s(1) == 0
    assert pace.delay_s(1) == pytest.approx(0.025)


def test_events_without_text_do_not_wait() -> None:
    pace = Pace(1, Clock())
    assert [pace.delay_s(1), pace.delay_s(0)] == [0, 0]


def test_zero_means_as_fast_as_it_can() -> None:
    pace = Pace(0, Clock())
    assert [pace.delay_s(1) for _ in range(3)] == [0, 0, 0]


def test_a_stream_is_delivered_piece_by_piece(engine: Service) -> None:
    """No two tokens share an HTTP chunk: they are sent one after another, as they are let go."""
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 8, "stream": True} | TO_THE_LIMIT
    with client(engine) as http, http.stream("POST", "/v1/chat/completions", json=body) as answer:
        parts = [part for part in answer.iter_raw() if b'"content":"' in part]
    assert len(parts) >= 8
