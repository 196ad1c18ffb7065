"""How long a caller's connection may be without work: one timer for all of its requests."""

from __future__ import annotations

import asyncio

from gateway.caller import Caller
from tests.gateway.test_caller_connection import POST, Desk, serve, turns

UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


async def test_a_connection_without_work_is_closed() -> None:
    desk = Desk(serve)
    desk.connection.timeout_keep_alive = 0
    desk.connection.data_received(POST + b"body")
    await turns()
    assert desk.ends == ["served"]
    assert desk.wire.closed


async def test_a_request_that_takes_longer_is_not_cut_and_idleness_counts_from_its_end() -> None:
    go_on = asyncio.Event()

    async def work(caller: Caller) -> None:
        if desk.ends or len(desk.bodies) > 1:
            await go_on.wait()
        await serve(caller)
        if len(desk.bodies) == 1:  # the next one comes before the timer does
            desk.connection.data_received(POST + b"more")

    desk = Desk(work)
    desk.connection.timeout_keep_alive = 0
    desk.connection.data_received(POST + b"body")
    await turns()
    assert desk.bodies == [b"body", b"more"]
    assert not desk.wire.closed
    go_on.set()
    await turns()
    assert desk.ends == ["served", "served"]
    assert desk.wire.closed


async def test_a_websocket_on_the_same_connection_is_not_closed() -> None:
    class Upgraded:
        def __init__(self, **_: object) -> None: ...

        def connection_made(self, transport: asyncio.Transport) -> None: ...

        def data_received(self, data: bytes) -> None: ...

    async def work(caller: Caller) -> None:
        await serve(caller)
        desk.connection.data_received(UPGRADE)

    desk = Desk(work)
    desk.connection.timeout_keep_alive = 0
    desk.connection.ws_protocol_class = Upgraded  # type: ignore[assignment]
    desk.connection.data_received(POST + b"body")
    await turns()
    assert len(desk.wire.writes) == 1
    assert not desk.wire.closed


async def test_the_timer_ends_with_the_connection() -> None:
    """It would keep what is lost in memory until it fires."""
    desk = Desk(serve)
    desk.connection.data_received(POST + b"body")
    await turns()
    desk.connection.connection_lost(None)
    assert desk.connection._idle._timer is None
