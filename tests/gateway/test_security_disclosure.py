"""What nobody learns from an answer, a log or a page: secrets, addresses, traces, other headers."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from gateway.relay import Relay
from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.doors import every_route, filled, open_door
from tests.running import free_port, wait_until

CHAT = "/v1/chat/completions"
TOKEN = "sk-lm-canary12:canary3456789canary0"
STREAM = {"model": "m", "messages": [], "stream": True}
ALLOWED = {
    *("date", "content-type", "content-length", "transfer-encoding", "cache-control"),
    *("retry-after", "x-request-id", "x-accel-buffering"),
    *("x-lectern-queue-ms", "x-lectern-overhead-ms"),
}
Script = dict[str, Callable[[Exchange], None]]


def with_headers(exchange: Exchange) -> None:
    """An answer with everything that must stay between the gateway and the model server."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: lm\r\nX-Powered-By: x\r\n"
        "Set-Cookie: a=b\r\nAccess-Control-Allow-Origin: *\r\nLocation: http://x/\r\nVia: x\r\n"
        f"Authorization: Bearer {TOKEN}\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
        "X-Accel-Redirect: /etc/passwd\r\nX-Request-Id: theirs\r\nTrailer: x\r\nUpgrade: h2c\r\n"
        "Link: <http://x/>\r\nRefresh: 0; url=http://x/\r\nCache-Control: no-cache\r\n"
    )
    exchange.send(f"{head}Content-Length: 15\r\n\r\n".encode() + b'{"choices": []}')


def echo_token(status: str) -> Callable[[Exchange], None]:
    """LM Studio repeats a token that it cannot read."""
    body = {"error": {"message": f"Malformed LM Studio API token provided: {TOKEN}"}}
    return lambda exchange: exchange.answer(orjson.dumps(body), status)


def die_in_stream(exchange: Exchange) -> None:
    exchange.start_stream()
    exchange.chunk(b'data: {"choices":[]}\n\n')
    exchange.die()


def talk_nonsense(exchange: Exchange) -> None:
    exchange.send(b"\x00\x01 nonsense\r\n\r\n")
    exchange.die()


BEHAVIOURS: Script = {
    "headers": with_headers,
    "401": echo_token("401 Unauthorized"),
    "403": echo_token("403 Forbidden"),
    "page": lambda exchange: exchange.answer(b"<html>Forbidden</html>", "403 Forbidden"),
    "die": lambda exchange: exchange.die(),
    "nonsense": talk_nonsense,
    "cut": die_in_stream,
    "hang": lambda exchange: exchange.wait_until_caller_left(),
}


def behave(exchange: Exchange) -> None:
    BEHAVIOURS[orjson.loads(exchange.body)["model"]](exchange)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, FaultUpstream]]:
    env = {"LMSTUDIO_API_TOKEN": TOKEN, "GATEWAY_ANSWER_TIMEOUT_S": "2"}
    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("secrets"), env) as opened:
            yield opened, upstream


@pytest.mark.parametrize("model", [name for name in BEHAVIOURS if name != "headers"])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_no_error_names_the_model_servers_address_or_token(
    front: tuple[Front, FaultUpstream], path: str, model: str
) -> None:
    """The caller's key was good: a refused token is told as the operator's matter, 502."""
    gateway, upstream = front
    answer = gateway.client.post(path, json=STREAM | {"model": model})
    assert answer.status_code in (502, 504) or (model == "cut" and answer.status_code == 200)
    told = answer.text + str(answer.headers)
    assert "error" in told
    for secret in (TOKEN, "canary", "127.0.0.1", upstream.url.rpartition("127.0.0.1")[2], "Trace"):
        assert secret not in told


def test_a_model_server_that_is_away_is_not_named(folder: Path) -> None:
    port = free_port()
    env = {"LMSTUDIO_API_TOKEN": TOKEN}
    with gateway_before(f"http://127.0.0.1:{port}", folder, env) as opened:
        told = opened.client.post(CHAT, json=STREAM).text
        told += httpx.get(opened.service.url + "/readyz").text
        told += httpx.get(opened.service.url + "/").text
    assert "cannot be reached" in told
    assert f":{port}" not in told
    assert "canary" not in told


def test_only_listed_headers_reach_the_caller(front: tuple[Front, FaultUpstream]) -> None:
    gateway, _ = front
    answer = gateway.client.post(CHAT, json={"model": "headers"})
    assert answer.status_code == 200
    assert set(answer.headers) <= ALLOWED
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["cache-control"] == "no-cache"


def test_only_listed_headers_reach_the_model_server(front: tuple[Front, FaultUpstream]) -> None:
    gateway, upstream = front
    hop_by_hop = {
        "Connection": "keep-alive, X-Evil",
        "Keep-Alive": "timeout=600",
        "TE": "trailers",
        "Proxy-Authorization": "Basic eDp4",
        "Expect": "",
    }
    own = {"Cookie": "a=b", "X-Evil": "1", "X-Forwarded-For": "192.0.2.1", "User-Agent": "me"}
    headers = hop_by_hop | own | {"x-api-key": gateway.key, "Anthropic-Version": "2023-06-01"}
    gateway.client.post(CHAT, json={"model": "headers"}, headers=headers)
    seen = upstream.seen[-1].headers
    assert set(seen) == {
        *("host", "authorization", "content-type", "accept", "accept-encoding"),
        *("anthropic-version", "content-length"),
    }
    assert seen["authorization"] == f"Bearer {TOKEN}"
    assert gateway.key not in str(seen)


def test_a_header_of_a_caller_cannot_become_two(front: tuple[Front, FaultUpstream]) -> None:
    gateway, upstream = front
    before = len(upstream.seen)
    for value in (b"a\nX-Evil: 1", b"a\rX-Evil: 1", b"a\x00b", b"a\x0bb"):
        request = b"POST %s HTTP/1.1\r\nHost: x\r\n" % CHAT.encode()
        request += b"x-api-key: %s\r\nAccept: %s\r\n" % (gateway.key.encode(), value)
        request += b'Content-Length: 19\r\nConnection: close\r\n\r\n{"model":"headers"}'
        with socket.create_connection(("127.0.0.1", gateway.service.port), timeout=60) as sock:
            sock.sendall(request)
            answer = b"".join(iter(lambda s=sock: s.recv(65536), b""))  # type: ignore[misc]
        assert b" 400 " in answer.split(b"\r\n")[0] or b" 200 " in answer.split(b"\r\n")[0]
    assert all("x-evil" not in exchange.headers for exchange in upstream.seen[before:])


def test_no_secret_is_in_the_log_the_metrics_or_the_ledger(
    front: tuple[Front, FaultUpstream],
) -> None:
    """A guardrail's log held Authorization headers: docs.litellm.ai, guardrail logging incident."""
    gateway, _ = front
    made = gateway.new_key("prometheus", "--scope", "admin")
    admin = made
    wrong = {"Authorization": "Bearer lk-canary-of-a-wrong-key"}
    gateway.client.post(CHAT, json={"model": "headers", "messages": ["canary-prompt"]})
    gateway.client.post(CHAT, json={"model": "401"})
    gateway.client.post(CHAT, json={"model": "m"}, headers=wrong)
    gateway.client.get(f"/v1/unknown?api_key={gateway.key}")
    metrics = httpx.get(gateway.service.url + "/metrics", headers={"x-api-key": admin}).text
    assert "lectern_requests_total" in metrics
    wait_until(
        lambda: "too_many" in gateway.service.log or '"status":401' in gateway.service.log, "log"
    )
    kept = b"".join(path.read_bytes() for path in gateway.data.glob("lectern.db*"))
    everything = (gateway.service.log + metrics).encode() + kept
    for secret in (TOKEN, "canary", gateway.key[14:], admin[14:]):
        assert secret.encode() not in everything
    assert (gateway.data / "pepper").read_bytes().strip() not in everything


def test_the_files_of_secrets_are_their_owners_alone(front: tuple[Front, FaultUpstream]) -> None:
    gateway, _ = front
    assert (gateway.data / "pepper").stat().st_mode & 0o077 == 0


async def test_a_defect_tells_the_caller_nothing_but_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canary in a trace")

    monkeypatch.setattr(Relay, "_serve", fail)
    async with open_door(tmp_path, "http://127.0.0.1:9") as door:
        answer = await door.ask("POST", CHAT, door.key("ana"))
    assert answer.status_code == 500
    assert set(answer.json()) == {"error"}
    assert "canary" not in answer.text
    assert "canary in a trace" in caplog.text  # the operator does see it


async def test_no_error_is_a_page(tmp_path: Path) -> None:
    """Stored and reflected XSS: what a caller sent comes back as JSON or not at all."""
    evil = "/v1/<script>alert(1)</script>"
    async with open_door(tmp_path, "http://127.0.0.1:9") as door:
        boss = door.key("boss")
        answers = [await door.ask(method, evil, boss) for method in ("GET", "POST", "OPTIONS")]
        for method, path in set(every_route(door.app)):
            if path not in ("/", "/static/{name}", "/metrics"):
                answers.append(await door.ask(method, filled(path)))
    for answer in answers:
        assert re.match(r"application/json(;|$)", answer.headers["content-type"])


HOSTS = ['"><script>alert(1)</script>', "{{7*7}}", "${7*7}", "x' onmouseover='alert(1)", "a b"]


@pytest.mark.parametrize("host", HOSTS)
async def test_the_page_shows_no_host_that_is_none(tmp_path: Path, host: str) -> None:
    async with open_door(tmp_path, "http://127.0.0.1:9") as door:
        answer = await door.ask("GET", "/", headers={"Host": host})
    assert answer.status_code == 200
    for part in ("<script>alert", "onmouseover", "{{", "49", "a b"):
        assert part not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
