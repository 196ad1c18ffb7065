"""Every route against every role, and everything that is not a key in the place of one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.key_form import make_key
from gateway.keys import Scope
from tests.fault_upstream import FaultUpstream, fault_upstream
from tests.gateway.doors import OPEN, Door, every_route, filled, open_door

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ANY_KEY = {"/lectern/usage", "/lectern/requests", "/lectern/key", "/lectern/sdk-token"}
MANAGE = ("/api/v1/models/load", "/api/v1/models/unload", "/api/v1/models/download")
KEPT = ("/lectern/conversations", "/lectern/presets", "/lectern/votes")


def scope_for(path: str) -> Scope | None:
    """What a key needs for a route, said here a second time; None: any key will do."""
    if path.startswith(("/lectern/admin", "/metrics")):
        return Scope.ADMIN
    if path in ANY_KEY:
        return None
    if path.startswith(MANAGE):
        return Scope.MODELS_MANAGE
    if path.endswith("/embeddings"):
        return Scope.EMBED
    return Scope.MODELS_READ if "/models" in path else Scope.CHAT


@pytest.fixture
def upstream() -> Iterator[FaultUpstream]:
    with fault_upstream(lambda exchange: exchange.answer(b'{"choices": []}')) as server:
        yield server


@pytest.fixture
async def door(tmp_path: Path, upstream: FaultUpstream) -> AsyncIterator[Door]:
    async with open_door(tmp_path, upstream.url) as opened:
        yield opened


def gated(door: Door) -> list[tuple[str, str]]:
    return sorted(route for route in set(every_route(door.app)) if route[1] not in OPEN)


def test_only_these_routes_need_no_key(door: Door) -> None:
    """CVE-2026-35029: a route is open by a decision, written down, or it is not."""
    routes = set(every_route(door.app))
    assert {path for _, path in routes} >= OPEN
    assert {method for method, path in routes if path in OPEN} <= {"GET", "HEAD"}
    assert len(gated(door)) > 45


@pytest.mark.parametrize("role", ["none", "malformed", "unknown", "expired", "revoked", "replaced"])
async def test_no_route_opens_without_a_working_key(
    door: Door, upstream: FaultUpstream, role: str
) -> None:
    """CVE-2026-35029 and CVE-2026-59822: one route forgot to ask."""
    offered = {
        "none": "",
        "malformed": "lk-' OR '1'='1",
        "unknown": make_key().text,
        "expired": door.key("old", expires_in=timedelta(microseconds=1)),
        "revoked": door.key("gone"),
        "replaced": door.key("ana"),
    }
    door.store.revoke("gone")
    door.store.rotate("ana", timedelta())
    for method, path in gated(door):
        answer = await door.ask(method, filled(path), offered[role])
        assert answer.status_code == 401, (method, path)
    assert upstream.seen == []


@pytest.mark.parametrize("scope", Scope)
async def test_a_key_opens_what_its_scope_says_and_nothing_else(
    door: Door, upstream: FaultUpstream, scope: Scope
) -> None:
    key = door.key("eve", [scope])
    door.key("ana")
    for method, path in gated(door):
        seen = len(upstream.seen)
        refused = (await door.ask(method, filled(path), key)).status_code == 403
        assert refused == (scope_for(path) not in (scope, None)), (method, path)
        if refused:
            assert len(upstream.seen) == seen


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files",
        "/v1/chat",
        "/v1/chat/completions/x",
        "/v1/audio/speech",
        "/config/update",
        "/key/generate",
        "/lectern",
        "/lectern/admin",
        "/lectern/admin/settings",
        "/docs",
        "/redoc",
        "/llm",
        "/engine/slots",
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/v1/models%00",
    ],
)
async def test_what_is_no_route_is_refused_whoever_asks(
    door: Door, upstream: FaultUpstream, path: str
) -> None:
    """Default: deny. Nothing is passed on because it looks like a route."""
    boss = door.key("boss")
    for method in METHODS:
        assert (await door.ask(method, path, boss)).status_code in (404, 405), method
    assert upstream.seen == []


async def test_a_relayed_path_takes_its_own_methods_alone(
    door: Door, upstream: FaultUpstream
) -> None:
    boss = door.key("boss")
    routes = {route for route in every_route(door.app) if route[1].startswith(("/v1", "/api"))}
    refused = {(method, path) for _, path in routes for method in METHODS} - routes
    for method, path in sorted(refused):
        answer = await door.ask(method, filled(path), boss)
        assert answer.status_code == 405, (method, path)
    assert upstream.seen == []


KEYED = ("/v1/models", "/lectern/usage", "/lectern/admin/keys", "/metrics")


@pytest.mark.parametrize("path", KEYED)
async def test_a_key_counts_in_two_headers_and_nowhere_else(door: Door, path: str) -> None:
    key = door.key("boss")
    basic = base64.b64encode(f"boss:{key}".encode()).decode()
    for query in ("key", "api_key", "api-key", "access_token", "token", "authorization"):
        assert (await door.ask("GET", f"{path}?{query}={key}")).status_code == 401
    for headers in (
        {"Authorization": f"Basic {basic}"},
        {"Authorization": key},
        {"Authorization": f"Token {key}"},
        {"Authorization": f"Bearer {key} {key}"},
        {"Authorization": f"Bearer {key},"},
        {"Authorization": "Bearer"},
        {"Cookie": f"key={key}; session={key}; Authorization=Bearer {key}"},
        {"api-key": key},
        {"x-goog-api-key": key},
        {"Proxy-Authorization": f"Bearer {key}"},
        {"X-Forwarded-Authorization": f"Bearer {key}"},
    ):
        assert (await door.ask("GET", path, headers=headers)).status_code == 401, headers
    for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
        assert (await door.ask("GET", path, headers=headers)).status_code == 200, headers


async def test_nothing_that_is_stored_is_a_credential(door: Door, tmp_path: Path) -> None:
    """GHSA-69x8-hrgq-fjj8 (log-in by hash) and CVE-2026-114612 (a secret used for two things)."""
    text = door.key("boss")
    (key,) = door.store.all()
    stem = text.rpartition("-")[0]
    stored = [
        key.digest.hex(),
        base64.b64encode(key.digest).decode(),
        key.public_id,
        f"lk-{key.public_id}",
        f"{stem}-{key.digest.hex()}"[: len(text)],
        key.owner,
        key.name,
        door.pepper.decode(),
        (tmp_path / "pepper").read_text().strip(),
    ]
    for offered in stored:
        assert (await door.ask("GET", "/v1/models", offered)).status_code == 401, offered
    assert (await door.ask("GET", "/v1/models", text)).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "host.docker.internal", "x/healthz?"])
async def test_no_header_about_addresses_opens_a_door(door: Door, host: str) -> None:
    """CVE-2025-66405, CVE-2026-48710, CVE-2026-49468: who may pass was judged by a name."""
    headers = {
        "Host": host,
        "X-Forwarded-Host": host,
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "Forwarded": f"for=127.0.0.1;host={host}",
        "X-Original-URL": "/healthz",
        "X-Rewrite-URL": "/healthz",
        "X-HTTP-Method-Override": "GET",
    }
    for method, path in gated(door):
        answer = await door.ask(method, filled(path), headers=headers)
        assert answer.status_code == 401, (method, path)


async def test_a_gateway_without_keys_serves_nobody(door: Door) -> None:
    """There is no open mode: before the first key exists every route asks for one."""
    assert door.store.all() == []
    for method, path in gated(door):
        for offered in ("", "sk-anything", "lm-studio"):
            assert (await door.ask(method, filled(path), offered)).status_code == 401
