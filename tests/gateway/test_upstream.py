"""The connection to the model server against raw sockets that misbehave.

What a caller of the gateway sees of it is `test_relay`'s matter; here it is the four methods alone:
what comes out of `read`, which error, what is reused, and that no socket outlives its use.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from gateway.connections import MAX_IDLE
from gateway.errors import BadRequest, ModelServerAway, ModelServerCut, ModelServerSilent
from gateway.reply import MAX_OVERHEAD_BYTES
from gateway.settings import GatewaySettings
from gateway.upstream import Answer, Upstream
from gateway.wire import MAX_UNREAD_BYTES
from tests.fault_upstream import Exchange, fault_upstream
from tests.running import free_port, missing, wait_until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
WHOLE = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = (
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    b'3;name=value;quoted="a;b"\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\nX-More: 2\r\n\r\n'
)

BOUNDS = {"gateway_connect_timeout_s": 5, "gateway_answer_timeout_s": 5}  # no test hangs
FLOOD = [b"x" * 65536] * 20  # far more than one read of the event loop's


@asynccontextmanager
async def upstream_to(url: str, **settings: object) -> AsyncIterator[Upstream]:
    """The client under test; on the way out every socket must be gone."""
    given = GatewaySettings.model_validate({"lmstudio_url": url, **BOUNDS, **settings})
    async with Upstream(given) as upstream:
        yield upstream
    assert "[0 open, 0 idle]" in repr(upstream)


async def ask(upstream: Upstream, body: bytes = b"{}") -> Answer:
    return await upstream.open("POST", "/v1/x", {"content-type": "application/json"}, body)


async def read_all(answer: Answer) -> bytes:
    body = b""
    while piece := await answer.read():
        body += piece
    return body


async def exchange(upstream: Upstream) -> bytes:
    answer = await ask(upstream)
    body = await read_all(answer)
    answer.release()
    return body


def sends(*pieces: bytes, die: bool = False) -> Callable[[Exchange], None]:
    def behave(exchange: Exchange) -> None:
        for piece in pieces:
            exchange.send(piece)
        if die:
            exchange.die()

    return behave


# ── what ends a body, and what may be used again ──


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (sends(WHOLE), 1),
        (sends(CHUNKED), 1),
        (sends(HEAD + b"\r\nhello", die=True), 2),  # until it closes
        (sends(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 2),
        (sends(HEAD + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"), 2),
        (sends(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE), 1),
        (sends(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n", WHOLE), 1),
        (sends(WHOLE + WHOLE), 2),  # a second answer that nobody asked for
        (sends(WHOLE + b"surplus"), 2),
    ],
)
async def test_a_body_ends_where_it_ends(
    answer: Callable[[Exchange], None], connections: int
) -> None:
    with fault_upstream(answer) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"
            assert await exchange(upstream) == b"hello"
            assert len({id(seen._socket) for seen in server.seen}) == connections


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_without_a_body(status: str) -> None:
    with fault_upstream(
        sends(f"HTTP/1.1 {status}\r\nContent-Length: 7\r\n\r\n".encode())
    ) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b""


async def test_the_head_says_what_was_sent_and_no_more() -> None:
    with fault_upstream(sends(WHOLE)) as server:
        async with upstream_to(server.url, lmstudio_api_token="sk-lm-own") as upstream:
            answer = await upstream.open("POST", "/v1/x?a=%20b", {"accept": "a/b; c=\xe4"}, b"body")
            answer.release()
            (await upstream.open("GET", "/v1/z", {}, b"")).release()
            (await upstream.open("POST", "/v1/y", {}, b"")).release()
    first, second, third = server.seen
    host = server.url.removeprefix("http://")
    assert (first.method, first.target, first.body) == ("POST", "/v1/x?a=%20b", b"body")
    own = {"host": host, "authorization": "Bearer sk-lm-own"}
    assert first.headers == {**own, "accept": "a/b; c=\xe4", "content-length": "4"}
    assert second.headers == own
    assert third.headers == {**own, "content-length": "0"}


async def test_headers_are_found_in_lower_case_and_the_first_counts() -> None:
    reply = HEAD + b"X-Twice: 1\r\nx-twice: 2\r\nRetry-After:  7 \r\nContent-Length: 0\r\n\r\n"
    with fault_upstream(sends(reply)) as server:
        async with upstream_to(server.url) as upstream:
            answer = await ask(upstream)
            assert answer.headers["x-twice"] == "1"
            assert answer.headers["retry-after"] == "7"
            answer.release()


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    reply = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    with fault_upstream(sends(reply)) as server:
        async with upstream_to(server.url) as upstream:
            answer = await ask(upstream)
            assert answer.status == 302
            answer.abort()


async def test_a_name_with_an_address_where_nobody_listens() -> None:
    with fault_upstream(sends(WHOLE)) as server:  # on 127.0.0.1 alone; localhost is ::1 too
        async with upstream_to(server.url.replace("127.0.0.1", "localhost")) as upstream:
            assert await exchange(upstream) == b"hello"
    assert server.seen[0].headers["host"].startswith("localhost:")


async def test_an_address_of_ip_version_6() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(WHOLE)
        writer.close()

    heads: list[bytes] = []
    try:
        server = await asyncio.start_server(serve, "::1", 0)
    except OSError:
        missing("IPv6 on the loopback interface", "let the kernel have ::1")
    async with server:
        url = f"http://[::1]:{server.sockets[0].getsockname()[1]}"
        async with upstream_to(url) as upstream:
            assert await exchange(upstream) == b"hello"
    assert f"Host: {url.removeprefix('http://')}\r\n".encode() in heads[0]


async def test_the_environments_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with fault_upstream(sends(WHOLE)) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"


# ── failures before the head ──


@pytest.mark.parametrize(
    "answer",
    [
        sends(die=True),
        sends(b"nonsense\r\n\r\n", die=True),
        sends(b"HTTP/1.1 200 OK\r\nContent-", die=True),
        sends(b"HTTP/1.1 100 Continue\r\n\r\n", die=True),
        sends(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        sends(HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        sends(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabcd"),
        sends(HEAD + b"Content-Length: -3\r\n\r\n"),
        sends(HEAD + b"A: b\n\r\n"),
        sends(HEAD + b"X-Long: " + b"x" * 65536 + b"\r\n\r\n"),
        sends(HEAD + b"X-Endless: " + b"x" * (MAX_OVERHEAD_BYTES + 1000)),
        sends(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(8000)) + b"\r\n"),
        sends(b"HTTP/1.1 100 Continue\r\n\r\n" * 4000),
    ],
)
async def test_what_is_no_answer_is_said_to_be_away(answer: Callable[[Exchange], None]) -> None:
    with fault_upstream(answer) as server:
        async with upstream_to(server.url) as upstream:
            with pytest.raises(ModelServerAway, match=r"broke before|does not speak HTTP"):
                await ask(upstream)
            assert len(server.seen) == 1  # a fresh connection is not tried twice
            assert "[0 open, 0 idle]" in await settled(upstream)


async def settled(upstream: Upstream) -> str:
    """The client's state when what was given up is closed on both sides, or 10 s have passed."""
    deadline = time.monotonic() + 60
    while True:
        for _ in range(20):
            await asyncio.sleep(0)
        is_open, idle = re.findall(r"\d+", repr(upstream))
        if is_open == idle or time.monotonic() > deadline:
            return repr(upstream)


async def test_nobody_listens() -> None:
    async with upstream_to(f"http://127.0.0.1:{free_port()}") as upstream:
        with pytest.raises(ModelServerAway, match="refused"):
            await ask(upstream)


async def test_a_name_that_does_not_exist() -> None:
    async with upstream_to("http://no-such-host.invalid:1") as upstream:
        with pytest.raises(ModelServerAway, match="cannot be resolved"):
            await ask(upstream)


async def test_a_connection_that_does_not_come_about() -> None:
    with full_listener() as url:
        async with upstream_to(url, gateway_connect_timeout_s=0.1) as upstream:
            with pytest.raises(ModelServerAway, match="no connection came about in time"):
                await ask(upstream)


@contextmanager
def full_listener() -> Iterator[str]:
    """Takes no connection: its queue is full, so that the kernel drops what comes."""
    with socket.socket() as listener, socket.socket() as one, socket.socket() as two:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_silence_before_the_head_and_in_mid_answer() -> None:
    def behave(exchange: Exchange) -> None:
        if len(server.seen) == 2:
            exchange.start_stream()
            exchange.chunk(b"hello")
        exchange.wait_until_caller_left()

    with fault_upstream(behave) as server:
        async with upstream_to(server.url, gateway_answer_timeout_s=1) as upstream:
            with pytest.raises(ModelServerSilent, match="did not answer"):
                await ask(upstream)
            answer = await ask(upstream)
            assert await answer.read() == b"hello"
            with pytest.raises(ModelServerSilent, match="stopped talking"):
                await answer.read()
            answer.abort()
            for seen in server.seen:
                assert await asyncio.to_thread(seen.caller_left.wait, 60)


# ── failures after the head ──


@pytest.mark.parametrize(
    "answer",
    [
        sends(HEAD + b"Content-Length: 100\r\n\r\nhello", die=True),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", die=True),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n"),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: ", *FLOOD),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2;x=", *FLOOD),
    ],
)
async def test_a_cut_answer_is_handed_out_and_then_called_cut(
    answer: Callable[[Exchange], None],
) -> None:
    with fault_upstream(answer) as server:
        async with upstream_to(server.url) as upstream:
            got = await ask(upstream)
            assert await got.read() == b"hello"
            with pytest.raises(ModelServerCut):
                await got.read()
            got.release()  # a broken one is not kept, whatever is called
            assert "[0 open, 0 idle]" in await settled(upstream)
            assert len(server.seen) == 1


async def test_abort_closes_at_once() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(b"hello")
        exchange.wait_until_caller_left()

    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            answer = await ask(upstream)
            assert await answer.read() == b"hello"
            answer.abort()
            answer.abort()  # a second one changes nothing
            assert await asyncio.to_thread(server.seen[0].caller_left.wait, 60)


async def test_an_answer_that_was_not_read_to_its_end_is_not_kept() -> None:
    with fault_upstream(sends(WHOLE)) as server:
        async with upstream_to(server.url) as upstream:
            (await ask(upstream)).release()
            assert "0 idle" in await settled(upstream)
            assert await exchange(upstream) == b"hello"


# ── the request's own way ──


async def test_an_answer_to_a_request_that_is_half_sent() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        left.wait(60)

    left = threading.Event()
    with raw_server(refuse) as url:
        async with upstream_to(url) as upstream:
            answer = await ask(upstream, b"x" * 30_000_000)
            assert answer.status == 413
            assert await read_all(answer) == b"no"
            answer.release()  # the rest of the request is still to be sent: never kept
            assert "[0 open, 0 idle]" in await settled(upstream)
        left.set()


async def test_a_server_that_closes_while_it_is_sent_to() -> None:
    def close(connection: socket.socket) -> None:
        connection.recv(1000)

    with raw_server(close) as url:
        async with upstream_to(url) as upstream:
            with pytest.raises(ModelServerAway):
                await ask(upstream, b"x" * 30_000_000)


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Hands every connection over as it is, unread, and closes it after."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                behave(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/x\r\nX-Evil: 1", {}),
        ("/v1/x HTTP/1.1\r\n\r\nGET /evil", {}),
        ("/v1/a b", {}),
        ("/v1/\x00", {}),
        ("/v1/\u0142", {}),
        ("http://127.0.0.1:9/", {}),
        ("/v1/x", {"accept": "a\r\nX-Evil: 1"}),
        ("/v1/x", {"accept": "a\nX-Evil: 1"}),
        ("/v1/x", {"accept": "a\rb"}),
        ("/v1/x", {"accept": "a\x00b"}),
        ("/v1/x", {"accept": "\u0142"}),
        ("/v1/x", {"accept: b\r\nx": "1"}),
        ("/v1/x", {"": "1"}),
    ],
)
async def test_nothing_can_end_a_line_of_the_head(path: str, headers: dict[str, str]) -> None:
    with fault_upstream(sends(WHOLE)) as server:
        async with upstream_to(server.url) as upstream:
            with pytest.raises(BadRequest):
                await upstream.open("POST", path, headers, b"{}")
        assert server.seen == []


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "authorization"])
async def test_framing_and_credentials_are_never_the_callers(name: str) -> None:
    async with upstream_to("http://127.0.0.1:9") as upstream:
        with pytest.raises(ValueError, match="the gateway's own"):
            await upstream.open("POST", "/v1/x", {name: "1"}, b"{}")


# ── kept connections ──


async def test_a_stale_connection_is_replaced_once() -> None:
    def behave(exchange: Exchange) -> None:
        if len(server.seen) in (2, 3):
            exchange.die()
        else:
            exchange.send(WHOLE)

    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"
            with pytest.raises(ModelServerAway):  # the kept one dies, the fresh one dies too
                await ask(upstream)
            assert len(server.seen) == 3


async def test_there_is_no_second_try_once_a_byte_has_come() -> None:
    def behave(exchange: Exchange) -> None:
        if len(server.seen) == 2:
            exchange.send(b"H")
            exchange.die()
        else:
            exchange.send(WHOLE)

    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"
            with pytest.raises(ModelServerAway):
                await ask(upstream)
            assert len(server.seen) == 2


async def test_an_idle_connection_that_the_server_closes_is_forgotten() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(WHOLE)
        read.wait(60)
        exchange.die()

    read = threading.Event()
    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"
            read.set()
            await until(lambda: "[0 open" in repr(upstream))
            assert await exchange(upstream) == b"hello"


async def test_an_idle_connection_is_closed_before_the_server_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.connections.IDLE_S", 0.05)
    with fault_upstream(sends(WHOLE)) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"
            assert "[1 open, 1 idle]" in repr(upstream)
            await until(lambda: "[0 open, 0 idle]" in repr(upstream))


async def test_bytes_on_an_idle_connection_end_it() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(WHOLE)
        read.wait(60)
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    read = threading.Event()
    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            assert await exchange(upstream) == b"hello"
            read.set()
            await until(lambda: "[0 open" in repr(upstream))
            assert await exchange(upstream) == b"hello"


async def test_idle_connections_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.connections.MAX_IDLE", 4)
    with fault_upstream(sends(WHOLE)) as server:
        async with upstream_to(server.url) as upstream:
            answers = await asyncio.gather(*(ask(upstream) for _ in range(12)))
            assert "[12 open, 0 idle]" in repr(upstream)
            for answer in answers:
                assert await read_all(answer) == b"hello"
                answer.release()
            assert "[4 open, 4 idle]" in await settled(upstream)
    assert MAX_IDLE < 1000


async def until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + 60
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


# ── slow callers, and callers who leave ──


async def test_a_slow_caller_holds_the_model_server_back() -> None:
    sent = 0

    def behave(exchange: Exchange) -> None:
        nonlocal sent
        exchange.start_stream()
        for _ in range(2000):
            exchange.chunk(b"x" * 16384)
            sent += 16384
        exchange.end_stream()

    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            answer = await ask(upstream)
            await until_steady(lambda: sent)
            assert sent < 2000 * 16384  # it waits for us
            largest = total = 0
            while piece := await answer.read():
                largest, total = max(largest, len(piece)), total + len(piece)
            assert total == 2000 * 16384
            assert largest <= MAX_UNREAD_BYTES + 512 * 1024  # one more read of the event loop's
            answer.release()
            assert "1 idle" in repr(upstream)


async def until_steady(value: Callable[[], int]) -> None:
    """Until the value has stopped growing."""
    last = -1
    while value() != last or not last:
        last = value()
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("kept", [False, True])
async def test_leaving_at_any_moment_leaks_nothing(kept: bool) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(CHUNKED[:20])
        exchange.send(CHUNKED[20:])

    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            steps, left = 0, 0
            while True:
                if kept:
                    assert await exchange(upstream) == b"hello"
                work = asyncio.create_task(exchange(upstream))
                for _ in range(steps):
                    await asyncio.sleep(0)
                work.cancel()
                (result,) = await asyncio.gather(work, return_exceptions=True)
                if result == b"hello":
                    break  # it was finished before we could leave
                assert isinstance(result, asyncio.CancelledError)
                left += 1
                is_open, idle = re.findall(r"\d+", await settled(upstream))
                assert is_open == idle  # none is in use
                steps += 1 + steps // 10
            assert left > 5


async def test_leaving_while_connecting_leaks_nothing() -> None:
    with full_listener() as url:
        async with upstream_to(url) as upstream:
            for steps in range(30):
                work = asyncio.create_task(ask(upstream))
                for _ in range(steps):
                    await asyncio.sleep(0)
                work.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await work
            assert "[0 open, 0 idle]" in await settled(upstream)


async def test_many_at_once_never_mix() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        for _ in range(5):
            exchange.chunk(exchange.body)
        exchange.end_stream()

    async def one(upstream: Upstream, number: int) -> None:
        answer = await ask(upstream, b"<%d>" % number)
        assert await read_all(answer) == b"<%d>" % number * 5
        answer.release()

    with fault_upstream(behave) as server:
        async with upstream_to(server.url) as upstream:
            for _ in range(5):
                await asyncio.gather(*(one(upstream, number) for number in range(40)))
    wait_until(lambda: len(server.seen) == 200, "all requests")
