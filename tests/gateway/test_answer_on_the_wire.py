"""What the gateway writes to a caller's connection, and what that connection can do next.

A whole answer goes out past ASGI where it can (`caller_connection`); nobody may notice.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
ANSWER = b'{"choices": []}'
LARGE = b'{"choices": [], "text": "%s"}' % (b"x" * 1_000_000)  # more than is copied to its head
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ODD = {
    "a line break": b"HTTP/1.1 200 OK\r\nAge: 1\nX-Forged: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a control": b"HTTP/1.1 200 OK\r\nRetry-After: 1\x0b\r\nContent-Length: 2\r\n\r\n{}",
    "status 600": b"HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\n{}",
    "status 999": b'HTTP/1.1 999 Odd\r\nContent-Length: 19\r\n\r\n{"error": "broken"}',
    "status 204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "status 304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
}
go_on = threading.Event()


def serve(exchange: Exchange) -> None:
    """A model server that does what the model's name says."""
    model = orjson.loads(exchange.body)["model"]
    if model in ODD:
        exchange.send(ODD[model])
    elif model == "large":
        exchange.answer(LARGE)
    elif model == "streams":
        exchange.start_stream()
        exchange.chunk(EVENT + DONE)
        exchange.end_stream()
    elif model == "waits":
        go_on.wait(60)
        exchange.answer(ANSWER)
    else:
        exchange.answer(ANSWER)


@pytest.fixture(scope="module")
def door(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Front, FaultUpstream]]:
    with fault_upstream(serve) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("door")) as front:
            yield front, upstream


def connect(front: Front) -> socket.socket:
    return socket.create_connection(("127.0.0.1", front.service.port), timeout=60)


def request(
    front: Front, model: str, *lines: str, version: str = "1.1", key: str | None = None
) -> tuple[bytes, bytes]:
    """A request's head and its body."""
    body = orjson.dumps({"model": model, "stream": model == "streams"})
    head = [f"POST {CHAT} HTTP/{version}", "Host: x", *lines]
    head += [f"Authorization: Bearer {key or front.key}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode(), body


def answer_on(connection: socket.socket) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """One answer of a known length: its first line, its headers and its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines)
    assert len(headers) == len(lines), head  # each once
    length = int(headers[b"content-length"])
    while len(body) < length:
        piece = connection.recv(65536)
        assert piece, len(body)
        body += piece
    assert len(body) == length
    return first, headers, body


def ends(connection: socket.socket) -> bool:
    """Whether the gateway closes the connection without another byte."""
    return connection.recv(1) == b""


@pytest.mark.parametrize("size", [1, 7, 50])
def test_a_request_in_small_pieces_is_one_request(
    door: tuple[Front, FaultUpstream], size: int
) -> None:
    front, upstream = door
    upstream.seen.clear()
    whole = b"".join(request(front, "good"))
    with connect(front) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), size):
            connection.sendall(whole[at : at + size])
        first, _, body = answer_on(connection)
    assert (first, body) == (b"HTTP/1.1 200 OK", ANSWER)
    assert [exchange.body for exchange in upstream.seen] == [request(front, "good")[1]]


def test_a_large_answer_is_whole_and_the_connection_serves_again(
    door: tuple[Front, FaultUpstream],
) -> None:
    front, _ = door
    with connect(front) as connection:
        for model, expected in (("large", LARGE), ("good", ANSWER), ("large", LARGE)):
            connection.sendall(b"".join(request(front, model)))
            first, headers, body = answer_on(connection)
            assert first == b"HTTP/1.1 200 OK"
            assert body == expected
            assert b"connection" not in headers
            assert b"transfer-encoding" not in headers


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("model", ["good", "large"])
def test_who_wants_the_connection_closed_gets_it_closed(
    door: tuple[Front, FaultUpstream], version: str, model: str
) -> None:
    front, _ = door
    lines = ["Connection: close"] if version == "1.1" else []
    with connect(front) as connection:
        connection.sendall(b"".join(request(front, model, *lines, version=version)))
        _, headers, body = answer_on(connection)
        assert headers[b"connection"] == b"close"
        assert body == (LARGE if model == "large" else ANSWER)
        assert ends(connection)


def test_a_caller_who_asks_first_is_told_to_go_on(door: tuple[Front, FaultUpstream]) -> None:
    front, _ = door
    head, body = request(front, "good", "Expect: 100-continue")
    with connect(front) as connection:
        connection.sendall(head)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answer_on(connection)[2] == ANSWER
        connection.sendall(b"".join(request(front, "good")))
        assert answer_on(connection)[2] == ANSWER


def test_who_has_no_key_is_not_told_to_go_on(door: tuple[Front, FaultUpstream]) -> None:
    front, _ = door
    head, _ = request(front, "good", "Expect: 100-continue", key="lk-none")
    with connect(front) as connection:
        connection.sendall(head)
        first, _, body = answer_on(connection)
    assert first == b"HTTP/1.1 401 Unauthorized"
    assert orjson.loads(body)["error"]["code"] == "invalid_api_key"


def test_a_body_that_nobody_reads_does_not_become_a_request(
    door: tuple[Front, FaultUpstream],
) -> None:
    front, upstream = door
    upstream.seen.clear()
    head, body = request(front, "good", key="lk-none")
    with connect(front) as connection:
        connection.sendall(head)
        assert answer_on(connection)[0] == b"HTTP/1.1 401 Unauthorized"
        connection.sendall(body + b"".join(request(front, "good")))
        assert answer_on(connection)[2] == ANSWER
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("model", ODD)
def test_an_odd_answer_becomes_an_error_in_words(
    door: tuple[Front, FaultUpstream], model: str
) -> None:
    front, _ = door
    with connect(front) as connection:
        connection.sendall(b"".join(request(front, model)))
        first, headers, body = answer_on(connection)
        assert first == b"HTTP/1.1 502 Bad Gateway"
        assert b"x-forged" not in headers
        assert orjson.loads(body)["error"]["message"]
        connection.sendall(b"".join(request(front, "good")))
        assert answer_on(connection)[2] == ANSWER


def test_streams_and_whole_answers_take_turns_on_a_connection(
    door: tuple[Front, FaultUpstream],
) -> None:
    front, _ = door
    with connect(front) as connection:
        for _ in range(2):
            connection.sendall(b"".join(request(front, "streams")))
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            assert b"transfer-encoding: chunked" in head
            assert b"content-length" not in head
            assert EVENT in body
            assert DONE in body
            connection.sendall(b"".join(request(front, "good")))
            assert answer_on(connection)[2] == ANSWER


def test_a_caller_who_reads_nothing_of_a_large_answer_keeps_nothing_busy(
    door: tuple[Front, FaultUpstream],
) -> None:
    front, _ = door
    with connect(front) as connection:
        connection.sendall(b"".join(request(front, "large")))
        connection.recv(1)
    assert front.client.post(CHAT, json={"model": "good"}).content == ANSWER


def test_an_answer_during_the_drain_closes_its_connection(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    go_on.clear()
    with fault_upstream(serve) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("drain")) as front:
            with connect(front) as connection:
                connection.sendall(b"".join(request(front, "waits")))
                wait_until(lambda: upstream.seen, "the request to arrive")
                front.service.process.terminate()
                wait_until(
                    lambda: front.client.get("/readyz").status_code == 503, "the drain to begin"
                )
                go_on.set()
                _, _, body = answer_on(connection)
                assert body == ANSWER
                assert ends(connection)
            assert front.service.stop() == 0


def test_head_answers_as_get_does_without_a_body(folder: Path) -> None:
    def greet(exchange: Exchange) -> None:
        exchange.answer(b'{"lmstudio":true}')

    with fault_upstream(greet) as upstream, gateway_before(upstream.url, folder) as front:
        for path in ("/", "/static/landing.css", "/healthz", "/readyz", "/openapi.json"):
            asked, head = front.client.get(path), front.client.head(path)  # on one connection
            assert (asked.status_code, head.status_code, head.content) == (200, 200, b""), path
            for name in ("content-type", "content-length", "content-security-policy"):
                assert head.headers.get(name) == asked.headers.get(name), path
        allowed = front.client.post("/").headers["allow"]  # in whatever order
        assert set(allowed.split(", ")) == {"GET", "HEAD"}
