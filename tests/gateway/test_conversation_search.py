"""Full-text search: ranked, one's own alone, and nothing that is typed can break it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.room import CONVERSATIONS, Json, Room, begin, code_of, open_room, read, say


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as opened:
        yield opened


async def hits(room: Room, query: str, limit: int = 20) -> list[Json]:
    answer = await room.ana.get(f"{CONVERSATIONS}/search", params={"q": query, "limit": limit})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["hits"]
    return found


async def test_words_in_titles_and_messages_are_found(room: Room) -> None:
    titled = await begin(room.ana, title="Growing tomatoes")
    path = await begin(room.ana, title="Garden")
    await say(room.ana, path, "When?")
    message = await say(room.ana, path, "Plant the tomatoes in late May.", role="assistant")
    await begin(room.ana, title="Taxes")
    found = await hits(room, "tomatoes")
    assert [hit["conversation"]["title"] for hit in found] == ["Growing tomatoes", "Garden"]
    assert [hit["message_id"] for hit in found] == [None, message]
    assert found[0]["conversation"]["id"] == (await read(room.ana, titled))["id"]
    assert found[1]["snippet"] == "Plant the <mark>tomatoes</mark> in late May."


async def test_every_word_must_be_there_and_the_last_may_go_on(room: Room) -> None:
    path = await begin(room.ana, title="t")
    await say(room.ana, path, "The quick brown fox")
    assert len(await hits(room, "quick bro")) == 1
    assert await hits(room, "qui brown") == []
    assert await hits(room, "quick cat") == []
    assert len(await hits(room, '"quick brown"')) == 1
    assert await hits(room, '"brown quick"') == []


async def test_accents_and_case_do_not_matter(room: Room) -> None:
    path = await begin(room.ana, title="t")
    await say(room.ana, path, "Crème Brûlée")
    assert len(await hits(room, "creme BRULEE")) == 1


async def test_languages_without_spaces_are_found(room: Room) -> None:
    path = await begin(room.ana, title="t")
    await say(room.ana, path, "今天天气很好我们去公园。")
    found = await hits(room, "公园")
    assert "<mark>公园</mark>" in found[0]["snippet"]
    assert len(await hits(room, "ラーメン")) == 0


async def test_the_better_match_comes_first(room: Room) -> None:
    for title, text in (("once", "tea " + "and many other words " * 30), ("often", "tea tea tea")):
        path = await begin(room.ana, title=title)
        await say(room.ana, path, text)
    assert [hit["conversation"]["title"] for hit in await hits(room, "tea")] == ["often", "once"]


async def test_a_conversation_is_shown_once_and_limits_are_told(room: Room) -> None:
    for _ in range(3):
        path = await begin(room.ana, title="t")
        for _ in range(3):
            await say(room.ana, path, "needle")
    answer = await room.ana.get(f"{CONVERSATIONS}/search", params={"q": "needle", "limit": 2})
    assert (len(answer.json()["hits"]), answer.json()["more"]) == (2, True)
    assert len(await hits(room, "needle")) == 3


async def test_others_are_not_found(room: Room) -> None:
    path = await begin(room.bob, title="needle")
    await say(room.bob, path, "needle 公园")
    assert await hits(room, "needle") == []
    assert await hits(room, "公园") == []


async def test_what_was_renamed_is_found_under_the_new_name_alone(room: Room) -> None:
    path = await begin(room.ana, title="apples")
    await room.ana.patch(path, json={"title": "pears"}, headers={"If-Match": "*"})
    assert await hits(room, "apples") == []
    assert len(await hits(room, "pears")) == 1
    await room.ana.post(f"{path}/erase")
    assert await hits(room, "pears") == []


@pytest.mark.parametrize("query", ["fox", "狐"])
async def test_a_snippet_is_safe_html(room: Room, query: str) -> None:
    path = await begin(room.ana, title="<img src=x onerror=alert(1)> fox 狐")
    await say(
        room.ana, path, "<script>alert('fox 狐')</script> <mark>fox 狐</mark> &lt;b&gt; \x02\x03"
    )
    other = await begin(room.ana, title="t")
    await say(room.ana, other, "</mark><script> fox 狐 <mark onclick='x'>")
    for hit in await hits(room, query):
        tags = re.findall(r"<[^>]*>", hit["snippet"])
        assert set(tags) == {"<mark>", "</mark>"}
        opened = re.sub(r"<mark>[^<]*</mark>", "", hit["snippet"])
        assert "<" not in opened
        assert ">" not in opened


@pytest.mark.parametrize(
    "query",
    [
        '"', '""', '"""', "'", "*", "***", "AND", "OR", "NOT", "a AND", "NEAR(a b)", "a NEAR/2 b",
        "title:fox", "text : fox", "-fox", "+fox", "^fox", "fox*", "(fox", "fox)", "{text}:fox",
        "'; DROP TABLE messages; --", '" OR 1=1 --', 'fox" OR owner:"bob', "%", "_", "\\", "%%_",
        "fox\0", "\u202e", "🦆", "a\nb\tc", "._.", "''", "fox;", "[fox]", "NULL", "x" * 200,
        " ".join("abcdefghijklmnopqrstuvwxyz"),
    ],
)  # fmt: skip
async def test_nothing_that_is_typed_breaks_it(room: Room, query: str) -> None:
    path = await begin(room.ana, title="fox")
    await say(room.ana, path, "the fox")
    answer = await room.ana.get(f"{CONVERSATIONS}/search", params={"q": query})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert code_of(answer) == "invalid_request"
    assert (await read(room.ana, path))["message_count"] == 1


@pytest.mark.parametrize("query", ["%", "_", "\\"])
async def test_signs_are_looked_for_as_they_are(room: Room, query: str) -> None:
    path = await begin(room.ana, title="t")
    await say(room.ana, path, "fox")
    assert await hits(room, query) == []
    await say(room.ana, path, f"a {query} sign")
    assert len(await hits(room, query)) == 1


@pytest.mark.parametrize("query", ["", " ", '""', "x" * 201])
async def test_no_word_at_all_is_refused(room: Room, query: str) -> None:
    answer = await room.ana.get(f"{CONVERSATIONS}/search", params={"q": query})
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == "q"
