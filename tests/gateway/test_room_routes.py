"""What every route under `/lectern/` shares: keys, owners, errors, a log without content."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from gateway.conversations import Conversations
from gateway.keys import Scope
from gateway.schema import metadata
from tests.gateway.room import CONVERSATIONS, Json, Room, begin, code_of, open_room, read, say


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as opened:
        yield opened


def operations(room: Room) -> list[tuple[str, str, Json]]:
    """Each operation of the room, as OpenAPI tells it."""
    return [
        (method, path, operation)
        for path, item in room.app.openapi()["paths"].items()
        if path.startswith(("/lectern/conversations", "/lectern/presets", "/lectern/votes"))
        for method, operation in item.items()
    ]


def fill(path: str, ids: Json) -> str:
    for name, id_ in ids.items():
        path = path.replace(f"{{{name}}}", id_)
    assert "{" not in path
    return path


SOMETHING = {"conversation": "conv_x", "message": "msg_x", "preset": "preset_x", "vote": "vote_x"}


async def test_every_route_needs_a_key_with_the_scope(room: Room) -> None:
    asked = operations(room)
    assert len(asked) == 27
    embedder = room.keys.create("eve", (Scope.EMBED,)).text
    async with room.client(embedder) as other, room.client("lk-nonsense") as wrong:
        for method, path, _ in asked:
            for client, refusals in (
                (room.nobody, {(401, "invalid_api_key")}),
                # After the first wrong keys their sender is slowed down.
                (wrong, {(401, "invalid_api_key"), (429, "too_many_failed_keys")}),
                (other, {(403, "insufficient_scope")}),
            ):
                answer = await client.request(method, fill(path, SOMETHING), content=b"not json")
                assert (answer.status_code, code_of(answer)) in refusals, (method, path)


async def test_the_key_may_come_as_x_api_key(room: Room) -> None:
    headers = {"x-api-key": room.keys.create("cy").text}
    answer = await room.nobody.get(CONVERSATIONS, headers=headers)
    assert answer.status_code == 200


async def test_another_keys_things_do_not_exist(room: Room) -> None:
    path = await begin(room.ana, title="private")
    message = await say(room.ana, path, "private")
    preset = await room.ana.post("/lectern/presets", json={"name": "p", "settings": {}})
    body = {"choice": "tie", "left": {"model": "a"}, "right": {"model": "b"}}
    vote = await room.ana.post("/lectern/votes", json=body)
    ids = {
        "conversation": path.rpartition("/")[2],
        "message": message,
        "preset": preset.json()["id"],
        "vote": vote.json()["id"],
    }
    before = await read(room.ana, path)
    bodies: dict[tuple[str, str], Json] = {
        ("post", "messages"): {"role": "user", "content": "x"},
        ("post", "siblings"): {"content": "x"},
        ("put", "{message}"): {"content": "x"},
        ("put", "feedback"): {"feedback": "up"},
        ("put", "leaf"): {"message_id": message},
        ("patch", "{conversation}"): {"title": "x"},
        ("patch", "{preset}"): {"name": "x"},
    }
    owned = [each for each in operations(room) if "{" in each[1]]
    assert len(owned) == 15
    for method, route, _ in owned:
        sent = bodies.get((method, route.rpartition("/")[2]))
        answer = await room.bob.request(
            method, fill(route, ids), json=sent, headers={"If-Match": "*"}
        )
        assert (answer.status_code, code_of(answer)) == (404, "not_found"), (method, route)
    assert await read(room.ana, path) == before


async def test_openapi_tells_what_is_true(room: Room) -> None:
    for method, path, operation in operations(room):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["security"] == [{"HTTPBearer": []}, {"APIKeyHeader": []}], where
        answers: dict[str, Any] = operation["responses"]
        assert {"400", "401", "403", "413", "429", "503"} <= set(answers), where
        assert not {"422", "default"} & set(answers), where
        assert ("404" in answers) == ("{" in path), where
        for status, answer in answers.items():
            if int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, where
    schemas = room.app.openapi()["components"]["schemas"]
    assert "HTTPValidationError" not in schemas


async def test_answers_are_private_and_carry_an_id(room: Room) -> None:
    for client in (room.ana, room.nobody):
        answer = await client.get(CONVERSATIONS)
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"].startswith("req_")


async def test_a_database_that_is_away_is_503(room: Room) -> None:
    await room.ana.get(CONVERSATIONS)  # the key is known
    path = await begin(room.ana)
    with room.database.begin() as connection:
        metadata.drop_all(connection)
    for answer in (
        await room.ana.get(CONVERSATIONS),
        await room.ana.get(path),
        await room.ana.post(CONVERSATIONS, json={"title": "canary"}),
        await room.ana.get("/lectern/presets"),
        await room.ana.get("/lectern/votes/totals"),
    ):
        assert (answer.status_code, code_of(answer)) == (503, "storage_unavailable")
        assert "canary" not in answer.text


async def test_nothing_that_is_said_is_logged(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    path = await begin(room.ana, title="canary")
    await say(room.ana, path, "canary", reasoning="canary")
    await room.ana.get(f"{CONVERSATIONS}/search", params={"q": "canary"})
    await room.ana.post(CONVERSATIONS, json={"canary": "canary"})
    await room.ana.post(f"{CONVERSATIONS}/import", content=b"canary")

    def fail(*_: object) -> None:
        raise OperationalError("INSERT canary", {"text": "canary"}, Exception("canary"))

    monkeypatch.setattr(Conversations, "get", fail)
    assert (await room.ana.get(path)).status_code == 503
    ours = [record for record in caplog.records if record.name.startswith("gateway")]
    lines = [vars(record)["fields"] for record in ours if record.name == "gateway.requests"]
    assert "canary" not in " ".join(str(record.__dict__) for record in ours)
    assert [(line["status"], line["outcome"]) for line in lines] == [
        (201, "ok"),
        (201, "ok"),
        (200, "ok"),
        (400, "invalid_request"),
        (400, "invalid_request"),
        (503, "storage_unavailable"),
    ]
    assert {line["key"] for line in lines} == {"ana"}
    assert lines[1]["route"] == f"{CONVERSATIONS}/{{conversation}}/messages"


async def test_a_route_that_does_not_take_a_method_says_so(room: Room) -> None:
    answer: httpx.Response = await room.ana.put(CONVERSATIONS, json={})
    assert answer.status_code == 405
    assert code_of(answer) == "method_not_supported"
