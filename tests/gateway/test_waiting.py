"""What a caller sees while it waits: a place in line, a sign of life, a bounded wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import openai
import orjson
import pytest

from tests.event_lines import event_lines
from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
STREAM = {"model": "m", "stream": True, "messages": []}
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
QUICK = {"GATEWAY_SLOTS": "1", "GATEWAY_HEARTBEAT_S": "0.1"}


class Gate:
    """A model server whose answers begin when a test says so."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        self.open.wait(60)
        exchange.start_stream()
        exchange.chunk(CHUNK)
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end_stream()


@contextmanager
def stack(
    folder: Path, behave: Callable[[Exchange], None], models: bytes = b"{}", **env: str
) -> Iterator[tuple[Front, FaultUpstream]]:
    with ExitStack() as exits:
        upstream = exits.enter_context(fault_upstream(behave, models))
        front = exits.enter_context(gateway_before(upstream.url, folder, {**QUICK, **env}))
        yield front, upstream


def first_comment(front: Front, stack: ExitStack, **headers: str) -> str:
    """Opens a stream that stays open until `stack` ends, and reads its first line."""
    request = front.client.stream("POST", CHAT, json=STREAM, headers=headers)
    lines = event_lines(stack.enter_context(request))
    stack.callback(lambda: lines)  # an iterator that nobody holds would close the stream
    return next(lines)


def test_a_waiting_stream_is_told_its_place(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate) as (front, upstream), ExitStack() as streams:
        assert first_comment(front, streams) == ": loading model or reading the prompt"
        assert first_comment(front, streams) == ": queued position=1"
        assert first_comment(front, streams) == ": queued position=2"
        assert len(upstream.seen) == 1
        gate.open.set()


def test_who_leaves_the_line_frees_the_place_at_once(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate, GATEWAY_MAX_WAITING="1") as (front, upstream):
        with ExitStack() as running:
            first_comment(front, running)
            with ExitStack() as waiting:
                assert first_comment(front, waiting) == ": queued position=1"
                assert front.client.post(CHAT, json=STREAM).status_code == 429
            wait_until(lambda: '"outcome":"caller_left"' in front.service.log, "the place freed")
            with ExitStack() as waiting:
                assert first_comment(front, waiting) == ": queued position=1"
        assert len(upstream.seen) == 1
        gate.open.set()


def test_a_full_line_is_refused_with_a_time_to_come_back(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate, GATEWAY_MAX_WAITING="0") as (front, _), ExitStack() as running:
        first_comment(front, running)
        client = openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key, max_retries=0)
        with client, pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model="m", messages=[])
        assert int(refused.value.response.headers["retry-after"]) >= 1
        gate.open.set()


def test_the_wait_is_bounded(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate, GATEWAY_QUEUE_TIMEOUT_S="0.3") as (front, _), ExitStack() as running:
        first_comment(front, running)
        answer = front.client.post(CHAT, json={"model": "m", "messages": []})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "queue_timeout"
        gate.open.set()


def test_a_stream_that_began_to_wait_still_gets_its_answer(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate) as (front, _), ExitStack() as streams:
        request = streams.enter_context(front.client.stream("POST", CHAT, json=STREAM))
        lines = event_lines(request)
        assert next(lines).startswith(": loading")
        gate.open.set()
        rest = [line for line in lines if line and not line.startswith(":")]
        assert rest == [CHUNK.decode().strip(), "data: [DONE]"]


def test_an_error_after_a_sign_of_life_is_raised_by_the_sdk(folder: Path) -> None:
    die = threading.Event()

    def behave(exchange: Exchange) -> None:
        die.wait(60)
        exchange.answer(b'{"error": "No models loaded."}', "400 Bad Request")

    with stack(folder, behave) as (front, _):
        client = openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key, max_retries=0)
        with client, client.chat.completions.create(model="m", messages=[], stream=True) as stream:
            die.set()
            with pytest.raises(openai.APIError, match="No models loaded"):
                list(stream)


def test_signs_of_life_can_be_switched_off(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate) as (front, upstream), ExitStack() as streams:
        headers = {"X-Lectern-Heartbeat": "off"}
        done: list[httpx.Response] = []
        ask = threading.Thread(
            target=lambda: done.append(front.client.post(CHAT, json=STREAM, headers=headers))
        )
        ask.start()
        wait_until(lambda: upstream.seen, "the request to arrive")
        assert first_comment(front, streams) == ": queued position=1"  # time enough for a comment
        gate.open.set()
        ask.join()
        assert done[0].content == CHUNK + b"data: [DONE]\n\n"


def test_slots_are_those_of_the_loaded_instance(folder: Path) -> None:
    models = orjson.dumps(
        {
            "models": [
                {
                    "key": "m",
                    "loaded_instances": [{"id": "m", "config": {"parallel": 2}}],
                }
            ]
        }
    )
    gate = Gate()
    with stack(folder, gate, models, GATEWAY_SLOTS="0") as (front, _), ExitStack() as streams:
        assert first_comment(front, streams).startswith(": loading")
        assert first_comment(front, streams).startswith(": loading")
        assert first_comment(front, streams) == ": queued position=1"
        gate.open.set()


def test_a_light_user_passes_a_heavy_ones_line(folder: Path) -> None:
    gate = Gate()
    with stack(folder, gate) as (front, upstream), ExitStack() as streams:
        for _ in range(5):
            first_comment(front, streams)
        light = front.new_key("light")
        place = first_comment(front, streams, authorization=f"Bearer {light}")
        assert place == ": queued position=2"
        assert len(upstream.seen) == 1
        gate.open.set()
