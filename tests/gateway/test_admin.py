"""The admin API at work: keys are made, shown, changed, rotated, revoked; the audit tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.key_form import read_key
from tests.gateway.admin_api import AUDIT, KEYS, AdminApi, error_of


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[AdminApi]:
    made = AdminApi(tmp_path)
    async with made.client:
        yield made
    made.database.dispose()


@pytest.fixture
def boss(api: AdminApi) -> str:
    return api.key("boss")


async def test_a_made_key_works_and_is_shown_once(api: AdminApi, boss: str) -> None:
    body = {
        "name": "ana",
        "scopes": ["chat", "admin"],
        "rpm": 60,
        "expires": "30d",
        "note": "seat 4",
    }
    made = await api.ask(boss, "POST", KEYS, body)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json()["key"]
    assert read_key(key) is not None
    shown = (await api.ask(key, "GET", f"{KEYS}/ana")).json()
    assert {name: shown[name] for name in ("scopes", "rpm", "tpm", "note", "created_by")} == {
        "scopes": ["admin", "chat"],
        "rpm": 60,
        "tpm": None,
        "note": "seat 4",
        "created_by": "key boss",
    }
    lives = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < lives <= timedelta(days=30)
    assert "key" not in shown


async def test_the_list_has_one_entry_for_a_person(api: AdminApi, boss: str) -> None:
    api.key("ana")
    await api.ask(boss, "POST", f"{KEYS}/ana/rotate")
    listed = (await api.ask(boss, "GET", KEYS)).json()
    assert listed["object"] == "list"
    assert [entry["name"] for entry in listed["data"]] == ["boss", "ana"]
    assert [secret["state"] for secret in listed["data"][1]["secrets"]] == ["retiring", "active"]


async def test_a_change_keeps_what_is_left_out(api: AdminApi, boss: str) -> None:
    await api.ask(boss, "POST", KEYS, {"name": "ana", "rpm": 60, "tpm": 100, "models": ["a*"]})
    changed = await api.ask(boss, "PATCH", f"{KEYS}/ana", {"rpm": None, "models": ["b"]})
    body = changed.json()
    assert (body["rpm"], body["tpm"], body["models"]) == (None, 100, ["b"])


async def test_rotating_answers_the_new_secret_and_keeps_the_rest(api: AdminApi, boss: str) -> None:
    old = api.key("ana")
    before = (await api.ask(old, "GET", f"{KEYS}/ana")).json()
    rotated = await api.ask(boss, "POST", f"{KEYS}/ana/rotate", {"overlap": "1h"})
    after = rotated.json()
    assert rotated.headers["cache-control"] == "no-store"
    assert (after["owner"], after["scopes"]) == (before["owner"], before["scopes"])
    for key in (old, after["key"]):
        assert (await api.ask(key, "GET", KEYS)).status_code == 200


@pytest.mark.parametrize("how", ["http", "another process"])
async def test_a_revoked_key_is_refused_on_the_next_request(
    api: AdminApi, boss: str, how: str
) -> None:
    ana = api.key("ana")
    for _ in range(5):
        assert (await api.ask(ana, "GET", KEYS)).status_code == 200
    if how == "http":
        await api.ask(boss, "POST", f"{KEYS}/ana/revoke")
    else:
        api.store.revoke("ana")
    assert error_of(await api.ask(ana, "GET", KEYS)) == (401, "invalid_api_key")


async def test_a_taken_name_is_a_conflict(api: AdminApi, boss: str) -> None:
    answer = await api.ask(boss, "POST", KEYS, {"name": "boss"})
    assert error_of(answer) == (409, "key_name_taken")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("POST", "/revoke")],
)
async def test_an_unknown_name_is_404(api: AdminApi, boss: str, method: str, path: str) -> None:
    body = {"rpm": 1} if method == "PATCH" else None
    answer = await api.ask(boss, method, f"{KEYS}/nobody{path}", body)
    assert error_of(answer) == (404, "key_not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "ana", "scopes": ["root"]}, "scopes.0"),
        ({"name": "ana", "scopes": []}, "scopes"),
        ({"name": "ana", "scopes": "chat"}, "scopes"),
        ({"name": "ana", "rpm": 0}, "rpm"),
        ({"name": "ana", "rpm": -1}, "rpm"),
        ({"name": "ana", "rpm": "60"}, "rpm"),
        ({"name": "ana", "rpm": 1.5}, "rpm"),
        ({"name": "ana", "rpm": True}, "rpm"),
        ({"name": "ana", "rpm": 10**20}, "rpm"),
        ({"name": "ana", "models": ["x" * 300]}, "models.0"),
        ({"name": "ana", "models": ["m"] * 51}, "models"),
        ({"name": "ana", "models": ["a b"]}, None),
        ({"name": "ana", "expires": "soon"}, None),
        ({"name": "ana", "expires": "-3d"}, None),
        ({"name": "ana", "note": "two\nlines"}, None),
        ({"name": "'; DROP TABLE keys"}, None),
        ([], None),
        ("ana", None),
    ],
    ids=str,
)
async def test_a_body_that_cannot_be_used_is_said_in_openais_shape(
    api: AdminApi, boss: str, body: object, param: str | None
) -> None:
    answer = await api.ask(boss, "POST", KEYS, body)
    assert error_of(answer) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == param
    assert [key.name for key in api.store.all()] == ["boss"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 60_000, "application/json"),
        (b"name=ana", "application/x-www-form-urlencoded"),
        (b"", None),
    ],
    ids=["cut", "no UTF-8", "deep", "form", "empty"],
)
async def test_a_body_that_is_no_json_is_said_in_openais_shape(
    api: AdminApi, boss: str, content: bytes, kind: str | None
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await api.ask(boss, "POST", KEYS, content=content, headers=headers)
    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize("overlap", ["", "forever", "31d", "-1h", "1s"])
async def test_an_odd_overlap_is_refused(api: AdminApi, boss: str, overlap: str) -> None:
    answer = await api.ask(boss, "POST", f"{KEYS}/boss/rotate", {"overlap": overlap})
    assert error_of(answer) == (400, "invalid_request")


async def test_the_audit_says_who_what_and_when(api: AdminApi, boss: str) -> None:
    await api.ask(boss, "POST", KEYS, {"name": "ana", "rpm": 60})
    await api.ask(boss, "PATCH", f"{KEYS}/ana", {"rpm": 30, "note": "slower"})
    page = (await api.ask(boss, "GET", AUDIT, params={"limit": 1})).json()
    (entry,) = page["data"]
    assert (entry["actor"], entry["actor_id"]) == ("key boss", boss[3:13])
    assert (entry["action"], entry["target"]) == ("change", "ana")
    assert entry["details"] == {"rpm": [60, 30], "note": ["", "slower"]}
    assert abs(datetime.fromisoformat(entry["at"]) - datetime.now(UTC)) < timedelta(minutes=5)


async def test_the_audit_is_read_page_by_page_while_it_grows(api: AdminApi, boss: str) -> None:
    for rpm in range(1, 8):
        api.store.change("boss", {"rpm": rpm})
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.ask(boss, "GET", AUDIT, params={"limit": "3"} | cursor)).json()
        seen += [entry["id"] for entry in page["data"]]
        api.store.change("boss", {"note": f"page {len(seen)}"})  # newer ones push nothing aside
        if not page["has_more"]:
            break
        cursor = {"after": page["last_id"]}
    assert [int(number) for number in seen] == list(range(8, 0, -1))


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"after": "-1"}]
)
async def test_an_odd_page_is_refused(api: AdminApi, boss: str, query: dict[str, str]) -> None:
    answer = await api.ask(boss, "GET", AUDIT, params=query)
    assert error_of(answer) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == next(iter(query))


async def test_a_database_that_is_away_is_503(api: AdminApi, boss: str) -> None:
    assert (await api.ask(boss, "GET", KEYS)).status_code == 200
    with api.database.begin() as connection:
        connection.execute(text("ALTER TABLE keys RENAME TO elsewhere"))
    for method, path, body in (("GET", KEYS, None), ("POST", KEYS, {"name": "ana"})):
        answer = await api.ask(boss, method, path, body)
        assert error_of(answer) == (503, "key_database_unavailable")
