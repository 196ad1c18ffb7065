"""The request log's other half: what runs or waits right now, and what a query leaves out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.test_requests import CHAT, PATH, SECRET, asking
from tests.running import wait_until

PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'


class Slow:
    """A model server that says three words, then nothing until `end` is set."""

    def __init__(self) -> None:
        self.begin, self.end = threading.Event(), threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        self.begin.wait(60)
        exchange.start_stream()
        for _ in range(3):
            exchange.chunk(PIECE)
        self.end.wait(60)
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end_stream()


@contextmanager
def slow_gateway(folder: Path) -> Iterator[tuple[Front, Slow]]:
    """With one slot."""
    slow = Slow()
    with (
        fault_upstream(slow) as upstream,
        gateway_before(upstream.url, folder, {"GATEWAY_SLOTS": "1"}) as front,
    ):
        try:
            yield front, slow
        finally:
            slow.begin.set()
            slow.end.set()


def asked(client: httpx.Client, model: str = "m") -> threading.Thread:
    """A question on its way."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": SECRET}]}
    how = {"json": body, "timeout": 60}
    thread = threading.Thread(target=client.post, args=(CHAT,), kwargs=how, daemon=True)
    thread.start()
    return thread


def running(client: httpx.Client, **params: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(PATH, params=params).json()["running"]
    return rows


def states(client: httpx.Client, **params: str) -> list[tuple[str, str, int | None]]:
    return [
        (row["key"], row["state"], row["position"])
        for row in running(client, looks="false", **params)
    ]


def test_what_runs_and_what_waits_is_told_while_it_does(folder: Path) -> None:
    with slow_gateway(folder) as (front, slow), ExitStack() as exits:
        bob = exits.enter_context(asking(front, "bob"))
        watcher = exits.enter_context(asking(front, "watcher", "requests:read"))
        first = asked(front.client)
        wait_until(lambda: states(watcher) == [("tests", "starting", None)], "the first")
        second = asked(bob)
        wait_until(
            lambda: states(watcher) == [("bob", "queued", 1), ("tests", "starting", None)],
            "bob in line",
        )
        slow.begin.set()
        wait_until(lambda: ("tests", "answering", None) in states(watcher), "the first words")
        wait_until(lambda: running(front.client)[-1]["completion_tokens"] == 3, "three words")

        mine = [row for row in running(front.client) if row["route"] == CHAT]
        assert [row["key"] for row in mine] == ["tests"]  # bob's is not for a plain key
        assert mine[0]["model"] == "m"
        assert 0 < mine[0]["first_token_ms"] <= mine[0]["elapsed_ms"]
        seen = watcher.get(PATH).text
        assert SECRET not in seen
        assert "lk-" not in seen
        assert states(watcher, model="another") == []
        assert len(states(watcher, model="m")) == 2
        assert states(watcher, outcome="failed") == []

        slow.end.set()
        first.join(60)
        second.join(60)
        assert states(watcher) == []  # whoever has the whole answer is out of the list
        ended = watcher.get(PATH, params={"looks": "false"}).json()["data"]
        assert [(row["key"], row["outcome"]) for row in ended] == [("bob", "ok"), ("tests", "ok")]


def test_who_leaves_is_out_of_the_list(folder: Path) -> None:
    with slow_gateway(folder) as (front, slow):
        slow.begin.set()
        body = {"model": "m", "stream": True, "messages": []}
        with front.client.stream("POST", CHAT, json=body) as answer:
            pieces = answer.iter_bytes()  # held: the stream would be closed with it
            next(pieces)
            assert states(front.client) == [("tests", "answering", None)]
        wait_until(lambda: states(front.client) == [], "an empty list")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A gateway that answered two models' questions, and refused and failed some."""

    def behave(exchange: Exchange) -> None:
        if b'"broken"' in exchange.body:
            exchange.answer(b"<h1>no</h1>", "500 Internal Server Error", "text/html")
        else:
            exchange.answer(b'{"choices": []}')

    with (
        fault_upstream(behave) as upstream,
        gateway_before(upstream.url, tmp_path_factory.mktemp("mixed")) as front,
    ):
        for model in ("m", "broken", "n", "m", 7):
            front.client.post(CHAT, json={"model": model, "messages": []})
        yield front


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [("", 400), ("m", 200), ("n", 200), ("broken", 500), ("m", 200)]),
        ({"outcome": "ok"}, [("m", 200), ("n", 200), ("m", 200)]),
        ({"outcome": "failed"}, [("", 400), ("broken", 500)]),
        ({"outcome": "upstream_error"}, [("broken", 500)]),
        ({"model": "m"}, [("m", 200), ("m", 200)]),
        ({"model": "m", "outcome": "failed"}, []),
        ({"model": "m", "limit": "1"}, [("m", 200)]),
        ({"outcome": "never heard of"}, []),
    ],
)
def test_a_query_picks_rows(
    mixed: Front, query: dict[str, str], found: list[tuple[str, int]]
) -> None:
    rows = mixed.client.get(PATH, params=query).json()["data"]
    assert [(row["model"], row["status"]) for row in rows] == found


@pytest.mark.parametrize("name", ["outcome", "model"])
def test_a_filter_that_no_row_can_match_is_named(mixed: Front, name: str) -> None:
    answer = mixed.client.get(PATH, params={name: "x" * 201})
    assert answer.status_code == 400
    assert name in answer.json()["error"]["message"]
