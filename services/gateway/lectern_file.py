"""Reads one conversation of our own export, which `conversation_export` writes.

Owns that format's reading. A field that this version does not know is counted; one of the wrong
type reads as if it were not there.
"""

from __future__ import annotations

from gateway.conversation_bodies import Feedback, Role
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

THUMBS: dict[str, Feedback] = {"up": "up", "down": "down"}
ROLES = {role.value: role for role in Role}


def is_lectern(document: Json) -> bool:
    """Whether this is a conversation of our own export."""
    return isinstance(document.get("messages"), list) and "active_leaf" in document


def read_lectern(document: Json, left_out: LeftOut) -> ImportedConversation:
    """The conversation in neutral form."""
    nodes: dict[str, Node] = {}
    for entry in map(table, rows(document["messages"])):
        id_ = text(entry.get("id"))
        if not id_ or id_ in nodes:
            left_out.note("message without an id of its own")
            continue
        nodes[id_] = _node(id_, entry, left_out)
    messages, stands_for = tree_of(nodes, left_out)
    leaf, version = document.get("active_leaf"), document.get("version")
    return ImportedConversation(
        origin="lectern",
        title=text(document.get("title")),
        messages=messages,
        leaf=stands_for.get(leaf) if isinstance(leaf, str) else None,
        system_prompt=text(document.get("system_prompt")) or None,
        settings=table(document.get("settings")),
        pinned=document.get("pinned") is True,
        created_at=time(document.get("created_at")),
        updated_at=time(document.get("updated_at")),
        id=text(document.get("id")) or None,
        version=version if type(version) is int else None,
    )


def _node(id_: str, entry: Json, left_out: LeftOut) -> Node:
    parent = entry.get("parent_id")
    node = Node(parent if isinstance(parent, str) else None, None)
    role = ROLES.get(text(entry.get("role")))
    content = entry.get("content")
    if role is None or not isinstance(content, (str, list)):
        left_out.note("message that cannot be read")
        return node
    node.message = ImportedMessage(
        id=id_,
        parent_id=None,
        role=role,
        content=text(content) if isinstance(content, str) else [table(part) for part in content],
        reasoning=text(entry.get("reasoning")) or None,
        model=text(entry.get("model")) or None,
        numbers=table(entry.get("numbers")) or None,
        extra=table(entry.get("extra")) or None,
        finished=entry.get("finished") is not False,
        feedback=THUMBS.get(text(entry.get("feedback"))),
        created_at=time(entry.get("created_at")),
    )
    return node
