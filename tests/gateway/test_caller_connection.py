"""What one connection of a caller does in each turn of the event loop, without a socket.

Real bytes on a real wire are the matter of `test_answer_on_the_wire` and `test_disconnect`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
import uvicorn.server

from gateway.caller import Caller, CallerLeft
from gateway.caller_connection import MAX_COPIED_BYTES, CallerConnection
from gateway.routes import RELAYED
from gateway.visit import Visit

JSON = {"content-type": "application/json"}
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that goes nowhere; `writes` are its single calls."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass


class Desk:
    """A connection whose every request is answered by `work`; notes how each ended."""

    def __init__(self, work: Callable[[Caller], Awaitable[None]]) -> None:
        self._work = work
        self.ends: list[str] = []
        self.bodies: list[bytes] = []
        self.busy = False
        config = uvicorn.Config(self._app, interface="asgi3", proxy_headers=False, log_config=None)
        config.load()
        self.connection = CallerConnection(config, uvicorn.server.ServerState(), {})
        self.wire = Wire()
        self.connection.connection_made(self.wire)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        caller = Caller(scope, receive, send, Visit(RELAYED[0]))
        try:
            self.bodies.append(await caller.read_body(100))
            async with caller:
                self.busy = True
                await self._work(caller)
        except CallerLeft:
            pass
        self.busy = False
        self.ends.append("left" if caller.left else "served")


async def turns(count: int = 10) -> None:
    """Lets what is ready run; no time passes in which a timer could come due."""
    for _ in range(count):
        await asyncio.sleep(0)


async def wait_for_ever(_: Caller) -> None:
    await asyncio.Event().wait()


async def serve(caller: Caller) -> None:
    await caller.answer(200, JSON, b"ok")


async def test_a_leaving_is_told_at_once_and_not_after_a_while() -> None:
    desk = Desk(wait_for_ever)
    desk.connection.data_received(POST + b"body")
    await turns()
    assert desk.busy
    desk.connection.connection_lost(None)
    await turns()
    assert desk.ends == ["left"]


async def test_who_leaves_before_the_work_begins_is_not_worked_for() -> None:
    desk = Desk(wait_for_ever)
    desk.connection.data_received(POST + b"body")
    desk.connection.connection_lost(None)
    await turns()
    assert desk.ends == ["left"]
    assert desk.bodies == []


async def test_who_leaves_in_mid_body_is_not_worked_for() -> None:
    desk = Desk(wait_for_ever)
    desk.connection.data_received(POST + b"bo")
    await turns()
    desk.connection.connection_lost(None)
    await turns()
    assert desk.ends == ["left"]
    assert desk.bodies == []


async def test_a_leaving_during_the_last_word_is_no_error() -> None:
    """The caller left, and nothing waits any more: the cancellation has nowhere to go."""

    async def left_meanwhile(_: Caller) -> None:
        desk.connection.connection_lost(None)

    desk = Desk(left_meanwhile)
    desk.connection.data_received(POST + b"body")
    await turns()
    assert desk.ends == ["left"]


async def test_a_leaving_hides_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    async def fail_meanwhile(_: Caller) -> None:
        desk.connection.connection_lost(None)
        raise RuntimeError("a defect")

    desk = Desk(fail_meanwhile)
    # uvicorn's own is one for the process: a server of another test may have silenced it.
    desk.connection.logger = logging.getLogger("defects")
    desk.connection.data_received(POST + b"body")
    await turns()
    assert "a defect" in caplog.text


async def test_a_leaving_after_the_answer_ends_nothing() -> None:
    done = asyncio.Event()

    async def answer_then_tidy(caller: Caller) -> None:
        await serve(caller)
        await turns()
        done.set()

    desk = Desk(answer_then_tidy)
    desk.connection.data_received(POST + b"body")
    await turns(5)
    desk.connection.connection_lost(None)
    await turns(20)
    assert done.is_set()
    assert desk.ends == ["served"]


async def test_the_next_request_is_not_taken_for_the_last_ones() -> None:
    desk = Desk(serve)
    for _ in range(3):
        desk.connection.data_received(POST + b"body")
        await turns()
    desk.connection.connection_lost(None)
    await turns()
    assert desk.ends == ["served"] * 3
    assert desk.bodies == [b"body"] * 3


@pytest.mark.parametrize(
    "pieces",
    [
        [POST + b"body"],
        [POST, b"body"],
        [POST[:10], POST[10:] + b"b", b"od", b"y"],
        [CHUNKED + b"2\r\nbo\r\n", b"2\r\n", b"dy\r\n0\r\n\r\n"],
        [POST.replace(b"Host", b"Expect: 100-continue\r\nHost"), b"body"],
    ],
)
async def test_a_body_is_read_whole_however_it_comes(pieces: list[bytes]) -> None:
    desk = Desk(serve)
    for piece in pieces:
        desk.connection.data_received(piece)
        await turns()
    assert desk.bodies == [b"body"]
    assert desk.ends == ["served"]
    assert b"".join(desk.wire.writes).endswith(b"content-length: 2\r\n\r\nok")


async def test_a_whole_answer_is_one_write() -> None:
    desk = Desk(serve)
    desk.connection.data_received(POST + b"body")
    await turns()
    assert len(desk.wire.writes) == 1


@pytest.mark.parametrize("size", [0, 1, MAX_COPIED_BYTES, MAX_COPIED_BYTES + 1, 1_000_000])
@pytest.mark.parametrize("unusual", [b"", b"Connection: close\r\n"])
async def test_the_short_way_and_the_long_one_write_the_same(size: int, unusual: bytes) -> None:
    async def answer(caller: Caller) -> None:
        await caller.answer(200, JSON, b"x" * size)

    desk = Desk(answer)
    desk.connection.data_received(POST.replace(b"Host", unusual + b"Host") + b"body")
    await turns()
    head, _, body = b"".join(desk.wire.writes).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"content-type: application/json" in lines
    assert b"content-length: %d" % size in lines
    assert not [line for line in lines if line.startswith(b"transfer-encoding")]
    assert (b"connection: close" in lines) == bool(unusual)
    assert desk.wire.closed == bool(unusual)
    assert body == b"x" * size


@pytest.mark.parametrize("bad", ["a\r\nx-forged: b", "a\nb", "a\rb", "a\0b", "a\x7fb"])
async def test_a_value_that_would_end_its_line_is_never_written(bad: str) -> None:
    async def answer(caller: Caller) -> None:
        with pytest.raises(RuntimeError, match="Invalid HTTP header value"):
            await caller.answer(200, {"content-type": bad}, b"ok")

    desk = Desk(answer)
    desk.connection.data_received(POST + b"body")
    await turns()
    assert b"forged" not in b"".join(desk.wire.writes)
    assert b"200 OK" not in b"".join(desk.wire.writes)


async def test_a_caller_who_cannot_keep_up_is_waited_for() -> None:
    desk = Desk(serve)
    desk.connection.pause_writing()
    desk.connection.data_received(POST + b"body")
    await turns()
    assert desk.wire.writes == []
    desk.connection.resume_writing()
    await turns()
    assert b"".join(desk.wire.writes).endswith(b"\r\n\r\nok")
