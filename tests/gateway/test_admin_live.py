"""A running gateway learns of changed keys with the next request, and drops no stream for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before

MODELS = "/v1/models"
CHAT = "/v1/chat/completions"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
go_on = threading.Event()


def stream(exchange: Exchange) -> None:
    exchange.start_stream()
    exchange.chunk(EVENT)
    go_on.wait(60)
    exchange.chunk(EVENT + DONE)
    exchange.end_stream()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder: Path = tmp_path_factory.mktemp("live")
    with fault_upstream(stream) as upstream, gateway_before(upstream.url, folder) as made:
        yield made


def status(front: Front, key: str) -> int:
    return httpx.get(front.service.url + MODELS, headers={"x-api-key": key}, timeout=60).status_code


def test_revoked_by_the_command_line(front: Front) -> None:
    key = front.new_key("ana")
    assert status(front, key) == 200
    assert front.lectern("keys", "revoke", "ana").returncode == 0
    assert status(front, key) == 401


def test_revoked_by_http(front: Front) -> None:
    boss = front.new_key("boss", "--scope", "admin", "--scope", "models:read")
    admin = httpx.Client(base_url=front.service.url, headers={"Authorization": f"Bearer {boss}"})
    with admin:
        body = {"name": "bob", "scopes": ["models:read"]}
        key = admin.post("/lectern/admin/keys", json=body).json()["key"]
        assert status(front, key) == 200
        assert admin.post("/lectern/admin/keys/bob/revoke").status_code == 200
        assert status(front, key) == 401
        actors = [row["actor"] for row in admin.get("/lectern/admin/audit").json()["data"]]
    assert actors[:3] == ["key boss", "key boss", "command line"]


def test_rotated_by_the_command_line(front: Front) -> None:
    old = front.new_key("cleo")
    new = front.lectern("keys", "rotate", "cleo").stdout.strip()
    assert (status(front, old), status(front, new)) == (200, 200)
    newest = front.lectern("keys", "rotate", "cleo", "--overlap", "0").stdout.strip()
    assert (status(front, new), status(front, newest)) == (401, 200)
    front.lectern("keys", "revoke", "cleo")
    assert [status(front, key) for key in (old, new, newest)] == [401, 401, 401]


def test_keys_change_while_a_stream_runs(front: Front) -> None:
    """What was admitted ends whole, also when its own key has ended meanwhile."""
    go_on.clear()
    key = front.new_key("dora")
    body = {"model": "m", "stream": True, "messages": []}
    with front.client.stream(
        "POST", CHAT, json=body, headers={"Authorization": f"Bearer {key}"}
    ) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == EVENT
        assert front.lectern("keys", "revoke", "dora").returncode == 0
        assert status(front, key) == 401
        new = front.new_key("emil")
        assert status(front, new) == 200
        go_on.set()
        assert b"".join(pieces) == EVENT + DONE
