"""What every importer shares: a conversation in neutral form, and what was left out.

Owns the neutral form, the reading of odd values, and the rule that turns any graph of nodes into a
tree whose parents come first. It knows no file format and no database.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.conversation_bodies import Feedback, Role
from gateway.message_tree import parents_first

MAX_REASONS = 50
_ODD = re.compile(r"[^a-z0-9_ ]")
Json = dict[str, Any]


@dataclass(slots=True)
class ImportedMessage:
    """A message on its way in; ids are those of the file."""

    id: str
    parent_id: str | None
    role: Role
    content: str | list[Json]
    reasoning: str | None = None
    model: str | None = None
    numbers: Json | None = None
    extra: Json | None = None
    finished: bool = True
    feedback: Feedback | None = None
    created_at: datetime | None = None


@dataclass(slots=True)
class ImportedConversation:
    """A conversation on its way in, parents before children."""

    origin: str
    title: str
    messages: list[ImportedMessage]
    leaf: str | None
    system_prompt: str | None = None
    settings: Json = field(default_factory=dict)
    pinned: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    id: str | None = None  # set by our own export alone
    version: int | None = None


class LeftOut(Counter[str]):
    """Counts what an import could not take, in words; a file cannot make the list long."""

    def note(self, what: str) -> None:
        words = _ODD.sub("", what.lower())[:60]
        self[words if words in self or len(self) < MAX_REASONS else "other things"] += 1


@dataclass(slots=True)
class Node:
    """A node of the file's graph: with a message, or only passing its parent on."""

    parent: str | None
    message: ImportedMessage | None
    reasoning: str = ""  # handed down to the next answer below


def tree_of(
    nodes: dict[str, Node], left_out: LeftOut
) -> tuple[list[ImportedMessage], dict[str, str | None]]:
    """The messages, parents first, and for each node the message that stands for it.

    A node without a message is bridged. A parent that is not there makes its child a first message;
    what hangs in a circle is left out.
    """
    parents = {id_: node.parent if node.parent in nodes else None for id_, node in nodes.items()}
    stands_for: dict[str, str | None] = {}
    thoughts: dict[str, str] = {}
    messages: list[ImportedMessage] = []
    for id_ in parents_first(parents):
        node, parent = nodes[id_], parents[id_]
        above = stands_for[parent] if parent is not None else None
        thought = "\n\n".join(filter(None, (thoughts.get(parent or "", ""), node.reasoning)))
        if node.message is None:
            stands_for[id_], thoughts[id_] = above, thought
            continue
        node.message.parent_id = above
        if thought and node.message.role is Role.ASSISTANT and not node.message.reasoning:
            node.message.reasoning = thought
        stands_for[id_] = id_
        messages.append(node.message)
    for _ in range(len(nodes) - len(stands_for)):
        left_out.note("message in a circle")
    return messages, stands_for


def text(value: object) -> str:
    """A string as it is, else an empty one."""
    return value if isinstance(value, str) else ""


def time(value: object) -> datetime | None:
    """Seconds or milliseconds since 1970, or ISO 8601; None for anything else."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def table(value: object) -> Json:
    """A JSON object as it is, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """A JSON list as it is, else an empty one."""
    return value if isinstance(value, list) else []
