"""Reads one conversation of ChatGPT's `conversations.json`.

Owns that format: a `mapping` of nodes with parent and message, content by `content_type`. What it
does not know is counted, never guessed at. Files beside the export (images) are not in it.
"""

from __future__ import annotations

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

# A tool's output is part of the assistant's turn: without the call's id no model server takes it
# as a tool message.
ROLES = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.ASSISTANT,
    "system": Role.SYSTEM,
}


def is_chatgpt(document: Json) -> bool:
    """Whether this is a conversation of that file."""
    return isinstance(document.get("mapping"), dict)


def read_chatgpt(document: Json, left_out: LeftOut) -> ImportedConversation:
    """The conversation in neutral form."""
    nodes = {
        id_: _node(id_, table(node), left_out) for id_, node in table(document["mapping"]).items()
    }
    messages, stands_for = tree_of(nodes, left_out)
    current = document.get("current_node")
    return ImportedConversation(
        origin="chatgpt",
        title=text(document.get("title")),
        messages=messages,
        leaf=stands_for.get(current) if isinstance(current, str) else None,
        created_at=time(document.get("create_time")),
        updated_at=time(document.get("update_time")),
    )


def _node(id_: str, node: Json, left_out: LeftOut) -> Node:
    parent = node.get("parent")
    bridge = Node(parent if isinstance(parent, str) else None, None)
    message = table(node.get("message"))
    if not message:
        return bridge
    metadata = table(message.get("metadata"))
    content = table(message.get("content"))
    role = ROLES.get(text(table(message.get("author")).get("role")))
    if content.get("content_type") == "thoughts":
        bridge.reasoning = _thoughts(content)
        return bridge
    if metadata.get("is_visually_hidden_from_conversation"):
        if _content(content, LeftOut()):
            left_out.note("hidden message")
        return bridge
    said = _content(content, left_out)
    if role is None:
        left_out.note("message of an unknown role")
    elif said:
        bridge.message = ImportedMessage(
            id=id_,
            parent_id=None,
            role=role,
            content=said,
            model=text(metadata.get("model_slug")) or None,
            created_at=time(message.get("create_time")),
        )
    return bridge


def _content(content: Json, left_out: LeftOut) -> str:
    kind = content.get("content_type")
    if kind in ("text", "multimodal_text"):
        return "\n\n".join(
            filter(None, (_part(part, left_out) for part in rows(content.get("parts"))))
        )
    if kind in ("code", "execution_output"):
        return _code(text(content.get("language")), text(content.get("text")))
    if kind not in (None, "reasoning_recap"):
        left_out.note(f"message of type {text(kind)}")
    return ""


def _part(part: object, left_out: LeftOut) -> str:
    if isinstance(part, str):
        return text(part)
    kind = text(table(part).get("content_type"))
    if kind == "audio_transcription":
        return text(table(part).get("text"))
    left_out.note("image" if kind == "image_asset_pointer" else f"part of type {kind or 'unknown'}")
    return ""


def _code(language: str, source: str) -> str:
    if not source:
        return ""
    fence = "```"
    while fence in source:
        fence += "`"
    named = language if language.isalnum() and language != "unknown" else ""
    return f"{fence}{named}\n{source}\n{fence}"


def _thoughts(content: Json) -> str:
    thoughts = (table(thought) for thought in rows(content.get("thoughts")))
    return "\n\n".join(
        filter(None, (text(each.get("content")) or text(each.get("summary")) for each in thoughts))
    )
