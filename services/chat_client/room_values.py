"""What the room gives back: conversations, messages, presets, votes, as plain checked values.

Owns: the fields that a UI needs of the gateway's JSON; more of them are let pass. Nothing here
asks the gateway.
"""

from __future__ import annotations

import html
import re
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_MARK = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)


class Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Summary(Kept):
    """A conversation as a list shows it; `undo_until` is set on a deleted one."""

    id: str
    title: str
    pinned: bool
    version: int
    message_count: int
    created_at: datetime
    updated_at: datetime
    day: date | None = None
    deleted_at: datetime | None = None
    undo_until: datetime | None = None


class ConversationPage(Kept):
    conversations: tuple[Summary, ...]
    next_cursor: str | None = None


Feedback = Literal["up", "down"]


class StoredMessage(Kept):
    """One message of the tree."""

    id: str
    parent_id: str | None
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]]
    reasoning: str | None = None
    model: str | None = None
    numbers: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None
    finished: bool = True
    feedback: Feedback | None = None
    created_at: datetime | None = None


class Conversation(Summary):
    """A conversation with its whole tree; `active_path` is what to show, the first one first."""

    system_prompt: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    active_leaf: str | None = None
    active_path: tuple[str, ...] = ()
    messages: tuple[StoredMessage, ...] = ()


class Added(Kept):
    """A message that was added, and what its conversation is called now."""

    message: StoredMessage
    version: int
    active_leaf: str | None
    title: str


class LeafChosen(Kept):
    version: int
    active_leaf: str
    active_path: tuple[str, ...]


class Hit(Kept):
    """A conversation that was found; draw `pieces`, which need no HTML."""

    conversation: Summary
    message_id: str | None
    snippet: str

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The snippet as texts, each with whether it is what was looked for."""
        parts = _MARK.split(self.snippet)
        pairs = [(html.unescape(part), number % 2 == 1) for number, part in enumerate(parts)]
        return [pair for pair in pairs if pair[0]]


class Hits(Kept):
    hits: tuple[Hit, ...]
    more: bool


class LeftOut(Kept):
    what: str
    count: int


class ImportReport(Kept):
    """What an import made, and what it did not."""

    format: str
    conversations: int
    messages: int
    duplicates: int
    left_out: tuple[LeftOut, ...]
    ids: tuple[str, ...]

    @property
    def line(self) -> str:
        """For example `2 chats with 14 messages came in. 1 was here already.`"""
        chats = "1 chat" if self.conversations == 1 else f"{self.conversations:,} chats"
        messages = "1 message" if self.messages == 1 else f"{self.messages:,} messages"
        parts = [f"{chats} with {messages} came in."] if self.conversations else []
        if self.duplicates:
            were = "was" if self.duplicates == 1 else "were"
            parts.append(f"{self.duplicates:,} {were} here already.")
        if self.left_out:
            left = ", ".join(f"{each.count:,} {each.what}" for each in self.left_out)
            parts.append(f"Left out: {left}.")
        return " ".join(parts) or "The file holds no chat."


class RoomFile(Kept):
    """A file to hand to the person."""

    name: str
    media_type: str
    data: bytes


class Preset(Kept):
    """Settings under a name; another's shared one can be used, not changed."""

    id: str
    name: str
    settings: dict[str, Any]
    shared: bool
    mine: bool
    owner: str
    version: int


class PresetReport(Kept):
    presets: int
    duplicates: int
    renamed: int


Choice = Literal["left", "right", "tie", "both_bad"]


class Contestant(Kept):
    """A model as it was asked; `label` tells apart two settings of the same model."""

    model: str
    label: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)


class Vote(Kept):
    id: str
    choice: Choice
    left: Contestant
    right: Contestant
    blind: bool
    shared: bool
    created_at: datetime


class Name(Kept):
    model: str
    label: str = ""


class Pair(Kept):
    """How often who won between two contestants."""

    a: Name
    b: Name
    a_wins: int
    b_wins: int
    ties: int
    both_bad: int


class Totals(Kept):
    votes: int
    pairs: tuple[Pair, ...]
