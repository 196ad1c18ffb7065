"""Conversations: begun, listed, changed, deleted and restored, each key for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from gateway.conversations import Conversations
from gateway.room_database import RoomDatabase
from gateway.room_limits import Limits
from gateway.schema import conversations, messages
from tests.gateway.room import CONVERSATIONS, Room, begin, code_of, open_room, read, say

pytestmark = pytest.mark.usefixtures("each_database")

ANY = {"If-Match": "*"}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as opened:
        yield opened


async def test_a_conversation_is_kept(room: Room) -> None:
    settings = {"model": "lectern-101", "temperature": 0.2, "logit_bias": {"50256": -100}}
    path = await begin(room.ana, title="  Tea\n or coffee ", system_prompt="Be brief.")
    answer = await room.ana.patch(path, json={"settings": settings, "pinned": True}, headers=ANY)
    assert answer.status_code == 200
    found = await read(room.ana, path)
    assert (found["title"], found["system_prompt"]) == ("Tea or coffee", "Be brief.")
    assert found["settings"] == settings
    assert (found["pinned"], found["version"], found["messages"]) == (True, 2, [])


async def test_the_first_question_becomes_the_title(room: Room) -> None:
    path = await begin(room.ana)
    await say(room.ana, path, "\n  Why is the   sky blue?\nI wonder.")
    await say(room.ana, path, "And the sea?")
    assert (await read(room.ana, path))["title"] == "Why is the sky blue?"


async def test_the_list_has_pinned_ones_first_then_the_latest(room: Room) -> None:
    paths = [await begin(room.ana, title=str(i)) for i in range(4)]
    await room.ana.patch(paths[1], json={"pinned": True}, headers=ANY)
    await say(room.ana, paths[0], "hello")
    shown = (await room.ana.get(CONVERSATIONS)).json()["conversations"]
    assert [each["title"] for each in shown] == ["1", "0", "3", "2"]


async def test_pages_hold_each_conversation_once(room: Room) -> None:
    for i in range(7):
        await begin(room.ana, title=str(i), pinned=i % 3 == 0)
    seen: list[str] = []
    parameters: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await room.ana.get(CONVERSATIONS, params=parameters)).json()
        seen += [each["title"] for each in page["conversations"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == ["6", "3", "0", "5", "4", "2", "1"]


async def test_the_day_is_the_callers(room: Room) -> None:
    await begin(room.ana)
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    with room.database.begin() as connection:
        connection.execute(update(conversations).values(updated_at=late))
    for minutes, day in ((0, "2026-03-01"), (60, "2026-03-02"), (-1440, "2026-02-28")):
        answer = await room.ana.get(CONVERSATIONS, params={"utc_offset_minutes": minutes})
        assert answer.json()["conversations"][0]["day"] == day


@pytest.mark.parametrize(
    "cursor",
    ["x", "bnVsbA", "WzEsMiwzXQ", "=", "W10", "ä", "WzEsIjAwMDEtMDEtMDFUMDA6MDA6MDArMjM6MDAiLDNd"],
)
async def test_a_broken_cursor_is_refused(room: Room, cursor: str) -> None:
    answer = await room.ana.get(CONVERSATIONS, params={"cursor": cursor})
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == "cursor"


async def test_two_tabs_do_not_overwrite_each_other(room: Room) -> None:
    path = await begin(room.ana, title="old")
    mine = {"If-Match": (await room.ana.get(path)).headers["etag"]}
    assert (await room.ana.patch(path, json={"title": "tab 1"}, headers=mine)).status_code == 200
    refused = await room.ana.patch(path, json={"title": "tab 2"}, headers=mine)
    assert (refused.status_code, code_of(refused)) == (412, "stale_version")
    assert "version 2, you have 1" in refused.json()["error"]["message"]
    assert (await read(room.ana, path))["title"] == "tab 1"


async def test_of_many_writers_at_once_one_wins(room: Room) -> None:
    path = await begin(room.ana, title="start")
    answers = await asyncio.gather(
        *(
            room.ana.patch(path, json={"title": f"writer {i}"}, headers={"If-Match": '"1"'})
            for i in range(25)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 24
    winner = next(answer for answer in answers if answer.status_code == 200)
    found = await read(room.ana, path)
    assert (found["title"], found["version"]) == (winner.json()["title"], 2)


async def test_a_change_without_a_version_is_refused(room: Room) -> None:
    path = await begin(room.ana)
    refused = await room.ana.patch(path, json={"title": "x"})
    assert (refused.status_code, code_of(refused)) == (428, "version_required")
    nonsense = await room.ana.patch(path, json={"title": "x"}, headers={"If-Match": "yesterday"})
    assert (nonsense.status_code, code_of(nonsense)) == (400, "invalid_request")


async def test_an_unchanged_conversation_is_not_sent_again(room: Room) -> None:
    path = await begin(room.ana)
    answer = await room.ana.get(path, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.content) == (304, b"")
    await say(room.ana, path, "hello")
    assert (await room.ana.get(path, headers={"If-None-Match": '"1"'})).status_code == 200


async def test_a_deleted_conversation_can_be_restored(room: Room) -> None:
    path = await begin(room.ana, title="tea")
    await say(room.ana, path, "earl grey")
    deleted = (await room.ana.delete(path)).json()
    assert deleted["undo_until"] > deleted["deleted_at"]
    assert (await room.ana.get(path)).status_code == 404
    assert (await room.ana.get(CONVERSATIONS)).json()["conversations"] == []
    gone = (await room.ana.get(CONVERSATIONS, params={"deleted": True})).json()
    assert [each["title"] for each in gone["conversations"]] == ["tea"]
    hits = await room.ana.get(f"{CONVERSATIONS}/search", params={"q": "grey"})
    assert hits.json()["hits"] == []
    assert (await room.ana.post(f"{path}/restore")).status_code == 200
    assert len((await read(room.ana, path))["messages"]) == 1


async def test_a_stale_deletion_is_refused(room: Room) -> None:
    path = await begin(room.ana)
    await say(room.ana, path, "new")
    refused = await room.ana.delete(path, headers={"If-Match": '"1"'})
    assert (refused.status_code, code_of(refused)) == (412, "stale_version")


async def test_the_time_to_undo_ends_and_the_purge_leaves_nothing(room: Room) -> None:
    path = await begin(room.ana)
    await say(room.ana, path, "canary")
    kept = await begin(room.ana)
    await room.ana.delete(path)
    store = Conversations(RoomDatabase(room.database), Limits())
    assert store.purge() == 0
    with room.database.begin() as connection:
        long_ago = datetime.now(UTC) - timedelta(days=8)
        deleted = conversations.c.deleted_at.is_not(None)
        connection.execute(update(conversations).where(deleted).values(deleted_at=long_ago))
    late = await room.ana.post(f"{path}/restore")
    assert (late.status_code, code_of(late)) == (409, "conflict")
    assert (store.purge(), store.purge()) == (1, 0)
    assert (await room.ana.post(f"{path}/restore")).status_code == 404
    with room.database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(messages)).scalar() == 0
    await read(room.ana, kept)


async def test_erasing_removes_at_once(room: Room) -> None:
    path = await begin(room.ana)
    await say(room.ana, path, "secret")
    other = await begin(room.ana)
    await room.ana.delete(other)
    for each in (path, other):
        assert (await room.ana.post(f"{each}/erase")).status_code == 204
        assert (await room.ana.post(f"{each}/restore")).status_code == 404
    with room.database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(messages)).scalar() == 0


async def test_a_rotated_key_keeps_what_it_owns(room: Room) -> None:
    path = await begin(room.ana, title="mine")
    async with room.client(room.keys.rotate("ana").text) as successor:
        assert (await read(successor, path))["title"] == "mine"


async def test_whoever_gets_a_revoked_name_finds_nothing_of_its_former_owner(room: Room) -> None:
    path = await begin(room.ana, title="mine")
    room.keys.revoke("ana")
    async with room.client(room.keys.create("ana").text) as stranger:
        assert (await stranger.get(path)).status_code == 404


async def test_odd_text_comes_back_as_it_was(room: Room) -> None:
    odd = "<script>alert('x')</script> '; DROP TABLE messages; -- \u202e🦆 \\ \" {{7*7}}"
    path = await begin(room.ana, title=odd[:200], system_prompt=odd)
    await say(room.ana, path, odd, model=odd, extra={odd: odd}, reasoning=odd)
    found = await read(room.ana, path)
    message = found["messages"][0]
    assert (found["title"], found["system_prompt"]) == (odd, odd)
    assert (message["content"], message["model"], message["reasoning"]) == (odd, odd, odd)
    assert message["extra"] == {odd: odd}


async def test_nul_is_made_visible(room: Room) -> None:
    path = await begin(room.ana)
    await say(room.ana, path, "a\0b")
    assert (await read(room.ana, path))["messages"][0]["content"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"title": "x" * 201}, "title"),
        ({"titel": "x"}, "titel"),
        ({"pinned": "perhaps"}, "pinned"),
        ({"settings": {"temperature": -1}}, "settings.temperature"),
        ({"settings": {"odd": "x" * 33_000}}, "settings"),
        ({"system_prompt": "x" * 100_001}, "system_prompt"),
    ],
)
async def test_a_field_out_of_bounds_is_named(room: Room, body: object, name: str) -> None:
    answer = await room.ana.post(CONVERSATIONS, json=body)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == name
    assert f"`{name}`" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"title": "\\ud800"}',
        b'{"title": NaN}',
        b"\xff",
        b'{"settings": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
        b'{"settings": {"a": ' + b"[" * 9000 + b"]" * 9000 + b"}}",
        b'{"settings": {"a": 1e999}}',
        b'{"settings": {"a": ' + b"9" * 5000 + b"}}",
    ],
)
async def test_a_body_that_cannot_be_used_is_refused(room: Room, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await room.ana.post(CONVERSATIONS, content=body, headers=headers)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")


async def test_a_body_of_another_type_is_refused(room: Room) -> None:
    answer = await room.ana.post(CONVERSATIONS, data={"title": "x"})
    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["error"]["message"]


async def test_a_huge_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    sent = 0

    async def pour() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1024

    async with open_room(tmp_path, Limits(body_bytes=10_000)) as room:
        headers = {"Content-Type": "application/json"}
        answer = await room.ana.post(CONVERSATIONS, content=pour(), headers=headers)
    assert (answer.status_code, code_of(answer)) == (413, "request_too_large")
    assert sent < 20


async def test_a_key_keeps_so_many_conversations_and_deleted_ones_give_way(
    tmp_path: Path,
) -> None:
    async with open_room(tmp_path, Limits(conversations=2)) as room:
        first = await begin(room.ana)
        await begin(room.ana)
        refused = await room.ana.post(CONVERSATIONS, json={})
        assert (refused.status_code, code_of(refused)) == (409, "limit_reached")
        await begin(room.bob)
        await room.ana.delete(first)
        await begin(room.ana)


async def test_the_limit_holds_under_a_burst(tmp_path: Path) -> None:
    async with open_room(tmp_path, Limits(conversations=5)) as room:
        answers = await asyncio.gather(*(room.ana.post(CONVERSATIONS, json={}) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 15


async def test_a_conversation_holds_so_many_messages_and_bytes(tmp_path: Path) -> None:
    limits = Limits(messages=2, message_bytes=500, conversation_bytes=700, owner_bytes=1000)
    async with open_room(tmp_path, limits) as room:
        path = await begin(room.ana)
        await say(room.ana, path, "x" * 300)

        async def refusal(where: str, content: str) -> tuple[int, str]:
            body = {"role": "user", "content": content}
            answer: httpx.Response = await room.ana.post(f"{where}/messages", json=body)
            return answer.status_code, code_of(answer)

        assert await refusal(path, "x" * 600) == (413, "too_large")
        assert await refusal(path, "x" * 400) == (413, "too_large")
        await say(room.ana, path, "x")
        assert await refusal(path, "x") == (409, "limit_reached")
        other = await begin(room.ana)
        assert await refusal(other, "x" * 350) == (409, "limit_reached")
        await room.ana.delete(path)
        await say(room.ana, other, "x" * 350)
