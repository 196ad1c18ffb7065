"""Where requests go: to the operator's model server, whatever a caller or an answer says.

A second server listens beside it. Every address that a request can carry names that one, and the
test is that nobody ever connects to it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest

from gateway.routes import RELAYED
from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
WORK = [route.path for route in RELAYED if route.takes_slot]


@dataclass
class Trap:
    """A server that nobody should ever call; `calls` are the connections that came."""

    url: str
    host: str
    calls: list[object]


@contextlib.contextmanager
def trap() -> Iterator[Trap]:
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    caught = Trap(f"http://{host}", host, [])

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, address = listener.accept()
                caught.calls.append(address)
                connection.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield caught
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@dataclass
class Two:
    """The gateway, the server it is configured for, and the other one."""

    front: Front
    upstream: FaultUpstream
    trap: Trap


def behave(exchange: Exchange) -> None:
    if b"redirect" in exchange.body:
        status, _, target = orjson.loads(exchange.body)["redirect"].partition(" ")
        exchange.send(f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\n".encode())
        exchange.send(b"Content-Length: 0\r\n\r\n")
    else:
        exchange.answer(b'{"choices": []}')


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """One gateway whose environment is full of proxies that lead to the trap."""
    with trap() as caught, fault_upstream(behave) as upstream:
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        env = dict.fromkeys(names, caught.url) | {"NO_PROXY": "", "no_proxy": ""}
        with gateway_before(upstream.url, tmp_path_factory.mktemp("two"), env) as front:
            yield Two(front, upstream, caught)


def test_the_trap_notices_a_call() -> None:
    with trap() as own:
        socket.create_connection(("127.0.0.1", int(own.host.rpartition(":")[2]))).close()
        wait_until(lambda: own.calls, "the call to be noticed")


def fields(url: str) -> dict[str, object]:
    """Every field of peers that once chose where a request goes, also nested."""
    direct = dict.fromkeys(("api_base", "base_url", "api_url", "endpoint", "proxy", "host"), url)
    return direct | {
        "user_config": {"model_list": [{"litellm_params": {"api_base": url}}]},
        "litellm_params": {"api_base": url, "custom_llm_provider": "openai"},
        "extra_body": direct,
        "metadata": {"user_config": direct, "webhook": url},
        "callbacks": [url],
        "tools": [{"type": "mcp", "server_url": url, "server_label": "x"}],
        "ephemeral_mcp": [{"type": "url", "url": url}],
    }


@pytest.mark.parametrize("path", WORK)
def test_no_field_of_a_body_chooses_the_server(two: Two, path: str) -> None:
    """CVE-2024-6587 (`api_base`) and PYSEC-2026-4070 (`user_config`).

    The fields pass as they came: the model server ignores what it does not know, and the gateway
    reads none of them.
    """
    raw = orjson.dumps({"model": "m", "messages": [], "input": "x", **fields(two.trap.url)})
    assert two.front.client.post(path, content=raw).status_code == 200
    assert two.upstream.seen[-1].body == raw
    assert two.trap.calls == []


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "X-Forwarded-Host",
        "X-Forwarded-Server",
        "X-Host",
        "X-Original-URL",
        "X-Rewrite-URL",
        "x-portkey-custom-host",
        "x-portkey-config",
        "Helicone-Target-URL",
        "Helicone-OpenAI-Api-Base",
        "x-litellm-api-base",
        "X-Upstream",
        "X-Proxy-Pass",
        "Destination",
        "Referer",
    ],
)
def test_no_header_chooses_the_server(two: Two, name: str) -> None:
    """CVE-2025-66405 and CVE-2026-110719: a header named the host, `host.docker.internal` too."""
    for value in (two.trap.host, two.trap.url, f'{{"custom_host": "{two.trap.url}"}}'):
        answer = two.front.client.post(CHAT, json={"model": "m"}, headers={name: value})
        assert answer.status_code == 200
        seen = two.upstream.seen[-1].headers
        assert seen["host"] == two.upstream.url.removeprefix("http://")
        assert value not in seen.values()
    assert two.trap.calls == []


@pytest.mark.parametrize(
    "target",
    ["http://{host}" + CHAT, "http://user:pw@{host}" + CHAT, "//{host}" + CHAT, "{host}:80"],
)
def test_no_form_of_the_request_line_chooses_the_server(two: Two, target: str) -> None:
    """RFC 9112, 3.2.2: a request may name a whole URL. Its path counts, its host does not."""
    line = f"POST {target.format(host=two.trap.host)} HTTP/1.1\r\nHost: {two.trap.host}\r\n"
    key = f"Authorization: Bearer {two.front.key}\r\n"
    rest = 'Content-Length: 15\r\nConnection: close\r\n\r\n{"model": "m!"}'
    before = len(two.upstream.seen)
    with socket.create_connection(("127.0.0.1", two.front.service.port), timeout=60) as sock:
        sock.sendall((line + key + rest).encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    status = int(answer.split()[1])
    assert status in (200, 400, 404)
    assert len(two.upstream.seen) - before == (status == 200)
    for seen in two.upstream.seen[before:]:
        assert seen.target == CHAT
        assert seen.headers["host"] == two.upstream.url.removeprefix("http://")
    assert two.trap.calls == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_no_redirect_is_followed_or_shown(two: Two, status: int) -> None:
    body = {"model": "m", "redirect": f"{status} {two.trap.url}/x"}
    answer = two.front.client.post(CHAT, json=body)
    assert answer.status_code == 502
    assert two.trap.host not in answer.text + str(answer.headers)
    assert two.trap.calls == []


def test_nothing_that_a_message_names_is_fetched(two: Two) -> None:
    """CVE-2026-45400, CVE-2026-45401, CVE-2026-45331: a server fetched what a message named."""
    url = f"{two.trap.url}/a.png"
    contents: dict[str, list[object]] = {
        CHAT: [
            {"type": "text", "text": f"![x]({url}) <img src={url}> {url}"},
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "input_audio", "input_audio": {"url": url}},
            {"type": "file", "file": {"file_url": url}},
        ],
        "/v1/messages": [{"type": "image", "source": {"type": "url", "url": url}}],
        "/v1/responses": [{"type": "input_image", "image_url": url}],
    }
    for path, content in contents.items():
        turn = [{"role": "user", "content": content}]
        raw = orjson.dumps({"model": "m", "messages": turn, "input": turn})
        assert two.front.client.post(path, content=raw).status_code == 200
        assert two.upstream.seen[-1].body == raw
    assert two.trap.calls == []


def test_nothing_that_is_kept_is_fetched(two: Two) -> None:
    url = f"{two.trap.url}/a.png"
    client = two.front.client
    path = client.post("/lectern/conversations", json={"title": url}).headers["location"]
    part = {"type": "image_url", "image_url": {"url": url}}
    client.post(f"{path}/messages", json={"role": "user", "content": [part]})
    assert client.get(f"{path}/export?format=markdown").status_code == 200
    assert client.get("/lectern/conversations/search", params={"q": url}).status_code == 200
    assert two.trap.calls == []


@pytest.mark.parametrize(
    "model",
    ["..", "../../lmstudio-greeting", "%2e%2e/%2e%2e/x", "a%2f..%2f..%2fx", ".", "a/./b", "x/.."],
)
def test_no_path_climbs_out_of_its_route(two: Two, model: str) -> None:
    """A server that resolves `..` would be asked for a route that is not passed on."""
    before = len(two.upstream.seen)
    line = f"GET /api/v0/models/{model} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", two.front.service.port), timeout=60) as sock:
        sock.sendall(f"{line}x-api-key: {two.front.key}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert len(two.upstream.seen) == before


def test_a_model_with_dots_in_its_name_is_found(two: Two) -> None:
    answer = two.front.client.get("/api/v0/models/org/.hidden-7b..q4?v=/../x")
    assert answer.status_code == 200
    assert two.upstream.seen[-1].target == "/api/v0/models/org/.hidden-7b..q4?v=/../x"
