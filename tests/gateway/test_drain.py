"""SIGTERM cuts no answer: what runs finishes, nothing new is taken, the exit code is 0."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path

import httpx

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "stream": True, "messages": []}
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
STREAMS = 100


async def test_running_streams_end_whole_and_new_requests_are_refused(folder: Path) -> None:
    go_on = threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        go_on.wait(60)
        exchange.chunk(CHUNK + DONE)
        exchange.end_stream()

    env = {"GATEWAY_SLOTS": str(STREAMS), "GATEWAY_DRAIN_S": "60"}
    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder, env) as front:
        begun = [asyncio.Event() for _ in range(STREAMS)]
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            headers=front.client.headers, timeout=120, limits=limits, trust_env=False
        ) as callers:
            asked = [
                asyncio.create_task(read_stream(callers, front.service.url + CHAT, event))
                for event in begun
            ]
            async with asyncio.timeout(120):
                await asyncio.gather(*(event.wait() for event in begun))
            await asyncio.to_thread(stop_and_try_another, front)
            go_on.set()
            contents = await asyncio.gather(*asked)
        assert await asyncio.to_thread(front.service.process.wait, 60) == 0
    assert contents == [CHUNK + CHUNK + DONE] * STREAMS


async def read_stream(callers: httpx.AsyncClient, url: str, begun: asyncio.Event) -> bytes:
    """The whole of one stream; `begun` tells that its first bytes are here."""
    content = b""
    async with callers.stream("POST", url, json=BODY) as answer:
        async for piece in answer.aiter_raw():
            content += piece
            begun.set()
    return content


def stop_and_try_another(front: Front) -> None:
    """SIGTERM, then a request on a connection that was open before: it is refused kindly."""
    kept = httpx.Client(base_url=front.service.url, headers=front.client.headers)
    with kept:
        assert kept.get("/readyz").status_code == 200
        front.service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: kept.get("/readyz").status_code == 503, "readiness to end")
        refused = kept.post(CHAT, json=BODY)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "shutting_down"
        assert refused.headers["retry-after"]


def test_the_wait_for_running_answers_is_bounded(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        exchange.wait_until_caller_left()

    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, folder, {"GATEWAY_DRAIN_S": "0.5"}) as front:
            with front.client.stream("POST", CHAT, json=BODY) as stream:
                assert next(stream.iter_raw()) == CHUNK
                assert front.service.stop() == 0
            assert upstream.seen[0].caller_left.wait(60)


def test_sigterm_again_and_again_is_still_a_clean_end(folder: Path) -> None:
    with gateway_before("http://127.0.0.1:9", folder) as front:
        assert front.service.stop_impatiently() == 0, front.service.log
        assert "Traceback" not in front.service.log
