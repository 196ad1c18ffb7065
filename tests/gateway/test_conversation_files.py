"""Export and import: what goes out comes back, what is foreign comes in whole or not at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.chatgpt_file import read_chatgpt
from gateway.conversation_export import plain, safe_markdown
from gateway.errors import BadRequest
from gateway.import_parts import LeftOut
from gateway.json_elements import elements
from gateway.open_webui_file import read_open_webui
from gateway.room_limits import Limits
from tests.gateway.room import CONVERSATIONS, Json, Room, begin, code_of, open_room, read, say

EXPORT, IMPORT = f"{CONVERSATIONS}/export", f"{CONVERSATIONS}/import"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as opened:
        yield opened


async def load(client: httpx.AsyncClient, document: object) -> Json:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = await client.post(IMPORT, content=raw)
    assert answer.status_code == 200, answer.text
    report: Json = answer.json()
    return report


async def everything(client: httpx.AsyncClient) -> list[Json]:
    """All conversations as they are exported, without what differs between two keys."""
    found: list[Json] = (await client.get(EXPORT)).json()["conversations"]
    for each in found:
        places = {message["id"]: i for i, message in enumerate(each["messages"])}
        places[None] = -1
        for message in each["messages"]:
            message["parent_id"] = places[message["parent_id"]]
            del message["id"]
        each["active_leaf"] = places[each["active_leaf"]]
        del each["id"], each["version"]
    return found


async def a_branched_conversation(room: Room) -> str:
    path = await begin(room.ana, title="Tea", system_prompt="Be brief.", pinned=True)
    await room.ana.patch(
        path, json={"settings": {"temperature": 0.5, "odd": [1]}}, headers={"If-Match": "*"}
    )
    first = await say(room.ana, path, "Which tea?")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    await say(room.ana, path, [{"type": "text", "text": "This one."}, picture])
    numbers = {"usage": {"completion_tokens": 3}, "finish_reason": "stop"}
    green = await say(
        room.ana, path, "Green.", role="assistant", numbers=numbers, reasoning="hm", model="m"
    )
    await room.ana.put(f"{path}/messages/{green}/feedback", json={"feedback": "up"})
    await room.ana.post(f"{path}/messages/{first}/siblings", json={"content": "Which coffee?"})
    return path


def chatgpt(**changes: Any) -> Json:
    """A conversation as in conversations.json, with an edited question and odd content."""

    def node(id_: str, parent: str | None, role: str | None, content: Json | None) -> Json:
        message = None
        if role:
            message = {
                "id": id_,
                "author": {"role": role},
                "content": content,
                "create_time": 1_700_000_000.5,
                "metadata": {"model_slug": "gpt-4o"} if role == "assistant" else {},
            }
        return {"id": id_, "message": message, "parent": parent, "children": []}

    def text(*parts: Any) -> Json:
        return {"content_type": "text", "parts": list(parts)}

    nodes = [
        node("root", None, None, None),
        node("sys", "root", "system", text("")),
        node("q1", "sys", "user", text("Which tea?")),
        node("t1", "q1", "assistant", {
            "content_type": "thoughts", "thoughts": [{"content": "hm"}],
        }),
        node("a1", "t1", "assistant", text("Green.")),
        node("q2", "sys", "user", {
            "content_type": "multimodal_text",
            "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "f"}, "This?"],
        }),
        node("c2", "q2", "assistant", {
            "content_type": "code", "language": "python", "text": "1+1",
        }),
        node("o2", "c2", "tool", {"content_type": "execution_output", "text": "2"}),
        node("b2", "o2", "tool", {"content_type": "tether_quote", "text": "a page"}),
        node("a2", "b2", "assistant", text("Two.")),
        node("lost", "lost", "user", text("a circle")),
    ]  # fmt: skip
    return {
        "title": "Tea",
        "create_time": 1_700_000_000.0,
        "update_time": 1_700_000_100.0,
        "mapping": {each["id"]: each for each in nodes},
        "current_node": "a1",
    } | changes


def open_webui(**changes: Any) -> Json:
    """A chat as in Open WebUI's export, with two answers side by side."""

    def message(id_: str, parent: str | None, role: str, content: str, **fields: Any) -> Json:
        return {"id": id_, "parentId": parent, "role": role, "content": content} | fields

    folded = (
        '<details type="reasoning" done="true" duration="2">\n<summary>Thought for 2 seconds'
        "</summary>\n&gt; hm\n&gt; well\n</details>\nGreen."
    )
    picture = {"type": "image", "url": "data:image/png;base64,AA"}
    found = [
        message("q", None, "user", "Which tea?", timestamp=1_700_000_000, files=[picture]),
        message("a", "q", "assistant", folded, model="llama", usage={"completion_tokens": 7}),
        message("b", "q", "assistant", "Black.", model="qwen", files=[{"type": "file"}]),
    ]
    return {
        "id": "row",
        "title": "Tea",
        "pinned": True,
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_100,
        "chat": {
            "models": ["llama", "qwen"],
            "params": {"temperature": 0.3, "system": "Be brief."},
            "history": {"messages": {m["id"]: m for m in found}, "currentId": "a"},
        },
    } | changes


async def test_everything_that_is_exported_comes_back(room: Room) -> None:
    await a_branched_conversation(room)
    await begin(room.ana, title="Empty", settings={"beyond_64_bits": 2**70, "below": -(2**70)})
    raw = (await room.ana.get(EXPORT)).content
    report = await load(room.bob, raw)
    assert (report["format"], report["conversations"], report["left_out"]) == ("lectern", 2, [])
    assert await everything(room.bob) == await everything(room.ana)
    kept = [each for found in await everything(room.bob) for each in found["messages"]]
    assert [each["content"] for each in kept if each["feedback"] == "up"] == ["Green."]


async def test_one_conversation_is_exported_as_a_file(room: Room) -> None:
    path = await a_branched_conversation(room)
    answer = await room.ana.get(f"{path}/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith('attachment; filename="lectern-')
    assert (await load(room.bob, answer.content))["messages"] == 4


async def test_an_import_twice_makes_nothing_twice(room: Room) -> None:
    for document in ([chatgpt()], [open_webui()]):
        assert (await load(room.ana, document))["conversations"] == 1
        again = await load(room.ana, document)
        assert (again["conversations"], again["duplicates"]) == (0, 1)
        assert (await load(room.bob, document * 2))["duplicates"] == 1
    own = (await room.ana.get(EXPORT)).content
    assert (await load(room.ana, own))["duplicates"] == 2


async def test_what_was_deleted_can_be_imported_again(room: Room) -> None:
    first = await load(room.ana, [chatgpt()])
    await room.ana.delete(f"{CONVERSATIONS}/{first['ids'][0]}")
    assert (await load(room.ana, [chatgpt()]))["conversations"] == 1


async def test_a_backup_of_what_has_changed_comes_beside_it(room: Room) -> None:
    path = await a_branched_conversation(room)
    backup = (await room.ana.get(EXPORT)).content
    await say(room.ana, path, "more")
    assert (await load(room.ana, backup))["conversations"] == 1


async def test_a_chatgpt_export_comes_in_with_its_branches(room: Room) -> None:
    report = await load(room.ana, [chatgpt()])
    assert report["format"] == "chatgpt"
    assert {each["what"]: each["count"] for each in report["left_out"]} == {
        "image": 1, "message of type tether_quote": 1, "message in a circle": 1,
    }  # fmt: skip
    found = await read(room.ana, f"{CONVERSATIONS}/{report['ids'][0]}")
    by_id = {message["id"]: message for message in found["messages"]}
    assert [by_id[id_]["content"] for id_ in found["active_path"]] == ["Which tea?", "Green."]
    answer = by_id[found["active_leaf"]]
    assert (answer["reasoning"], answer["model"]) == ("hm", "gpt-4o")
    assert [m["content"] for m in found["messages"] if m["parent_id"] is None] == [
        "Which tea?",
        "This?",
    ]
    said = [m["content"] for m in found["messages"]]
    assert {"```python\n1+1\n```", "```\n2\n```", "Two."} < set(said)
    assert found["updated_at"] == "2023-11-14T22:15:00Z"
    assert found["origin"] == "chatgpt"


async def test_an_open_webui_export_comes_in_with_its_branches(room: Room) -> None:
    report = await load(room.ana, [open_webui()])
    assert report["format"] == "open_webui"
    assert report["left_out"] == [{"what": "file", "count": 1}]
    found = await read(room.ana, f"{CONVERSATIONS}/{report['ids'][0]}")
    question, answer, other = found["messages"]
    assert question["content"][0] == {"type": "text", "text": "Which tea?"}
    assert question["content"][1]["image_url"]["url"].startswith("data:image/png")
    assert (answer["content"], answer["reasoning"]) == ("Green.", "hm\nwell")
    assert answer["numbers"] == {"usage": {"completion_tokens": 7}}
    assert (other["model"], other["parent_id"]) == ("qwen", question["id"])
    assert found["active_leaf"] == answer["id"]
    assert (found["system_prompt"], found["pinned"]) == ("Be brief.", True)
    assert found["settings"] == {"temperature": 0.3, "model": "llama"}


async def test_an_old_open_webui_export_is_a_line(room: Room) -> None:
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    report = await load(room.ana, [{"chat": {"title": "old", "messages": said}}])
    found = await read(room.ana, f"{CONVERSATIONS}/{report['ids'][0]}")
    assert [m["parent_id"] for m in found["messages"]] == [None, found["messages"][0]["id"]]


async def test_an_import_is_all_or_nothing(tmp_path: Path) -> None:
    limits = Limits(conversations=3, messages=10, message_bytes=2_000, conversation_bytes=4_000)
    async with open_room(tmp_path, limits) as room:
        await begin(room.ana)
        four = [chatgpt(title=str(i)) for i in range(3)]
        long = [chatgpt(), chatgpt(mapping={
            str(i): {"parent": None, "message": {
                "author": {"role": "user"}, "content": {"content_type": "text", "parts": ["x"]},
            }} for i in range(11)
        })]  # fmt: skip
        large = [chatgpt(), open_webui(title="x")]
        large[1]["chat"]["history"]["messages"]["q"]["content"] = "x" * 3_000
        cut = json.dumps([chatgpt(), chatgpt(title="b")]).encode()[:-40]
        for document, status in ((four, 409), (long, 413), (large, 413), (cut, 400)):
            raw = document if isinstance(document, bytes) else json.dumps(document).encode()
            answer = await room.ana.post(IMPORT, content=raw)
            assert answer.status_code == status, answer.text
            assert code_of(answer)
            assert len((await room.ana.get(CONVERSATIONS)).json()["conversations"]) == 1


async def test_an_import_has_its_own_bound(tmp_path: Path) -> None:
    async with open_room(tmp_path, Limits(body_bytes=100, import_bytes=20_000)) as room:
        assert (await load(room.ana, [chatgpt()]))["conversations"] == 1
        answer = await room.ana.post(IMPORT, content=b"[" + b" " * 20_001)
        assert (answer.status_code, code_of(answer)) == (413, "request_too_large")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[", b"[}", b"[1,]", b"[{},", b"null", b"7", b'"x"', b"[]", b"{}", b"[{}]",
        b"[1, 2]",
        b'{"conversations": []}', b'{"conversations": {}}', b"\xff\xfe", b"[{}] []", b'{"a" 1}',
        b"[" * 100_000, b'[{"mapping": ' + b"[" * 200 + b"]" * 200 + b"}]",
        b'[{"mapping": ' + b"9" * 5000 + b"}]", b'{"messages": [], "mapping": 1}',
    ],
)  # fmt: skip
async def test_what_is_no_export_is_refused(room: Room, raw: bytes) -> None:
    answer = await room.ana.post(IMPORT, content=raw)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request"), answer.text
    assert (await room.ana.get(CONVERSATIONS)).json()["conversations"] == []


async def test_one_odd_conversation_does_not_spoil_the_others(room: Room) -> None:
    half = chatgpt(title="half \ud83d here")
    report = await load(room.ana, [7, {"odd": 1}, half, {"mapping": {}}])
    assert report["conversations"] == 1
    assert {each["what"]: each["count"] for each in report["left_out"]}[
        "conversation that cannot be read"
    ] == 2
    found = await read(room.ana, f"{CONVERSATIONS}/{report['ids'][0]}")
    assert found["title"] == "half \ufffd here"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "text", "a", "b", "thoughts", "multimodal_text"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["a", "b", "mapping", "message", "parent", "content", "parts", "author", "role",
             "content_type", "metadata", "chat", "history", "messages", "currentId", "parentId",
             "files", "usage", "params", "models", "thoughts", "title", "create_time"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(junk=st.dictionaries(st.sampled_from(["a", "b", "c"]), JUNK, max_size=3), rest=JUNK)
def test_no_junk_breaks_a_reader(junk: Json, rest: Any) -> None:
    for read_one, document in (
        (read_chatgpt, {"mapping": junk, "title": rest, "current_node": rest}),
        (read_open_webui, {"chat": {"history": {"messages": junk, "currentId": rest}}}),
        (read_open_webui, {"chat": {"messages": [rest, junk], "params": junk, "models": rest}}),
    ):
        found = read_one(document, LeftOut())
        known: set[str | None] = {None}
        for message in found.messages:
            assert message.parent_id in known
            known.add(message.id)
        assert found.leaf in known


ITEMS = st.lists(st.dictionaries(st.text(), st.integers() | st.text()))
ONE = st.dictionaries(st.text(), st.integers())


@given(document=ITEMS | ONE, indent=st.none() | st.just(2))
def test_elements_are_those_that_json_reads(document: Any, indent: int | None) -> None:
    raw = json.dumps(document, indent=indent).encode()
    assert list(elements(raw)) == (document if isinstance(document, list) else [document])


@settings(max_examples=300)
@given(raw=st.text(alphabet='[]{},:"a1 \\n', max_size=12))
def test_elements_take_nothing_that_json_refuses(raw: str) -> None:
    try:
        json.loads(raw)
    except ValueError:
        with pytest.raises(BadRequest):
            list(elements(raw.encode()))


# --- Markdown -----------------------------------------------------------------------------------


async def test_markdown_holds_the_path_that_is_shown(room: Room) -> None:
    path = await a_branched_conversation(room)
    text = (await room.ana.get(f"{path}/export", params={"format": "markdown"})).text
    assert text.startswith("# Tea\n\n*")
    assert "## System prompt\n\nBe brief.\n" in text
    assert "## You (version 2 of 2)\n\nWhich coffee?\n" in text
    assert "Which tea?" not in text
    both = await room.ana.get(EXPORT, params={"format": "markdown"})
    assert both.headers["content-type"] == "text/markdown; charset=utf-8"
    assert both.text == text


async def test_html_in_markdown_is_text(room: Room) -> None:
    evil = "<script>alert(1)</script>\n\n```html\n<b>kept</b>\n```\n[x](javascript:alert(1))"
    path = await begin(room.ana, title="<img src=x onerror=alert(1)> [a](b)", system_prompt=evil)
    await say(room.ana, path, evil, role="assistant", model="<b>m</b>", reasoning=evil)
    await say(room.ana, path, [{"type": "text", "text": evil}, {"type": "<script>"}])
    text = (await room.ana.get(f"{path}/export", params={"format": "markdown"})).text
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>m" not in text
    assert "\n<b>kept</b>\n" in text
    assert "](javascript" not in text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a < b <= c <3", "a < b <= c <3"),
        ("`<b>`", "`&lt;b>`"),
        ("```\n<b>", "```\n<b>\n```"),
        ("~~~\n<b>\n```\n<i>\n~~~~\n<u>", "~~~\n<b>\n```\n<i>\n~~~~\n&lt;u>"),
        ("``` a`b\n<b>", "``` a`b\n&lt;b>"),
        ("- x\n  ```\n<b>", "- x\n  ```\n&lt;b>"),
        ("```\r<b>\r```\r<i>", "```\n<b>\n```\n&lt;i>"),
        ("<!-- x -->", "&lt;!-- x -->"),
        ("[a]( https://x.org) [b](#c)", "[a]( https://x.org) [b](#c)"),
        ("[a]( JAVASCRIPT:x)", "[a]\\( JAVASCRIPT:x)"),
        ("[a](java&#115;cript:x)", "[a]\\(java&#115;cript:x)"),
        ("[a]: javascript:x", "\\[a]: javascript:x"),
    ],
)
def test_markdown_is_made_safe(text: str, safe: str) -> None:
    assert safe_markdown(text) == safe


def test_a_title_has_no_meaning_to_markdown() -> None:
    assert plain("a *b* <i>\n# c [d](e) & f") == "a \\*b\\* &lt;i&gt; \\# c \\[d\\](e) &amp; f"
