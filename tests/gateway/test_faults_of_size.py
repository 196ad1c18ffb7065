"""Large and endless answers, and callers who do not read: passed on or refused, never piled up."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.memory import growth
from tests.gateway.model_answers import ANSWERS, WORDS
from tests.gateway.sdk_calls import CALLS, Call
from tests.gateway.sdks import sdks
from tests.running import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
CHAT = "/v1/chat/completions"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
LONG = 10_000_000
MEGABYTE = b"x" * 1_000_000
# An answer in one piece is held whole, an event until its end has come; each is copied on its way.
MOST_MB = 250.0


class Behaviour:
    """What the model server does, by the model's name, and how much of it the gateway took."""

    def __init__(self) -> None:
        self.sent = 0
        self.stuck = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        document = orjson.loads(exchange.body)
        self.sent = 0
        getattr(self, document["model"])(exchange, bool(document.get("stream")))

    def long(self, exchange: Exchange, streamed: bool) -> None:
        """A good answer, but one word is 10 MB long."""
        answer = ANSWERS[exchange.target]
        word = WORDS[0].encode()
        if not streamed:
            exchange.answer(answer.whole.replace(word, b"x" * LONG))
            return
        exchange.start_stream()
        for event in answer.events:
            exchange.chunk(event.replace(word, b"x" * LONG))
        exchange.end_stream()

    def endless_line(self, exchange: Exchange, _streamed: bool) -> None:
        exchange.start_stream()
        exchange.chunk(b"data: ")
        self._flood(exchange)

    def endless_body(self, exchange: Exchange, _streamed: bool) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        exchange.send(b"Transfer-Encoding: chunked\r\n\r\n")
        self._flood(exchange)

    def endless_rest(self, exchange: Exchange, _streamed: bool) -> None:
        exchange.start_stream()
        exchange.chunk(EVENT % b"x" + DONE)
        self._flood(exchange)

    def endless_error(self, exchange: Exchange, _streamed: bool) -> None:
        exchange.send(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._flood(exchange)

    def endless_events(self, exchange: Exchange, _streamed: bool) -> None:
        exchange.start_stream()
        while True:
            exchange.chunk(EVENT % (b"x" * 1000))
            self.sent += 1000

    def _flood(self, exchange: Exchange) -> None:
        while self.sent < 2_000_000_000:
            exchange.chunk(MEGABYTE)
            self.sent += len(MEGABYTE)


Large = tuple[Front, Behaviour]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    behave = Behaviour()
    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("large")) as front:
            yield front, behave


def outcomes(front: Front, model: str) -> list[str]:
    with sqlite3.connect(front.data / "lectern.db") as connection:
        found = connection.execute("select outcome from requests where model = ?", (model,))
        return [str(outcome) for (outcome,) in found]


LONG_CALLS = [call for call in CALLS if "embeddings" not in call.name]


@pytest.mark.parametrize("call", LONG_CALLS, ids=lambda call: call.name)
async def test_a_line_of_10_mb_passes(large: Large, call: Call) -> None:
    front, _ = large
    with growth(front.service.process.pid) as grown:
        async with sdks(front.service.url, front.key) as to:
            text = await call.ask(to, "long")
    assert text == "x" * LONG + WORDS[1]
    assert grown.mb < MOST_MB


@pytest.mark.parametrize(
    ("model", "streamed", "words"),
    [
        ("endless_line", True, "a line without end"),
        ("endless_body", False, "larger than 67108864 bytes"),
        ("endless_error", False, "500 without saying why"),
        ("endless_error", True, "500 without saying why"),
    ],
)
def test_what_has_no_end_is_refused(large: Large, model: str, streamed: bool, words: str) -> None:
    front, behave = large
    with growth(front.service.process.pid) as grown:
        answer = front.client.post(CHAT, json={"model": model, "stream": streamed})
    assert answer.status_code >= 500
    assert words in answer.json()["error"]["message"]
    assert grown.mb < MOST_MB
    assert behave.sent < MOST_MB * 1e6


def test_what_follows_the_end_is_not_waited_for(large: Large) -> None:
    front, _ = large
    with growth(front.service.process.pid) as grown:
        answer = front.client.post(CHAT, json={"model": "endless_rest", "stream": True})
    assert answer.content.startswith(EVENT % b"x" + DONE)
    assert grown.mb < MOST_MB
    assert outcomes(front, "endless_rest") == ["ok"]


def test_a_caller_who_reads_slowly_slows_the_model_server_down(large: Large, folder: Path) -> None:
    """Bytes wait at their source: neither they nor their caller's slot get lost in memory."""
    front, behave = large
    body = b'{"model":"endless_events","stream":true}'
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {front.key}\r\n"
    with growth(front.service.process.pid) as grown, socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.connect(("127.0.0.1", front.service.port))
        caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert caller.recv(16).startswith(b"HTTP/1.1 200")
        seen = [-1]

        def stands_still() -> bool:
            seen.append(behave.sent)
            return seen[-1] == seen[-25:][0]  # for half a second

        wait_until(stands_still, "the model server to be paused")
        assert behave.sent < 50_000_000  # what the kernel's buffers take
    assert grown.mb < 20
    wait_until(lambda: outcomes(front, "endless_events") == ["caller_left"], "its row")
    with contextlib.suppress(OSError):
        caller.close()
