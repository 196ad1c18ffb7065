"""Leaving a model server in mid-answer: it is told at once, and its own end is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

import gateway.hang_up
from gateway.settings import GatewaySettings
from gateway.upstream import Answer, Upstream
from tests.event_lines import event_lines
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
LONG_S = 60.0  # a bound that no test may reach


def upstream_to(url: str) -> Upstream:
    return Upstream(GatewaySettings.model_validate({"lmstudio_url": url}))


async def begun(upstream: Upstream, body: bytes = b"{}") -> Answer:
    """An answer whose first piece was read."""
    answer = await upstream.open("POST", CHAT, {}, body)
    assert await answer.read()
    return answer


async def happened(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, 60)


async def test_the_end_is_reported_when_the_server_has_closed_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway.hang_up, "CLOSE_WITHIN_S", LONG_S)
    close = threading.Event()

    def slow_to_close(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        exchange.wait_until_caller_left()
        close.wait(60)
        exchange.die()

    with fault_upstream(slow_to_close) as server:
        async with upstream_to(server.url) as upstream:
            closing = (await begun(upstream)).abort()
            assert closing is not None
            assert await happened(server.seen[0].caller_left)
            assert not closing.done()
            close.set()
            await asyncio.wait_for(closing, 60)


async def test_a_server_that_only_writes_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.hang_up, "CLOSE_WITHIN_S", LONG_S)
    noticed = threading.Event()

    def only_writes(exchange: Exchange) -> None:
        exchange.start_stream()
        with contextlib.suppress(OSError):
            while True:
                exchange.chunk(CHUNK)
                time.sleep(0.01)  # the pace of a model, not a synchronisation
        noticed.set()

    with fault_upstream(only_writes) as server:
        async with upstream_to(server.url) as upstream:
            closing = (await begun(upstream)).abort()
            assert await happened(noticed)
            assert closing is not None
            await asyncio.wait_for(closing, 60)


async def test_a_server_that_does_nothing_is_reset_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway.hang_up, "CLOSE_WITHIN_S", 0.1)
    reset, go_on = threading.Event(), threading.Event()

    def works(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        go_on.wait(60)
        try:
            exchange.chunk(CHUNK)
        except OSError:  # a reset is known before a byte is sent
            reset.set()

    with fault_upstream(works) as server:
        async with upstream_to(server.url) as upstream:
            closing = (await begun(upstream)).abort()
            assert closing is not None
            await asyncio.wait_for(closing, 60)
            go_on.set()
            assert await happened(reset)


async def test_a_request_that_is_half_sent_is_cut_and_not_finished() -> None:
    body = b"x" * 30_000_000
    read: list[int] = []
    go_on, ended = threading.Event(), threading.Event()

    def answers_early() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            read.append(len(connection.recv(1000)))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
            go_on.wait(60)
            while piece := connection.recv(1 << 20):
                read.append(len(piece))
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answers_early, daemon=True).start()
        async with upstream_to(f"http://127.0.0.1:{listener.getsockname()[1]}") as upstream:
            assert (await begun(upstream, body)).abort() is None
            go_on.set()
            assert await happened(ended)
    assert sum(read) < len(body)


async def test_who_leaves_before_the_head_learns_of_the_end_too() -> None:
    ends: list[asyncio.Future[None] | None] = []

    def prefill(exchange: Exchange) -> None:
        exchange.wait_until_caller_left()
        exchange.die()

    with fault_upstream(prefill) as server:
        async with upstream_to(server.url) as upstream:
            asking = asyncio.create_task(upstream.open("POST", CHAT, {}, b"{}", ends.append))
            await asyncio.to_thread(wait_until, lambda: server.seen, "the request to arrive")
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            (end,) = ends
            assert end is not None
            await asyncio.wait_for(end, 60)
            assert server.seen[0].caller_left.is_set()


def test_the_slot_comes_back_with_the_servers_end(folder: Path) -> None:
    began: list[float] = []
    closed: list[float] = []

    def slow_to_close(exchange: Exchange) -> None:
        began.append(time.monotonic())
        exchange.start_stream()
        exchange.chunk(CHUNK)
        if len(began) == 1:
            exchange.wait_until_caller_left()
            time.sleep(0.3)  # what it does meanwhile takes the slot
            closed.append(time.monotonic())
            exchange.die()
        else:
            exchange.chunk(b"data: [DONE]\n\n")
            exchange.end_stream()

    with fault_upstream(slow_to_close) as server:
        with gateway_before(server.url, folder, {"GATEWAY_SLOTS": "1"}) as front:
            body = {"model": "m", "stream": True, "messages": []}
            with front.client.stream("POST", CHAT, json=body) as stream:
                next(event_lines(stream))
            assert front.client.post(CHAT, json=body).status_code == 200
    assert began[1] >= closed[0]
