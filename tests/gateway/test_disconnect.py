"""A caller who leaves, at whatever moment and in whatever way, keeps nothing busy behind them."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import orjson
import pytest

from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
ANSWER = b'{"choices": []}'


def serve(exchange: Exchange) -> None:
    """A model server that answers, streams without end, or says nothing, by the model's name."""
    model = orjson.loads(exchange.body)["model"]
    if model == "good":
        exchange.answer(ANSWER)
        return
    if model == "streams":
        exchange.start_stream()
        exchange.chunk(EVENT)
    exchange.wait_until_caller_left()


@dataclass
class Stage:
    """One gateway for all tests; each sees its own requests only."""

    front: Front
    upstream: FaultUpstream
    admin: str
    before: int = 0

    @property
    def seen(self) -> list[Exchange]:
        return self.upstream.seen

    def rows(self) -> list[tuple[str, str, int]]:
        """Model, outcome and status of every row of the ledger."""
        with sqlite3.connect(self.front.data / "lectern.db") as connection:
            found = connection.execute("select model, outcome, status from requests order by id")
            return [(str(m), str(o), int(s)) for m, o, s in found][self.before :]

    def waiting(self) -> int:
        """How many wait in line."""
        headers = {"Authorization": f"Bearer {self.admin}"}
        page = httpx.get(self.front.service.url + "/metrics", headers=headers).text
        figures = re.findall(r"^lectern_queue_waiting\{.*\} (.+)$", page, re.M)
        return int(sum(map(float, figures)))

    def slot_is_free(self) -> bool:
        """With one slot: whether somebody else is served at once."""
        answer = self.front.client.post(CHAT, json={"model": "good"})
        return answer.status_code == 200 and float(answer.headers["x-lectern-queue-ms"]) == 0


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with fault_upstream(serve) as upstream:
        env = {"GATEWAY_SLOTS": "1", "GATEWAY_MAX_WAITING_PER_KEY": "1"}
        with gateway_before(upstream.url, tmp_path_factory.mktemp("theatre"), env) as front:
            made = front.new_key("ops", "--scope", "admin")
            yield Stage(front, upstream, made)


@pytest.fixture
def stage(theatre: Stage) -> Stage:
    theatre.before = 0
    theatre.before = len(theatre.rows())
    theatre.seen.clear()
    return theatre


def request(front: Front, model: str, *, stream: bool = False, missing: int = 0) -> bytes:
    """A request's bytes; `missing`: how many of its body are announced but not there."""
    body = orjson.dumps({"model": model, "stream": stream})
    lines = [f"POST {CHAT} HTTP/1.1", "Host: x", f"Authorization: Bearer {front.key}"]
    lines += [f"Content-Length: {len(body) + missing}", "", ""]
    return "\r\n".join(lines).encode() + body


def caller(front: Front, data: bytes) -> socket.socket:
    """A connection on which `data` was sent."""
    connection = socket.create_connection(("127.0.0.1", front.service.port), timeout=60)
    connection.sendall(data)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


@pytest.mark.parametrize("model", ["silent", "streams"])
@pytest.mark.parametrize("stream", [True, False])
def test_leaving_closes_the_model_server(stage: Stage, model: str, stream: bool) -> None:
    front = stage.front
    with caller(front, request(front, model, stream=stream)):
        wait_until(lambda: stage.seen, "the request to arrive")
    assert stage.seen[0].caller_left.wait(60)
    wait_until(lambda: stage.rows(), "its row")
    ((named, outcome, _),) = stage.rows()
    assert (named, outcome) == (model, "caller_left")
    wait_until(stage.slot_is_free, "its slot")


def leave(connection: socket.socket) -> None:
    connection.close()


def say_no_more(connection: socket.socket) -> None:
    """Half of a close: some programs do so and still listen; it counts as leaving."""
    connection.shutdown(socket.SHUT_WR)


def crash(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize("how", [leave, say_no_more, crash])
def test_every_way_of_leaving_is_noticed(
    stage: Stage, how: Callable[[socket.socket], None]
) -> None:
    front = stage.front
    connection = caller(front, request(front, "silent"))
    wait_until(lambda: stage.seen, "the request to arrive")
    how(connection)
    assert stage.seen[0].caller_left.wait(60)
    connection.close()
    wait_until(stage.rows, "its row")


def test_leaving_the_line_frees_the_place_and_writes_a_row(stage: Stage) -> None:
    front = stage.front
    with caller(front, request(front, "silent")):
        wait_until(lambda: stage.seen, "the first to run")
        for left in (1, 2, 3):  # the line has one place
            with caller(front, request(front, "silent", stream=left == 2)):
                wait_until(lambda: stage.waiting() == 1, "the place to be taken")
            wait_until(lambda: stage.waiting() == 0, "the place to be free")
            assert stage.rows() == [("silent", "caller_left", 0)] * left
    assert len(stage.seen) == 1
    wait_until(stage.slot_is_free, "the slot")


def test_leaving_while_sending_the_body(stage: Stage) -> None:
    front = stage.front
    with caller(front, request(front, "silent", missing=1000)) as connection:
        connection.sendall(b" " * 500)
    wait_until(lambda: stage.rows(), "its row")
    assert stage.rows() == [("", "caller_left", 0)]
    assert stage.seen == []
    assert stage.slot_is_free()


def test_leaving_before_the_key_was_sent_is_nobodys_row(stage: Stage) -> None:
    front = stage.front
    with caller(front, request(front, "silent")[:40]):
        pass
    assert stage.slot_is_free()
    assert [row[0] for row in stage.rows()] == ["good"]


# ── more than one request on a connection ──


def test_one_request_after_the_other(stage: Stage) -> None:
    front = stage.front
    with caller(front, request(front, "good")) as connection:
        for _ in range(3):
            assert ANSWER in wait_for_answer(connection)
            connection.sendall(request(front, "good"))
        assert ANSWER in wait_for_answer(connection)
    assert len(stage.seen) == 4


def wait_for_answer(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(ANSWER):
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data


@pytest.mark.parametrize("together", [True, False])
def test_a_request_on_the_heels_of_another_hides_no_leaving(stage: Stage, together: bool) -> None:
    """HTTP pipelining: what was sent too early is not answered, and the connection closes."""
    front = stage.front
    first, second = request(front, "silent"), request(front, "good")
    with caller(front, first + (second if together else b"")) as connection:
        wait_until(lambda: stage.seen, "the first to run")
        connection.sendall(second)
    assert stage.seen[0].caller_left.wait(60)
    wait_until(lambda: stage.rows(), "its row")
    assert stage.slot_is_free()
    assert [row[:2] for row in stage.rows()] == [("silent", "caller_left"), ("good", "ok")]


@pytest.mark.parametrize("more", [b"", b"GET / HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nA: b"])
def test_what_comes_with_a_request_does_not_spoil_its_answer(stage: Stage, more: bytes) -> None:
    front = stage.front
    more = more or request(front, "good")
    with caller(front, request(front, "good") + more) as connection:
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in head
    assert body == ANSWER
    assert len(stage.seen) == 1


def test_what_comes_before_an_answer_does_not_spoil_it(stage: Stage) -> None:
    front = stage.front
    with caller(front, request(front, "streams", stream=True)) as connection:
        wait_until(lambda: EVENT in connection.recv(65536, socket.MSG_PEEK), "its first event")
        for nonsense in (b"\x00\xff nonsense\r\n\r\n", request(front, "good"), b"x" * 1_000_000):
            connection.sendall(nonsense)
        stage.seen[0].chunk(EVENT.replace(b'"x"', b'"y"') + b"data: [DONE]\n\n")
        stage.seen[0].end_stream()
        stage.seen[0].die()  # its thread waits for the gateway to leave, not for a request
        _, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert body.count(b"data: ") == 3
    assert body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert b"HTTP/1.1" not in body


def test_an_empty_line_after_a_body_costs_no_connection(stage: Stage) -> None:
    front = stage.front
    with caller(front, request(front, "good") + b"\r\n") as connection:
        for _ in range(2):
            assert ANSWER in wait_for_answer(connection)
            connection.sendall(request(front, "good"))
            connection.sendall(b"\r\n")
        assert ANSWER in wait_for_answer(connection)


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length : 5\r\n",
    ],
)
def test_a_body_of_two_lengths_is_refused(stage: Stage, lines: bytes) -> None:
    front = stage.front
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {front.key}\r\n".encode()
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with caller(front, head + lines + b"\r\n" + smuggled) as connection:
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert stage.seen == []
