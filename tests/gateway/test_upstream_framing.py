"""An answer means the same however the network cuts it: every position, by Hypothesis and by loop.

Feeds the connection without a socket; what a socket adds is `test_upstream`'s matter.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.reply import Broken
from gateway.wire import Connection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Odd:\t\xe4 \r\n"
BODY = "data: {ä}\n\n: comment\r\n\r\ndata: [DONE]\n\n".encode()


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    frames = b"".join(b"%X;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + frames + b"0\r\nX-Trailer: 1\r\n\r\n"


WIRES = [
    HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
    chunked(BODY, 7),
    chunked(BODY, 1000),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: b\r\n\r\n" + chunked(BODY, 9),
]


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return 0


async def talk(pieces: list[bytes]) -> tuple[int, dict[str, str], bytes, bool]:
    """What a connection makes of an answer in pieces, read as they come."""
    connection = Connection(5.0, 5.0, lambda _: None)
    connection.connection_made(Wire())
    connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
    body: list[bytes] = []

    async def read() -> None:
        await connection.head()
        while piece := await connection.read():
            body.append(piece)

    reader = asyncio.create_task(read())
    for piece in pieces:
        connection.data_received(piece)
        await asyncio.sleep(0)
    await reader
    kept = connection.rest()
    connection.abort()
    return connection.status, connection.headers, b"".join(body), kept


@pytest.mark.parametrize("wire", WIRES)
async def test_cut_once_at_every_position(wire: bytes) -> None:
    whole = await talk([wire])
    assert whole[2:] == (BODY, True)
    assert whole[1]["x-odd"] == "ä"
    for at in range(1, len(wire)):
        assert await talk([wire[:at], wire[at:]]) == whole
    assert await talk([wire[at : at + 1] for at in range(len(wire))]) == whole


@given(
    wire=st.sampled_from(WIRES),
    cuts=st.lists(st.integers(min_value=0, max_value=500), max_size=12),
)
@settings(deadline=None, max_examples=200)
def test_cut_anywhere(wire: bytes, cuts: list[int]) -> None:
    places = [0, *sorted({cut % len(wire) for cut in cuts}), len(wire)]
    pieces = [wire[a:b] for a, b in itertools.pairwise(places) if a < b]
    assert asyncio.run(talk(pieces))[2:] == (BODY, True)


@given(body=st.binary(max_size=400), size=st.integers(1, 50), cut=st.integers(0, 2000))
@settings(deadline=None, max_examples=200)
def test_any_bytes_come_out_as_they_went_in(body: bytes, size: int, cut: int) -> None:
    wire = chunked(body, size)
    at = cut % len(wire)
    assert asyncio.run(talk([wire[:at], wire[at:]]))[2:] == (body, True)


@given(noise=st.binary(min_size=1, max_size=200), after=st.integers(0, 200))
@settings(deadline=None, max_examples=200)
def test_noise_ends_in_an_answer_or_an_error_and_never_in_a_kept_connection(
    noise: bytes, after: int
) -> None:
    async def run() -> bool:
        connection = Connection(5.0, 5.0, lambda _: None)
        connection.connection_made(Wire())
        connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
        wire = WIRES[1][: after % len(WIRES[1])]
        connection.data_received(wire + noise)
        connection.connection_lost(None)
        try:
            await connection.head()
            while await connection.read():
                pass
        except Broken:
            return False
        return connection.rest()

    assert asyncio.run(run()) is False
