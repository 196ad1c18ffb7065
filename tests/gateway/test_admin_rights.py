"""Who may use the admin API, and what nobody gets out of it: every route, every scope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gateway.failure_throttle import BURST
from gateway.key_form import make_key
from gateway.keys import KeyLimits, Scope
from tests.gateway.admin_api import AUDIT, KEYS, AdminApi, error_of

ROUTES: dict[tuple[str, str], object] = {
    ("GET", "/lectern/admin/keys"): None,
    ("POST", "/lectern/admin/keys"): {"name": "new"},
    ("GET", "/lectern/admin/keys/{name}"): None,
    ("PATCH", "/lectern/admin/keys/{name}"): {"rpm": 5},
    ("POST", "/lectern/admin/keys/{name}/rotate"): {},
    ("POST", "/lectern/admin/keys/{name}/revoke"): {},
    ("GET", "/lectern/admin/audit"): None,
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[AdminApi]:
    made = AdminApi(tmp_path)
    async with made.client:
        yield made
    made.database.dispose()


async def every_route(api: AdminApi, key: str) -> dict[tuple[str, str], int]:
    """The status of each route of the table."""
    answers = {
        (method, path): await api.ask(key, method, path.format(name="ana"), body)
        for (method, path), body in ROUTES.items()
    }
    assert all(answer.headers["cache-control"] == "no-store" for answer in answers.values())
    return {route: answer.status_code for route, answer in answers.items()}


def test_the_table_holds_every_route(api: AdminApi) -> None:
    described = {
        (method.upper(), path)
        for path, operations in api.app.openapi()["paths"].items()
        for method in operations
        if path.startswith("/lectern/admin")
    }
    assert described == set(ROUTES)


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.ADMIN])
async def test_a_key_without_the_scope_gets_nothing(api: AdminApi, scope: Scope) -> None:
    """CVE-2026-35029: a route that changed settings forgot to ask for the role."""
    api.key("ana")
    assert set((await every_route(api, api.key("eve", [scope]))).values()) == {403}
    assert [key.name for key in api.store.all()] == ["ana", "eve"]


@pytest.mark.parametrize("offered", ["", "nonsense", make_key().text, "lk-' OR 1=1 --"])
async def test_who_has_no_key_gets_nothing(api: AdminApi, offered: str) -> None:
    api.key("ana")
    assert set((await every_route(api, offered)).values()) == {401}


async def test_an_admin_key_passes_everywhere(api: AdminApi) -> None:
    api.key("ana")
    statuses = await every_route(api, api.key("boss"))
    assert set(statuses.values()) == {200, 201}


async def test_a_revoked_admin_key_gets_nothing(api: AdminApi) -> None:
    api.key("ana")
    boss = api.key("boss")
    assert (await api.ask(boss, "GET", KEYS)).status_code == 200
    api.store.revoke("boss")
    assert set((await every_route(api, boss)).values()) == {401}


@pytest.mark.parametrize(
    "path",
    [
        "//lectern/admin/keys",
        "/lectern/admin/keys/",
        "/LECTERN/ADMIN/keys",
        "/lectern/admin//keys",
        "/v1/../lectern/admin/keys",
        "/lectern/admin/keys%2f",
        "/healthz/../lectern/admin/keys",
        "/lectern/admin/keys;a=b",
        "/lectern/admin/keys%00",
    ],
)
async def test_no_spelling_of_the_path_gets_around_the_key(api: AdminApi, path: str) -> None:
    """CVE-2026-49468: who may pass was judged by a path as text. Here the route asks itself."""
    api.key("ana")
    answer = await api.ask("", "GET", path)
    assert answer.status_code in (401, 404)
    assert "ana" not in answer.text


@pytest.mark.parametrize(
    "host", ["localhost", "host.docker.internal", "x/healthz?", "a@b:1/static/"]
)
async def test_no_host_header_gets_around_the_key(api: AdminApi, host: str) -> None:
    """CVE-2026-48710: an unchecked Host header moved what a check took for the path.

    CVE-2025-66405 and CVE-2026-110719 are its kin: a name of this machine is no proof of anything.
    """
    headers = {"Host": host, "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1"}
    for method, path in ROUTES:
        answer = await api.ask("", method, path.format(name="ana"), headers=headers)
        assert answer.status_code == 401


async def test_a_key_never_reaches_sql(api: AdminApi) -> None:
    """CVE-2026-42208: the text of a bad key reached SQL before it was checked."""
    boss = api.key("boss")
    await api.ask(boss, "GET", KEYS)
    statements: list[str] = []

    def note(*seen: object) -> None:
        statements.append(str(seen[2]))

    event.listen(Engine, "before_cursor_execute", note)  # of every engine in this process
    for offered in ("lk-' OR 1=1 --", "x'; DROP TABLE keys; --", "%00", "lk-" + "'" * 60):
        assert (await api.ask(offered, "GET", KEYS)).status_code == 401
    event.remove(Engine, "before_cursor_execute", note)
    assert statements == []


async def test_names_in_paths_are_bound_not_pasted(api: AdminApi) -> None:
    """CVE-2026-42208, in the routes that take a name."""
    boss = api.key("boss")
    api.key("ana")
    answer = await api.ask(boss, "POST", f"{KEYS}/x' OR '1'='1/revoke", {})
    assert error_of(answer) == (404, "key_not_found")
    assert all(key.revoked_at is None for key in api.store.all())


KEY_COLUMNS = ("owner", "created_by", "public_id", "id", "digest", "current", "revoked_at")
ODD_FIELDS = ("user_role", "role", "is_admin", "allowed_routes", "key", "secret", *KEY_COLUMNS)


@pytest.mark.parametrize("field", [*ODD_FIELDS, "api_base", "base_url", "user_config"])
async def test_a_field_that_is_not_listed_is_refused(api: AdminApi, field: str) -> None:
    """CVE-2026-47101 and CVE-2026-47102: fields of a key's body gave it routes or a role.

    CVE-2024-6587 and PYSEC-2026-4070: a field chose where requests go.
    """
    boss = api.key("boss")
    api.key("ana", [Scope.CHAT])
    bodies = {
        "POST": (KEYS, {"name": "new", field: "admin"}),
        "PATCH": (f"{KEYS}/ana", {field: "x"}),
    }
    for method, (path, body) in bodies.items():
        answer = await api.ask(boss, method, path, body)
        assert error_of(answer) == (400, "invalid_request")
        assert answer.json()["error"]["param"] == field
    assert [key.name for key in api.store.all()] == ["boss", "ana"]


def narrow_admin(api: AdminApi) -> str:
    """An admin key with bounds on everything."""
    return api.key(
        "narrow",
        [Scope.CHAT, Scope.ADMIN],
        models=("lectern-101*",),
        limits=KeyLimits(rpm=60, tpm=1000, concurrency=2, daily_tokens=5000),
        expires_at=datetime.now(UTC) + timedelta(days=10),
    )


TOO_WIDE = [
    {"scopes": ["chat", "models:manage"]},
    {"scopes": ["embed"]},
    {"models": []},
    {"models": None},
    {"models": ["*"]},
    {"models": ["lectern-1*"]},
    {"models": ["lectern-101", "qwen3-8b"]},
    {"rpm": 61},
    {"rpm": None},
    {"tpm": 1001},
    {"concurrency": 3},
    {"daily_tokens": None},
    {"expires": "11d"},
    {"expires": None},
]


@pytest.mark.parametrize("fields", TOO_WIDE, ids=str)
async def test_a_key_cannot_grant_what_it_has_not(api: AdminApi, fields: dict[str, Any]) -> None:
    """CVE-2026-47101: a key was made that may more than its maker."""
    narrow = narrow_admin(api)
    answer = await api.ask(narrow, "POST", KEYS, {"name": "new"} | fields)
    assert error_of(answer) == (403, "grant_refused")
    assert [key.name for key in api.store.all()] == ["narrow"]
    made = await api.ask(narrow, "POST", KEYS, {"name": "new", "scopes": ["chat"]})
    assert made.status_code == 201
    assert error_of(await api.ask(narrow, "PATCH", f"{KEYS}/new", fields)) == (403, "grant_refused")


async def test_what_is_left_out_is_as_wide_as_the_maker(api: AdminApi) -> None:
    made = await api.ask(narrow_admin(api), "POST", KEYS, {"name": "new"})
    body = made.json()
    assert (body["scopes"], body["models"], body["rpm"]) == (["chat"], ["lectern-101*"], 60)
    assert body["expires_at"] is not None


@pytest.mark.parametrize(
    "fields", [{"scopes": ["chat"]}, {"rpm": 1}, {"rpm": None}, {"models": ["a"]}]
)
async def test_a_key_cannot_change_itself(api: AdminApi, fields: dict[str, Any]) -> None:
    """CVE-2026-47102: a user set its own role."""
    boss = api.key("boss", limits=KeyLimits(rpm=60))
    answer = await api.ask(boss, "PATCH", f"{KEYS}/boss", fields)
    assert error_of(answer) == (403, "grant_refused")


async def test_rotating_is_no_way_to_a_stronger_key(api: AdminApi) -> None:
    narrow = narrow_admin(api)
    api.key("boss")
    answer = await api.ask(narrow, "POST", f"{KEYS}/boss/rotate", {})
    assert error_of(answer) == (403, "grant_refused")
    assert "lk-" not in answer.text


async def test_the_last_admin_key_needs_force_to_end_itself(api: AdminApi) -> None:
    boss = api.key("boss")
    answer = await api.ask(boss, "POST", f"{KEYS}/boss/revoke")
    assert error_of(answer) == (403, "grant_refused")
    assert "force" in answer.json()["error"]["message"]
    answer = await api.ask(boss, "POST", f"{KEYS}/boss/revoke", {"force": True})
    assert answer.json()["state"] == "revoked"
    assert (await api.ask(boss, "GET", KEYS)).status_code == 401


async def test_no_answer_after_the_first_shows_any_of_a_secret(api: AdminApi) -> None:
    """CVE-2024-9606: a mask left most of the key readable. Only the public id is ever shown."""
    boss = api.key("boss")
    texts = [boss]
    texts.append((await api.ask(boss, "POST", KEYS, {"name": "ana"})).json()["key"])
    texts.append((await api.ask(boss, "POST", f"{KEYS}/ana/rotate")).json()["key"])
    await api.ask(boss, "PATCH", f"{KEYS}/ana", {"note": "x"})
    seen = ""
    for path in (KEYS, f"{KEYS}/ana", AUDIT, "/healthz", "/openapi.json"):
        seen += (await api.ask(boss, "GET", path)).text
    for text in texts:
        secret = text[14:]
        assert not any(secret[at : at + 6] in seen for at in range(len(secret) - 5))
    assert not any(key.digest.hex() in seen for key in api.store.all())


async def test_health_says_nothing_about_keys(api: AdminApi) -> None:
    """CVE-2025-11203: a health check showed keys."""
    text = api.key("ana")
    answer = await api.ask("", "GET", "/healthz")
    assert answer.json() == {"status": "ok"}
    assert text[3:13] not in answer.text


async def test_no_other_secret_opens_the_door(api: AdminApi) -> None:
    """CVE-2026-114612 (one secret for many uses) and GHSA-69x8-hrgq-fjj8 (log-in by hash)."""
    api.key("boss")
    digest = api.store.all()[0].digest
    for secret in (api.pepper.decode(), digest.hex(), digest.hex()[:66]):
        assert (await api.ask(secret, "GET", KEYS)).status_code == 401


async def test_a_body_is_not_read_before_the_key_is_checked(api: AdminApi) -> None:
    """CVE-2025-54121 and its kin: a stranger's large body costs memory and time."""
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for at in range(100):
            read.append(at)
            yield b"x" * 65536

    assert (await api.ask("", "POST", KEYS, content=endless())).status_code == 401
    assert len(read) <= 1  # the test's client hands over a piece before it is asked
    boss = api.key("boss")
    answer = await api.ask(boss, "POST", KEYS, content=endless())
    assert error_of(answer) == (413, "request_too_large")
    assert len(read) < 10


async def test_many_bad_keys_are_slowed_and_a_good_one_is_not(api: AdminApi) -> None:
    boss = api.key("boss")
    answers = [await api.ask(make_key().text, "GET", KEYS) for _ in range(BURST + 1)]
    assert [answer.status_code for answer in answers] == [401] * BURST + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert error_of(answers[-1]) == (429, "too_many_failed_keys")
    assert (await api.ask(boss, "GET", KEYS)).status_code == 200
