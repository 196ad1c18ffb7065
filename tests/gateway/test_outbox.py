"""What a turn of the event loop gathers to write, and what comes in between."""

from __future__ import annotations

import asyncio

import pytest

from gateway.caller import Caller
from gateway.outbox import outbox_of
from gateway.wire import Connection
from tests.gateway.test_caller_connection import POST, Desk, Wire, serve, turns


class ServersWire(Wire):
    """The same towards a model server."""

    def abort(self) -> None:
        self.closed = True


def connected() -> tuple[Connection, ServersWire]:
    connection, wire = Connection(60, 4, lambda _: None), ServersWire()
    connection.connection_made(wire)
    return connection, wire


async def test_a_turns_writes_go_out_at_its_end_in_their_order() -> None:
    first, second = connected(), connected()
    first[0].send(b"one", b"")
    second[0].send(b"two", b"")
    seen = [first[1].writes, second[1].writes]
    assert seen == [[], []]
    order: list[str] = []
    outbox_of(asyncio.get_running_loop()).post(lambda: order.append(repr(seen)))
    await turns(1)
    assert order == ["[[b'one'], [b'two']]"]


async def test_a_request_that_was_left_at_once_never_goes_out() -> None:
    connection, wire = connected()
    connection.send(b"head", b"body")
    assert connection.hang_up() is None
    await turns()
    assert wire.writes == []
    assert wire.closed


async def test_an_answer_to_a_request_that_did_not_go_out_ends_the_connection() -> None:
    """Else the request would follow later, and its answer be taken for another's."""
    connection, wire = connected()
    connection.send(b"head", b"body")
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert await connection.read() == b""
    assert not connection.rest()
    assert wire.closed


@pytest.mark.parametrize("end", ["shutdown", "eof_received"])
async def test_an_answer_goes_out_before_its_connection_ends(end: str) -> None:
    async def answer_and_end(caller: Caller) -> None:
        await serve(caller)
        getattr(desk.connection, end)()
        desk.wire.close()

    desk = Desk(answer_and_end)
    desk.connection.data_received(POST + b"body")
    await turns()
    assert b"".join(desk.wire.writes).endswith(b"\r\n\r\nok")


async def test_an_answer_goes_out_before_what_is_said_to_the_next_request() -> None:
    async def answer_and_hear_more(caller: Caller) -> None:
        await serve(caller)
        desk.connection.data_received(b"no HTTP at all\r\n\r\n")

    desk = Desk(answer_and_hear_more)
    desk.connection.data_received(POST + b"body")
    await turns()
    answer, refusal = desk.wire.writes
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert refusal.startswith(b"HTTP/1.1 400 ")
