"""Conversations as files: JSON that can be imported again, Markdown to read.

Owns both forms. JSON holds the whole tree. Markdown holds the path that is shown; raw HTML in it is
escaped outside of code blocks and links lead to web addresses alone, as renderers differ in what
they let through.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import datetime

import orjson

from gateway.conversation_bodies import Conversation, Message
from gateway.conversation_rows import text_of
from gateway.message_tree import siblings

FORMAT = "lectern.conversations"
FORMAT_VERSION = 1
KEPT = ("title", "system_prompt", "settings", "pinned", "version", "active_leaf")
NAMES = {"user": "You", "assistant": "Assistant", "system": "System", "tool": "Tool"}
# Column 0 alone: a fence inside a list ends with the list, wherever that is.
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"\]\((?!\s*(?:https?://|mailto:|#|\)))")
_REFERENCE = re.compile(r"^(\s*)\[(?=[^\]]*\]:)")
_SPECIAL = re.compile(r"([\\`*_\[\]#|~!])")


def json_start(moment: datetime) -> bytes:
    """The opening of an export; conversations follow, separated by `,`, then `json_end`."""
    head = orjson.dumps({"format": FORMAT, "version": FORMAT_VERSION, "exported_at": moment})
    return head[:-1] + b',"conversations":['


def json_end() -> bytes:
    return b"]}\n"


def as_json(conversation: Conversation) -> bytes:
    """One conversation with its tree, as the import reads it."""
    fields = conversation.model_dump(mode="json", include={"id", "created_at", "updated_at", *KEPT})
    fields["messages"] = [message.model_dump(mode="json") for message in conversation.messages]
    # Not orjson: it refuses integers beyond 64 bits, and settings may hold one.
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def as_markdown(conversation: Conversation) -> str:
    """The shown path of a conversation, for people."""
    return "\n\n".join(_blocks(conversation)) + "\n"


def _blocks(conversation: Conversation) -> Iterator[str]:
    by_id = {message.id: message for message in conversation.messages}
    parents = {message.id: message.parent_id for message in conversation.messages}
    yield f"# {plain(conversation.title or 'Untitled')}"
    yield f"*{conversation.created_at:%Y-%m-%d %H:%M} UTC, {conversation.message_count} messages*"
    if conversation.system_prompt:
        yield "## System prompt"
        yield safe_markdown(conversation.system_prompt)
    for id_ in conversation.active_path:
        versions = siblings(id_, parents)
        place = f" (version {versions.index(id_) + 1} of {len(versions)})" * (len(versions) > 1)
        yield f"## {_heading(by_id[id_])}{place}"
        yield from _body(by_id[id_])


def _heading(message: Message) -> str:
    name = NAMES[message.role.value]
    return f"{name}: {plain(message.model)}" if message.model else name


def _body(message: Message) -> Iterator[str]:
    if message.reasoning:
        thoughts = safe_markdown(message.reasoning).split("\n")
        yield "\n".join(f"> {line}" for line in thoughts)
    if isinstance(message.content, str):
        yield safe_markdown(message.content)
        return
    yield safe_markdown(text_of(message.content))
    for part in message.content:
        if "text" not in part:
            yield f"*({plain(str(part.get('type')))} left out)*"


def plain(text: str) -> str:
    """One line of text without any meaning to Markdown or HTML."""
    return html.escape(_SPECIAL.sub(r"\\\1", " ".join(text.split())), quote=False)


def safe_markdown(text: str) -> str:
    """Markdown whose tags and odd links are text; an open code block is closed at the end."""
    lines: list[str] = []
    fence = ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if fence:
            lines.append(line)
            if _closes(line, fence):
                fence = ""
        elif match := _FENCE.match(line):
            fence = match[1]
            lines.append(line)
        else:
            lines.append(_without_html(line))
    return "\n".join(lines + [fence] * bool(fence))


def _closes(line: str, fence: str) -> bool:
    mark = line.strip(" \t")
    indent = len(line) - len(line.lstrip(" "))
    return indent <= 3 and len(mark) >= len(fence) and set(mark) == {fence[0]}


def _without_html(line: str) -> str:
    line = _REFERENCE.sub(r"\1\\[", _LINK.sub(r"]\\(", line))
    return _TAG.sub("&lt;", line)
