"""Messages as a tree: edits and other versions stand beside each other, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.conversation_bodies import NewConversation, NewMessage, NewSibling, Role
from gateway.conversation_messages import ConversationMessages
from gateway.conversations import Conversations
from gateway.database import open_database
from gateway.message_tree import BrokenTree, latest_leaf, parents_first, path_to, siblings
from gateway.room_database import RoomDatabase
from gateway.room_limits import Limits
from gateway.settings import GatewaySettings
from tests.gateway.room import Json, Room, begin, code_of, open_room, read, say

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as opened:
        yield opened


async def shown(room: Room, path: str) -> list[Any]:
    """The contents of the path that is shown."""
    found = await read(room.ana, path)
    by_id = {message["id"]: message for message in found["messages"]}
    return [by_id[id_]["content"] for id_ in found["active_path"]]


async def sibling(room: Room, path: str, message: str, content: str, **fields: Any) -> str:
    answer = await room.ana.post(
        f"{path}/messages/{message}/siblings", json={"content": content} | fields
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["message"]["id"])


async def test_a_message_keeps_every_field(room: Room) -> None:
    path = await begin(room.ana)
    picture = {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AA", "detail": "low"},
    }
    body = {
        "role": "assistant",
        "content": [{"type": "text", "text": "look", "odd": 1}, picture],
        "reasoning": "hm",
        "model": "lectern-101@q8_0",
        "numbers": {
            "time_to_first_token_s": 0.03,
            "tokens_per_second": 39.8,
            "usage": {"prompt_tokens": 3, "completion_tokens": 41, "details": {"cached": 2}},
            "finish_reason": "stop",
        },
        "extra": {"tool_calls": [{"id": "1"}]},
    }
    added = (await room.ana.post(f"{path}/messages", json=body)).json()["message"]
    message = (await read(room.ana, path))["messages"][0]
    assert message == added
    assert {name: message[name] for name in body} == body


async def test_an_edit_is_a_sibling_and_both_can_be_shown(room: Room) -> None:
    path = await begin(room.ana)
    first = await say(room.ana, path, "qestion")
    await say(room.ana, path, "answer 1", role="assistant")
    edited = await sibling(room, path, first, "question")
    await say(room.ana, path, "answer 2", role="assistant")
    assert await shown(room, path) == ["question", "answer 2"]
    version = (await read(room.ana, path))["version"]
    answer = await room.ana.put(
        f"{path}/leaf", json={"message_id": first}, headers={"If-Match": f'"{version}"'}
    )
    assert answer.status_code == 200
    assert await shown(room, path) == ["qestion", "answer 1"]
    found = await read(room.ana, path)
    parents = {message["id"]: message["parent_id"] for message in found["messages"]}
    assert siblings(first, parents) == [first, edited]


async def test_a_regenerated_answer_is_a_sibling(room: Room) -> None:
    path = await begin(room.ana)
    await say(room.ana, path, "question")
    answer = await say(room.ana, path, "one", role="assistant")
    again = await sibling(room, path, answer, "two", model="other", activate=False)
    found = await read(room.ana, path)
    assert found["active_leaf"] == answer
    assert [m["role"] for m in found["messages"]] == ["user", "assistant", "assistant"]
    assert [m["model"] for m in found["messages"]] == [None, None, "other"]
    assert found["messages"][2]["id"] == again


async def test_choosing_needs_the_version_and_a_message_of_the_conversation(room: Room) -> None:
    path, other = await begin(room.ana), await begin(room.ana)
    message, foreign = await say(room.ana, path, "a"), await say(room.ana, other, "b")
    leaf = f"{path}/leaf"
    assert (await room.ana.put(leaf, json={"message_id": message})).status_code == 428
    stale = {"If-Match": '"1"'}
    assert (
        await room.ana.put(leaf, json={"message_id": message}, headers=stale)
    ).status_code == 412
    whatever = {"If-Match": "*"}
    answer = await room.ana.put(leaf, json={"message_id": foreign}, headers=whatever)
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_a_parent_of_another_conversation_is_refused(room: Room) -> None:
    path, other = await begin(room.ana), await begin(room.ana)
    foreign = await say(room.ana, other, "b")
    body = {"role": "user", "content": "a", "parent_id": foreign}
    answer = await room.ana.post(f"{path}/messages", json=body)
    assert (answer.status_code, code_of(answer)) == (404, "not_found")
    assert (await read(room.ana, path))["messages"] == []


async def test_what_two_tabs_add_at_once_stands_side_by_side(room: Room) -> None:
    path = await begin(room.ana)
    first = await say(room.ana, path, "start")
    await asyncio.gather(*(say(room.ana, path, f"tab {i}", parent_id=first) for i in range(20)))
    found = await read(room.ana, path)
    assert {m["content"] for m in found["messages"]} == {"start"} | {f"tab {i}" for i in range(20)}
    assert (found["version"], found["message_count"]) == (22, 21)
    assert found["active_path"][0] == first


async def test_a_version_that_is_sent_is_held_to(room: Room) -> None:
    path = await begin(room.ana)
    body = {"role": "user", "content": "a"}
    version = {"If-Match": '"1"'}
    answers = await asyncio.gather(
        *(room.ana.post(f"{path}/messages", json=body, headers=version) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 9
    assert (await read(room.ana, path))["message_count"] == 1


async def test_a_repeated_call_adds_nothing(room: Room) -> None:
    path = await begin(room.ana)
    body = {"role": "user", "content": "a", "id": "tab-1-message-1"}
    headers = {"If-Match": '"1"'}
    answers = [
        await room.ana.post(f"{path}/messages", json=body, headers=headers) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len({answer.text for answer in answers}) == 1
    other = await room.ana.post(f"{path}/messages", json=body | {"content": "b"})
    assert (other.status_code, code_of(other)) == (409, "conflict")
    assert (await read(room.ana, path))["message_count"] == 1


async def test_the_same_id_may_be_in_two_conversations(room: Room) -> None:
    for client in (room.ana, room.ana, room.bob):
        await say(client, await begin(client), "a", id="message-1")


async def test_an_unfinished_answer_grows_until_it_is_finished(room: Room) -> None:
    path = await begin(room.ana)
    message = await say(room.ana, path, "Once", role="assistant", finished=False)
    where = f"{path}/messages/{message}"
    grown = await room.ana.put(where, json={"content": "Once upon", "finished": False})
    assert grown.status_code == 200
    numbers = {"finish_reason": "stop"}
    await room.ana.put(where, json={"content": "Once upon a time", "numbers": numbers})
    refused = await room.ana.put(where, json={"content": "Never"})
    assert (refused.status_code, code_of(refused)) == (409, "conflict")
    found = await read(room.ana, path)
    assert [m["content"] for m in found["messages"]] == ["Once upon a time"]
    assert found["messages"][0]["numbers"] == numbers
    hits = await room.ana.get("/lectern/conversations/search", params={"q": '"upon a time"'})
    assert len(hits.json()["hits"]) == 1


async def judge(room: Room, path: str, message: str, feedback: Any) -> httpx.Response:
    where = f"{path}/messages/{message}/feedback"
    return await room.ana.put(where, json={"feedback": feedback})


async def test_an_answer_keeps_its_thumb_until_it_is_taken_back(room: Room) -> None:
    path = await begin(room.ana)
    answer = await say(room.ana, path, "Once", role="assistant", finished=False)
    before = await read(room.ana, path)
    assert before["messages"][0]["feedback"] is None
    judged = await judge(room, path, answer, "up")
    assert (judged.status_code, judged.json()["message"]["feedback"]) == (200, "up")
    finished = await room.ana.put(f"{path}/messages/{answer}", json={"content": "Once upon"})
    assert finished.json()["message"]["feedback"] == "up"
    assert (await judge(room, path, answer, "down")).status_code == 200
    found = await read(room.ana, path)
    assert found["messages"][0]["feedback"] == "down"
    assert found["version"] > before["version"]
    await judge(room, path, answer, None)
    assert (await read(room.ana, path))["messages"][0]["feedback"] is None


async def test_a_thumb_changes_neither_the_days_of_the_list_nor_anything_when_repeated(
    room: Room,
) -> None:
    path = await begin(room.ana)
    answer = await say(room.ana, path, "Once", role="assistant")
    before = await read(room.ana, path)
    await judge(room, path, answer, "up")
    judged = await read(room.ana, path)
    assert judged["updated_at"] == before["updated_at"]
    await judge(room, path, answer, "up")
    assert await read(room.ana, path) == judged


async def test_only_an_answer_that_is_there_takes_a_thumb(room: Room) -> None:
    path = await begin(room.ana)
    question = await say(room.ana, path, "Why?")
    refused = await judge(room, path, question, "up")
    assert (refused.status_code, code_of(refused)) == (409, "conflict")
    missing = await judge(room, path, "message-none", "up")
    assert (missing.status_code, code_of(missing)) == (404, "not_found")
    answer = await say(room.ana, path, "Because.", role="assistant")
    for body in ({"feedback": "sideways"}, {"feedback": True}, {}, {"feedback": "up", "x": 1}):
        odd = await room.ana.put(f"{path}/messages/{answer}/feedback", json=body)
        assert (odd.status_code, code_of(odd)) == (400, "invalid_request"), body


@pytest.mark.parametrize(
    "change",
    [
        {"role": "wizard"},
        {"content": []},
        {"content": [{"text": "no type"}]},
        {"content": None},
        {"id": "../../etc"},
        {"id": "short"},
        {"numbers": {"tokens_per_second": -1}},
        {"numbers": {"speed": 1}},
        {"numbers": {"usage": {"odd": "x" * 5000}}},
        {"extra": {"odd": "x" * 300_000}},
        {"parent_id": 7},
        {"unknown": 1},
    ],
)
async def test_a_message_that_makes_no_sense_is_refused(room: Room, change: Json) -> None:
    path = await begin(room.ana)
    body = {"role": "user", "content": "a"} | change
    answer = await room.ana.post(f"{path}/messages", json=body)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert answer.json()["error"]["param"].startswith(next(iter(change)))


# --- Any sequence of edits ----------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "root", "reply", "edit", "choose"]),
        st.integers(0, 1000),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_any_sequence_keeps_the_tree_whole_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    engine = open_database(GatewaySettings(gateway_data_dir=folder))
    database = RoomDatabase(engine)
    store = Conversations(database, Limits())
    tree = ConversationMessages(database, Limits())
    id_ = store.create("ana", NewConversation()).id
    said: dict[str, tuple[str | None, str]] = {}
    for number, (step, pick, activate) in enumerate(steps):
        chosen = list(said)[pick % len(said)] if said else None
        text = f"text {number}"
        before = store.get("ana", id_)
        if step == "choose":
            if chosen is None:
                continue
            leaf = tree.choose("ana", id_, chosen, before.version)
            assert chosen in leaf.active_path
        else:
            parent = _parent(step, chosen, said, before.active_leaf)
            added = _add(tree, id_, step, chosen, text, activate)
            said[added] = (parent, text)
            after = store.get("ana", id_)
            assert after.active_leaf == (added if activate else before.active_leaf)
        _check(store, id_, said, before.version + 1)
    engine.dispose()


def _parent(
    step: str, chosen: str | None, said: dict[str, tuple[str | None, str]], leaf: str | None
) -> str | None:
    if chosen is not None and step == "reply":
        return chosen
    if chosen is not None and step == "edit":
        return said[chosen][0]
    return None if step == "root" else leaf


def _add(
    tree: ConversationMessages, id_: str, step: str, chosen: str | None, text: str, activate: bool
) -> str:
    if step == "edit" and chosen is not None:
        sibling = NewSibling(content=text, activate=activate)
        return tree.add_sibling("ana", id_, chosen, sibling, None)[0].message.id
    new = NewMessage(role=Role.USER, content=text, activate=activate)
    if step == "root":
        new = NewMessage(role=Role.USER, content=text, activate=activate, parent_id=None)
    if step == "reply" and chosen is not None:
        new = NewMessage(role=Role.USER, content=text, activate=activate, parent_id=chosen)
    return tree.append("ana", id_, new, None)[0].message.id


def _check(
    store: Conversations, id_: str, said: dict[str, tuple[str | None, str]], version: int
) -> None:
    found = store.get("ana", id_)
    assert {m.id: (m.parent_id, m.content) for m in found.messages} == said
    assert (found.version, found.message_count) == (version, len(said))
    parents = {m.id: m.parent_id for m in found.messages}
    order = list(parents)
    assert all(p is None or order.index(p) < order.index(m) for m, p in parents.items())
    assert sorted(parents_first(parents)) == sorted(order)
    for leaf in order:
        assert path_to(leaf, parents)[-1] == leaf
    sizes = sum(len(m.content) for m in found.messages if isinstance(m.content, str))
    assert found.size_bytes > sizes


def test_a_line_of_thousands_is_walked_without_recursion() -> None:
    parents: dict[str, str | None] = {"0": None}
    parents |= {str(i): str(i - 1) for i in range(1, 20_000)}
    assert latest_leaf("0", parents) == "19999"
    assert len(path_to("19999", parents)) == 20_000
    assert parents_first(parents) == list(parents)


def test_a_circle_is_noticed() -> None:
    parents: dict[str, str | None] = {"a": "b", "b": "a"}
    with pytest.raises(BrokenTree):
        path_to("a", parents)
    assert parents_first(parents) == []
