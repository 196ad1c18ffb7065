"""What a caller sees of a relayed request, over real sockets, with a misbehaving model server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import openai
import pytest

from gateway.errors import Protocol
from gateway.routes import RELAYED, RelayedRoute
from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream, streams
from tests.gateway.conftest import Front, gateway_before
from tests.running import free_port, wait_until

BODY = {"model": "m", "messages": [{"role": "user", "content": "canary-prompt"}], "stream": True}
Quiet = tuple[Front, FaultUpstream]
CHAT = "/v1/chat/completions"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"canary-answer"}}],"odd":1}\n\n'


def hang(exchange: Exchange) -> None:
    exchange.wait_until_caller_left()


def test_a_stream_passes_byte_for_byte(folder: Path) -> None:
    pieces = [b": hello\r\n\r\n", EVENT[:10], EVENT[10:], b'data: {"x":"\xc3', b'\xa4"}\n\n']
    pieces += [b"data: [DO", b"NE]\n\n"]
    with fault_upstream(streams(*pieces)) as upstream:
        with gateway_before(upstream.url, folder) as front:
            answer = front.client.post(CHAT, json=BODY)
    assert answer.status_code == 200
    assert answer.content == b"".join(pieces)
    assert answer.headers["content-type"] == "text/event-stream"


def test_a_caller_who_cannot_keep_up_gets_every_byte_in_order(folder: Path) -> None:
    """Pieces go the short way or the long one, as the caller keeps up or not; never out of turn."""
    pieces = [
        b'data: {"choices":[],"n":%d,"text":"%s"}\n\n' % (n, b"x" * 4000) for n in range(3000)
    ]
    pieces.insert(1500, b": neither an event nor the end\n\n")
    pieces.append(b"data: [DONE]\n\n")
    with fault_upstream(streams(*pieces)) as upstream:
        with gateway_before(upstream.url, folder) as front:
            with front.client.stream("POST", CHAT, json=BODY) as answer:
                came = b"".join(answer.iter_raw(1000))
    assert came == b"".join(pieces)


def test_the_request_passes_byte_for_byte_without_the_callers_key(folder: Path) -> None:
    raw = b'{ "model" : "m",\n "unknown": [1e2, "\xc3\xa4"] , "messages": [] }'
    with fault_upstream(lambda exchange: exchange.answer(b'{"choices": []}')) as upstream:
        with gateway_before(upstream.url, folder, {"LMSTUDIO_API_TOKEN": "sk-lm-own"}) as front:
            headers = {"Content-Type": "application/json", "Cookie": "a=b", "X-Evil": "1"}
            answer = front.client.post(CHAT + "?x=%2F1", content=raw, headers=headers)
            key = front.key
    assert answer.content == b'{"choices": []}'
    (seen,) = upstream.seen
    assert (seen.method, seen.target) == ("POST", CHAT + "?x=%2F1")
    assert seen.body == raw
    assert seen.headers["authorization"] == "Bearer sk-lm-own"
    assert key not in str(seen.headers)
    assert "cookie" not in seen.headers
    assert "x-evil" not in seen.headers


def test_a_stream_that_dies_ends_with_an_error_event(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(EVENT)
        exchange.die()

    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:
        client = openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key, max_retries=0)
        with client, pytest.raises(openai.APIError, match="broke off in mid-answer"):
            _read_all(client)


def test_a_stream_that_is_cut_without_a_word_ends_with_an_error_event(folder: Path) -> None:
    with fault_upstream(streams(EVENT)) as upstream:
        with gateway_before(upstream.url, folder) as front:
            client = openai.OpenAI(
                base_url=front.service.url + "/v1", api_key=front.key, max_retries=0
            )
            with client, pytest.raises(openai.APIError, match="before it was complete"):
                _read_all(client)


def _read_all(client: openai.OpenAI) -> list[str]:
    with client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "x"}], stream=True
    ) as stream:
        return [chunk.choices[0].delta.content or "" for chunk in stream]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (lambda x: x.answer(b"<html>no</html>", "500 Internal Server Error"), 500, None),
        (lambda x: x.answer(b'{"error": "Unexpected endpoint or method. (X)"}'), 501, None),
        (lambda x: x.answer(b'{"error":{"message":"bad"}}', "400 Bad Request"), 400, None),
        (lambda x: x.answer(b"", "302 Found"), 502, None),
        (lambda x: x.die(), 502, "model_server_unreachable"),
        (lambda x: (x.send(b"nonsense\r\n\r\n"), x.die()), 502, "model_server_unreachable"),
        (
            streams(b'event: error\ndata: {"error":"Context size has been exceeded."}\n\n'),
            400,
            "context_length_exceeded",
        ),
    ],
)
def test_every_failure_is_an_error_that_sdks_raise(
    folder: Path, answer: Callable[[Exchange], None], status: int, code: str | None
) -> None:
    with fault_upstream(answer) as upstream, gateway_before(upstream.url, folder) as front:
        client = openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key, max_retries=0)
        with client, pytest.raises(openai.APIStatusError) as raised:
            _read_all(client)
    assert raised.value.status_code == status
    assert raised.value.message
    if code:
        assert raised.value.code == code


def test_a_model_server_that_is_not_there_is_named_with_a_remedy(folder: Path) -> None:
    with gateway_before(f"http://127.0.0.1:{free_port()}", folder) as front:
        answer = front.client.post(CHAT, json=BODY)
        ready = front.client.get("/readyz")
    assert answer.status_code == 502
    assert "Serve on Local Network" in answer.json()["error"]["message"]
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"


def test_silence_ends_with_504(folder: Path) -> None:
    with fault_upstream(hang) as upstream:
        with gateway_before(upstream.url, folder, {"GATEWAY_ANSWER_TIMEOUT_S": "0.3"}) as front:
            assert front.client.post(CHAT, json=BODY).status_code == 504


def test_a_kept_connection_that_was_closed_is_tried_once_more(folder: Path) -> None:
    requests = threading.Semaphore(0)

    def behave(exchange: Exchange) -> None:
        requests.release()
        if len(upstream.seen) == 2:
            exchange.die()  # on the kept connection, as a server that just timed it out
        else:
            exchange.answer(b'{"choices": []}')

    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:
        for _ in range(2):
            assert front.client.post(CHAT, json={"model": "m"}).status_code == 200
    assert len(upstream.seen) == 3


def test_an_answer_that_breaks_off_is_not_taken_for_whole(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        exchange.send(b'Content-Length: 100\r\n\r\n{"choices": [')
        exchange.die()

    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:
        answer = front.client.post(CHAT, json=BODY)
        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "truncated"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quiet]:
    """One gateway for the tests that never reach the model server."""
    folder = tmp_path_factory.mktemp("quiet")
    with fault_upstream(lambda exchange: exchange.answer(b"{}")) as upstream:
        with gateway_before(upstream.url, folder) as front:
            yield front, upstream


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"[1, 2]", "must be a JSON object"),
        (b'{"a": NaN}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_a_body_that_cannot_be_understood(quiet: Quiet, content: bytes, words: str) -> None:
    front, upstream = quiet
    before = len(upstream.seen)
    answer = front.client.post(CHAT, content=content)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert len(upstream.seen) == before


def test_a_body_over_the_limit(folder: Path) -> None:
    with gateway_before("http://127.0.0.1:9", folder, {"GATEWAY_MAX_BODY_BYTES": "2000"}) as front:
        answer = front.client.post(CHAT, json={"messages": ["x" * 3000]})
    assert answer.status_code == 413
    assert "2000 bytes" in answer.json()["error"]["message"]


@pytest.mark.parametrize("route", RELAYED, ids=lambda route: f"{route.method} {route.path}")
def test_no_route_works_without_a_key(quiet: Quiet, route: RelayedRoute) -> None:
    front, upstream = quiet
    before = len(upstream.seen)
    path = route.path.replace("{model:path}", "m").replace("{job}", "1")
    for headers in ({}, {"Authorization": "Bearer lk-x"}, {"x-api-key": "' OR 1=1"}):
        answer = httpx.request(
            route.method, front.service.url + path, headers=headers, content=b"{}"
        )
        # Whoever sends wrong keys again and again is slowed down.
        assert answer.status_code == 401 or (headers and answer.status_code == 429), headers
        error = answer.json()["error"]
        assert "key" in error["message"]
        codes = {"invalid_api_key", "too_many_failed_keys"}
        assert route.protocol is Protocol.ANTHROPIC or error["code"] in codes
    assert len(upstream.seen) == before


def test_a_key_needs_the_scope(quiet: Quiet) -> None:
    front, _ = quiet
    answer = front.client.post("/api/v1/models/load", json={"model": "m"})
    assert answer.status_code == 403
    assert "models:manage" in answer.json()["error"]["message"]
    made = front.new_key("op", "--scope", "models:manage")
    headers = {"x-api-key": made, "Authorization": ""}
    answer = front.client.post("/api/v1/models/load", json={"model": "m"}, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/unknown", "/v1/chat/completions/", "/api/v2/models", "/x"])
def test_an_unknown_route_is_404_in_openais_shape(quiet: Quiet, path: str) -> None:
    front, _ = quiet
    answer = front.client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"


def test_a_wrong_method_is_405_in_openais_shape(quiet: Quiet) -> None:
    front, _ = quiet
    answer = front.client.get(CHAT)
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_supported"


def test_the_host_header_opens_nothing(quiet: Quiet) -> None:
    front, _ = quiet
    answer = httpx.post(front.service.url + CHAT, json=BODY, headers={"Host": "x/healthz?"})
    assert answer.status_code in (400, 401)
    page = httpx.get(front.service.url, headers={"Host": '"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text


def test_no_prompt_answer_or_key_is_logged(folder: Path) -> None:
    with fault_upstream(streams(EVENT, b"data: [DONE]\n\n")) as upstream:
        with gateway_before(upstream.url, folder) as front:
            front.client.post(CHAT, json=BODY)
            front.client.post(CHAT, json=BODY, headers={"Authorization": "Bearer canary-key"})
            wait_until(lambda: front.service.log.count('"logger":"gateway.requests"') == 2, "log")
            log = front.service.log
            secret = front.key[len("lk-0123456789-") :]
    assert '"outcome":"ok"' in log
    for canary in ("canary-prompt", "canary-answer", "canary-key", secret):
        assert canary not in log


def test_sigterm_ends_with_exit_code_0(folder: Path) -> None:
    with gateway_before("http://127.0.0.1:9", folder) as front:
        assert front.service.stop() == 0
