"""Who gets a slot, and that leaving frees it: at our counter and inside llama.cpp."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.engine.asking import MESSAGES, Q8, TO_THE_LIMIT, client, post, slots
from tests.event_lines import event_lines
from tests.running import Service, wait_until

CHAT = "/v1/chat/completions"
# Many seconds of work for the slow model, unless it is stopped.
ENDLESS = {"messages": MESSAGES}
STREAMED: dict[str, dict[str, Any]] = {
    CHAT: ENDLESS,
    "/v1/completions": {"prompt": "A token"},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 16000},
}


def idle(service: Service) -> bool:
    line = slots(service, "slow")
    return (line["active"], line["queued"], line["generating"]) == (0, 0, 0)


def busy(service: Service, active: int, queued: int) -> bool:
    line = slots(service, "slow")
    return (line["active"], line["queued"]) == (active, queued) and line["generating"] == active


@pytest.mark.parametrize("path", STREAMED)
def test_stop_in_a_stream_stops_llama_cpp(slow_engine: Service, path: str) -> None:
    wait_until(lambda: idle(slow_engine), "an idle engine")
    before = slots(slow_engine, "slow")["cancelled"]
    with (
        client(slow_engine) as http,
        http.stream("POST", path, json=STREAMED[path] | {"stream": True}) as answer,
    ):
        lines = event_lines(answer)
        for _ in range(20):
            next(lines)
        assert slots(slow_engine, "slow")["generating"] == 1
    wait_until(lambda: idle(slow_engine), "llama.cpp to stop")
    assert slots(slow_engine, "slow")["cancelled"] == before + 1


def hung_up_on(service: Service, body: bytes) -> socket.socket:
    """Sends a request whose answer nobody will read; closing the socket is the caller leaving."""
    sock = socket.create_connection(("127.0.0.1", service.port))
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    sock.sendall(head.encode() + body)
    return sock


def request_body(**more: Any) -> bytes:
    return json.dumps(ENDLESS | more).encode()


def test_leaving_without_streaming_stops_llama_cpp(slow_engine: Service) -> None:
    wait_until(lambda: idle(slow_engine), "an idle engine")
    before = slots(slow_engine, "slow")["cancelled"]
    with hung_up_on(slow_engine, request_body()):
        wait_until(lambda: busy(slow_engine, 1, 0), "llama.cpp at work")
    wait_until(lambda: idle(slow_engine), "llama.cpp to stop")
    assert slots(slow_engine, "slow")["cancelled"] == before + 1


def test_leaving_the_line_gives_up_the_place(slow_engine: Service) -> None:
    wait_until(lambda: idle(slow_engine), "an idle engine")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(hung_up_on(slow_engine, request_body()))
        wait_until(lambda: busy(slow_engine, 2, 0), "both slots taken")
        waiting = hung_up_on(slow_engine, request_body(stream=True))
        wait_until(lambda: busy(slow_engine, 2, 1), "one in the line")
        waiting.close()
        wait_until(lambda: busy(slow_engine, 2, 0), "an empty line")
    wait_until(lambda: idle(slow_engine), "llama.cpp to stop")


def test_the_next_in_line_is_served_when_a_caller_leaves(slow_engine: Service) -> None:
    wait_until(lambda: idle(slow_engine), "an idle engine")
    with ExitStack() as stack:
        first = stack.enter_context(hung_up_on(slow_engine, request_body()))
        stack.enter_context(hung_up_on(slow_engine, request_body()))
        wait_until(lambda: busy(slow_engine, 2, 0), "both slots taken")
        waiting = stack.enter_context(hung_up_on(slow_engine, request_body(stream=True)))
        wait_until(lambda: busy(slow_engine, 2, 1), "one in the line")
        first.close()
        waiting.settimeout(60)
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200")
    wait_until(lambda: idle(slow_engine), "llama.cpp to stop")


def test_five_at_once_on_four_slots_all_get_their_answer(engine: Service) -> None:
    """The fifth waits without a word; four answers of 5 seconds leave time to see it wait."""
    before = slots(engine)["finished"]

    def line(active: int, queued: int) -> bool:
        now = slots(engine)
        return (now["active"], now["queued"]) == (active, queued)

    def asked(limit: int) -> httpx.Response:
        body = {"model": Q8, "messages": MESSAGES, "stream": True, "max_tokens": limit}
        return post(engine, CHAT, body | TO_THE_LIMIT)

    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(asked, 200) for _ in range(4)]
        wait_until(lambda: line(4, 0), "four at work")
        answers.append(pool.submit(asked, 4))
        wait_until(lambda: line(4, 1), "the fifth in the line")
    for answer in answers:
        assert answer.result().status_code == 200
        assert answer.result().text.endswith("data: [DONE]\n\n")
    assert slots(engine)["finished"] == before + 5
    assert line(0, 0)
