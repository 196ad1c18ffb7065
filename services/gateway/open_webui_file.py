"""Reads one chat of Open WebUI's export.

Owns that format: `chat.history.messages` by id with `parentId`, `currentId` as the leaf; older
exports have a plain list in `chat.messages`. What it does not know is counted.
"""

from __future__ import annotations

import html
import re
from typing import Any

from gateway.conversation_bodies import Role
from gateway.import_parts import (
    ImportedConversation,
    ImportedMessage,
    Json,
    LeftOut,
    Node,
    rows,
    table,
    text,
    time,
    tree_of,
)

ROLES = {role.value: role for role in Role}
SETTINGS = ("temperature", "top_p", "top_k", "min_p", "seed", "max_tokens", "stop")
_REASONING = re.compile(
    r'<details type="reasoning"[^>]*>\s*(?:<summary>[^<]*</summary>)?(.*?)</details>\s*', re.DOTALL
)


def is_open_webui(document: Json) -> bool:
    """Whether this is a chat of that export, wrapped in its row or bare."""
    chat = _chat(document)
    return isinstance(chat.get("history"), dict) or (
        "chat" in document and isinstance(chat.get("messages"), list)
    )


def read_open_webui(document: Json, left_out: LeftOut) -> ImportedConversation:
    """The chat in neutral form."""
    chat = _chat(document)
    history = table(chat.get("history"))
    found = table(history.get("messages")) or _as_history(rows(chat.get("messages")))
    nodes = {id_: _node(id_, table(entry), left_out) for id_, entry in found.items()}
    messages, stands_for = tree_of(nodes, left_out)
    current = history.get("currentId") or (messages[-1].id if messages else None)
    params = table(chat.get("params"))
    return ImportedConversation(
        origin="open_webui",
        title=text(document.get("title")) or text(chat.get("title")),
        messages=messages,
        leaf=stands_for.get(current) if isinstance(current, str) else None,
        system_prompt=text(params.get("system")) or text(chat.get("system")) or None,
        settings=_settings(chat, params),
        pinned=document.get("pinned") is True,
        created_at=time(document.get("created_at")) or time(chat.get("timestamp")),
        updated_at=time(document.get("updated_at")),
    )


def _chat(document: Json) -> Json:
    return table(document.get("chat")) or document


def _settings(chat: Json, params: Json) -> Json:
    settings = {name: params[name] for name in SETTINGS if params.get(name) is not None}
    models = [text(model) for model in rows(chat.get("models")) if text(model)]
    return settings | ({"model": models[0]} if models else {})


def _as_history(messages: list[Any]) -> Json:
    """A plain list as the tree that it is: a line."""
    line: Json = {}
    above = None
    for index, entry in enumerate(messages):
        id_ = f"line-{index}"
        line[id_] = {**table(entry), "parentId": above}
        above = id_
    return line


def _node(id_: str, entry: Json, left_out: LeftOut) -> Node:
    parent = entry.get("parentId")
    node = Node(parent if isinstance(parent, str) else None, None)
    role = ROLES.get(text(entry.get("role")))
    said, reasoning = _split(text(entry.get("content")))
    images = _images(entry, left_out)
    if role is None:
        left_out.note("message of an unknown role")
    elif said or images or reasoning:
        parts: list[Json] = [{"type": "text", "text": said}] if said else []
        node.message = ImportedMessage(
            id=id_,
            parent_id=None,
            role=role,
            content=parts + images if images else said,
            reasoning=reasoning or None,
            model=text(entry.get("model")) or None,
            numbers=_numbers(entry),
            created_at=time(entry.get("timestamp")),
        )
    return node


def _split(content: str) -> tuple[str, str]:
    """What was said, and the folded reasoning that is stored inside of it."""
    thoughts = [
        "\n".join(line.removeprefix(">").removeprefix(" ") for line in match.strip().split("\n"))
        for match in map(html.unescape, _REASONING.findall(content))
    ]
    return _REASONING.sub("", content), "\n\n".join(thoughts)


def _images(entry: Json, left_out: LeftOut) -> list[Json]:
    images: list[Json] = []
    for file in map(table, rows(entry.get("files"))):
        url = text(file.get("url"))
        if file.get("type") == "image" and url.startswith("data:image/"):
            images.append({"type": "image_url", "image_url": {"url": url}})
        else:
            left_out.note("image" if file.get("type") == "image" else "file")
    return images


def _numbers(entry: Json) -> Json | None:
    usage = table(entry.get("usage")) or table(entry.get("info"))
    counts = {
        "prompt_tokens": usage.get("prompt_tokens", usage.get("prompt_eval_count")),
        "completion_tokens": usage.get("completion_tokens", usage.get("eval_count")),
    }
    known = {name: count for name, count in counts.items() if type(count) is int and count >= 0}
    return {"usage": known} if known else None
