"""What a caller can send to exhaust or confuse the gateway: bounded, refused in words, survived."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from gateway import head_limit
from gateway.head_limit import MAX_HEAD_BYTES, HeadLimit
from tests.fault_upstream import FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before

CHAT = "/v1/chat/completions"
KEYS = "/lectern/admin/keys"
CONVERSATIONS = "/lectern/conversations"
MIB = 1024 * 1024
CHUNKED = b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
Quiet = tuple[Front, FaultUpstream]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quiet]:
    env = {"GATEWAY_ALIASES": "alias=m", "GATEWAY_MAX_BODY_BYTES": str(4 * MIB)}
    with fault_upstream(lambda exchange: exchange.answer(b'{"choices": []}')) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("input"), env) as front:
            made = front.new_key("boss", "--scope", "admin")
            front.client.headers["x-boss"] = made
            yield front, upstream


@pytest.fixture(autouse=True)
def alive(quiet: Quiet) -> Iterator[None]:
    """Whatever a test sends, the gateway is there afterwards."""
    yield
    front, _ = quiet
    assert front.service.process.poll() is None
    assert httpx.get(front.service.url + "/healthz", timeout=60).status_code == 200


def nested(depth: int, kind: str = "[]") -> bytes:
    opening, closing = (b"[", b"]") if kind == "[]" else (b'{"a":', b"}")
    inner = b"" if kind == "[]" else b"1"
    return opening * depth + inner + closing * depth


@pytest.mark.parametrize("kind", ["[]", "{}"])
@pytest.mark.parametrize("depth", [100, 300, 1000, 1100, 500_000])
@pytest.mark.parametrize("model", ["m", "alias"])
def test_deep_json_is_passed_or_refused_in_words(
    quiet: Quiet, model: str, depth: int, kind: str
) -> None:
    """Reading nests deeper than writing: an alias, which is written anew, must not crash."""
    front, upstream = quiet
    raw = b'{"model": "%s", "x": %s}' % (model.encode(), nested(depth, kind))
    before = len(upstream.seen)
    answer = front.client.post(CHAT, content=raw)
    assert answer.status_code in (200, 400)
    assert len(upstream.seen) - before == (answer.status_code == 200)
    if answer.status_code == 400:
        assert depth > 250
        assert answer.json()["error"]["code"] == "invalid_request"
    elif model == "m":
        assert upstream.seen[-1].body == raw


@pytest.mark.parametrize("path", [KEYS, CONVERSATIONS, "/lectern/presets", "/lectern/votes"])
def test_deep_json_is_refused_by_our_own_routes(quiet: Quiet, path: str) -> None:
    front, _ = quiet
    key = front.client.headers["x-boss"] if path == KEYS else front.key
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for depth in (100, 2000, 30_000):
        raw = b'{"name": "x", "settings": %s}' % nested(depth)
        answer = front.client.post(path, content=raw, headers=headers)
        assert answer.status_code == 400, depth
        assert answer.json()["error"]["code"] == "invalid_request"


def send_without_end(front: Front, start: bytes, piece: bytes) -> tuple[int, bytes]:
    """Sends pieces until the gateway has enough, at most 64 MiB; the bytes sent, the answer."""
    sent, answer = 0, b""
    with socket.create_connection(("127.0.0.1", front.service.port), timeout=60) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(start)
            while sent < 64 * MIB:
                sock.sendall(piece)
                sent += len(piece)
        with contextlib.suppress(OSError):
            answer = sock.recv(65536)
    return sent, answer


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * 65536),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X-Many: 1\r\n" * 6000),
        (b"GET /healthz?", b"a" * 65536),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"a" * 65536),
        (
            b"POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
            b"T: 1\r\n",
        ),
    ],
)
def test_a_head_without_end_is_cut_off(quiet: Quiet, start: bytes, piece: bytes) -> None:
    """Whoever has no key must not fill the memory: uvicorn alone reads on without a bound."""
    front, _ = quiet
    sent, _answer = send_without_end(front, start, piece)
    assert sent < 24 * MIB  # what sockets hold in between


def test_a_long_head_within_the_bound_passes(quiet: Quiet) -> None:
    front, _ = quiet
    headers = {f"x-{number}": "a" * 1000 for number in range(50)}
    assert front.client.post(CHAT, json={"model": "m"}, headers=headers).status_code == 200
    assert front.client.post(CHAT, json={"model": "m", "x": "a" * MIB}).status_code == 200


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_cut_off(quiet: Quiet, chunked: bool) -> None:
    front, upstream = quiet
    before = len(upstream.seen)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {front.key}\r\n".encode()
    if chunked:
        start, piece = (
            head + b"Transfer-Encoding: chunked\r\n\r\n",
            b"10000\r\n%s\r\n" % (b"a" * 65536),
        )
    else:
        start, piece = head + b"Content-Length: 99999999999\r\n\r\n", b"a" * 65536
    sent, answer = send_without_end(front, start, piece)
    assert sent < 64 * MIB or b" 413 " in answer
    assert len(upstream.seen) == before


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", "", "x" * 500])
def test_only_json_is_read_whatever_it_is_called(quiet: Quiet, kind: str) -> None:
    """CVE-2025-54121: a form with files held the event loop up. Forms are not read here."""
    front, _ = quiet
    form = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n' + b"c" * MIB
    headers = {"Content-Type": kind}
    for path in (CHAT, CONVERSATIONS):
        answer = front.client.post(path, content=form, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "invalid_request"


RANGES = ["bytes=0-0", "bytes=" + ",".join(f"{at}-{at}" for at in range(2000)), "bytes=-1,0-,5-4"]


@pytest.mark.parametrize("ranges", RANGES)
def test_a_range_is_not_looked_at(quiet: Quiet, ranges: str) -> None:
    """CVE-2025-62727: reading a long Range header took quadratic time."""
    front, _ = quiet
    for path in ("/static/landing.css", "/v1/models", "/lectern/usage"):
        whole = front.client.get(path)
        answer = front.client.get(path, headers={"Range": ranges})
        assert (answer.status_code, answer.content) == (200, whole.content)


SMUGGLED = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"
AMBIGUOUS = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Content-Length: 2\r\nContent-Length: 90\r\n\r\n{}",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "Content-Length: +2\r\n\r\n{}",
    "Content-Length: 0x2\r\n\r\n{}",
    "Content-Length : 2\r\n\r\n{}",
    " Content-Length: 2\r\n\r\n{}",
    "X: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "X: a\rContent-Length: 90\r\nContent-Length: 2\r\n\r\n{}",
    "Transfer-Encoding: chunked\r\n\r\n2 ;\n{}\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("head", AMBIGUOUS)
def test_an_ambiguous_request_is_never_two(quiet: Quiet, head: str) -> None:
    """Request smuggling: two readers that disagree where a request ends."""
    front, upstream = quiet
    before = len(upstream.seen)
    key = f"Authorization: Bearer {front.key}\r\n"
    request = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{key}{head}{SMUGGLED}"
    with socket.create_connection(("127.0.0.1", front.service.port), timeout=60) as sock:
        sock.sendall(request.encode())
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert len(upstream.seen) == before


@pytest.mark.parametrize(
    "model", ["x" * 301, "x" * MIB, "a\nb", "\x1b[2Jm", "m\u202e", "m\x00", "a\tb", "\ud7ff\ue000"]
)
def test_a_model_must_be_a_name(quiet: Quiet, model: str) -> None:
    """It goes into errors, logs, metrics and the operator's terminal."""
    front, upstream = quiet
    before, logged = len(upstream.seen), len(front.service.log)
    answer = front.client.post(CHAT, json={"model": model})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "model"
    assert len(answer.content) < 1000
    assert len(upstream.seen) == before
    assert len(front.service.log) - logged < 5000


class Wire(asyncio.Transport):
    """A caller's side of a connection that only remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def sink(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["type"] == "http.request":
        pass


def connected() -> tuple[HeadLimit, Wire]:
    config = uvicorn.Config(sink, log_config=None)
    config.load()
    protocol = HeadLimit(config, uvicorn.server.ServerState(), {})
    wire = Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def test_a_large_head_is_refused_in_openais_shape() -> None:
    protocol, wire = connected()
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
    for _ in range(MAX_HEAD_BYTES // 1024):
        protocol.data_received(b"a" * 1024)
        assert not wire.closed
    protocol.data_received(b"a")
    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"headers_too_large"' in wire.written
    protocol.connection_lost(None)


async def test_a_body_in_tiny_chunks_is_no_surplus() -> None:
    protocol, wire = connected()
    protocol.data_received(CHUNKED)
    for _ in range(50):
        protocol.data_received(b"1\r\na\r\n" * 2000)
    protocol.data_received(b"0\r\n\r\n")
    assert not wire.closed
    protocol.connection_lost(None)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """uvicorn with the gateway's protocol, in this event loop; yields the port."""
    config = uvicorn.Config(app, http=HeadLimit, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    state = uvicorn.server.ServerState()
    server = await loop.create_server(lambda: HeadLimit(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        body += message.get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def test_a_head_that_never_ends_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_limit, "HEAD_TIMEOUT_S", 0.2)
    async with served(echo) as port:
        for start in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()


async def test_a_slow_body_and_a_kept_connection_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head_limit, "HEAD_TIMEOUT_S", 0.5)
    async with served(echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
            await asyncio.sleep(1.2)  # several times what a head may take
            writer.write(b"ok")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            assert head.startswith(b"HTTP/1.1 200")
            await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 60)
            await asyncio.sleep(1.2)
        writer.close()
