"""Rows of conversations and messages: found, read, written, counted, within a caller's transaction.

Owns the translation between rows and what `/lectern/conversations` speaks, and the bounds of one
key. When things happen, and in which transaction, is its users' matter.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from gateway.conversation_bodies import Answered, Message, Role, Summary
from gateway.model_settings import json_size
from gateway.room_errors import LimitReached, NotKept, Stale, TooLarge
from gateway.room_limits import Limits
from gateway.schema import conversations, messages

AnyRow = Row[Any]
MAX_AUTO_TITLE_CHARS = 60
TEXT_PARTS = ("text", "input_text", "output_text")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is about to be stored."""

    id: str
    parent_id: str | None
    role: Role
    values: dict[str, Any]  # the columns that an answer fills


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)


def new_id(kind: str) -> str:
    """A fresh public id, such as `conv_…`; it cannot be guessed."""
    return f"{kind}_{secrets.token_hex(12)}"


def utc(moment: datetime) -> datetime:
    """SQLite forgets the zone; what was stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def find(connection: Connection, owner: str, id_: str, *, deleted: bool = False) -> AnyRow:
    """The owner's conversation; raises `NotKept`, also for somebody else's."""
    query = select(conversations).where(
        conversations.c.id == id_,
        conversations.c.owner == owner,
        conversations.c.deleted_at.is_not(None)
        if deleted
        else conversations.c.deleted_at.is_(None),
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        state = "deleted conversation" if deleted else "conversation"
        raise NotKept(f"You have no {state} with the id {id_!r}. List yours to see their ids.")
    return row


def check_version(row: AnyRow, version: int | None, what: str = "conversation") -> None:
    """Raises `Stale` unless the row is at this version; None stands for any."""
    if version is not None and version != row.version:
        raise Stale(
            f"The {what} has changed since you read it: it is at version {row.version}, you have "
            f"{version}. Nothing was changed. Read it again, then repeat your change."
        )


def find_message(connection: Connection, conversation: int, id_: str) -> AnyRow | None:
    query = select(messages).where(messages.c.conversation == conversation, messages.c.id == id_)
    return connection.execute(query).one_or_none()


def need_message(connection: Connection, conversation: int, id_: str) -> AnyRow:
    """The message; raises `NotKept`."""
    row = find_message(connection, conversation, id_)
    if row is None:
        raise NotKept(f"This conversation has no message with the id {id_!r}.")
    return row


def parents_of(connection: Connection, conversation: int) -> dict[str, str | None]:
    """The tree's shape, in the order in which the messages came."""
    query = (
        select(messages.c.id, messages.c.parent_id)
        .where(messages.c.conversation == conversation)
        .order_by(messages.c.position)
    )
    return {row.id: row.parent_id for row in connection.execute(query)}


def all_messages(connection: Connection, conversation: int) -> list[Message]:
    query = (
        select(messages)
        .where(messages.c.conversation == conversation)
        .order_by(messages.c.position)
    )
    return [message(row) for row in connection.execute(query)]


def message(row: AnyRow) -> Message:
    """A row as a caller sees it."""
    return Message(
        id=row.id,
        parent_id=row.parent_id,
        role=Role(row.role),
        content=row.text if row.parts is None else row.parts,
        reasoning=row.reasoning,
        model=row.model,
        numbers=row.numbers,
        extra=row.extra,
        finished=row.finished,
        feedback=row.feedback,
        created_at=utc(row.created_at),
    )


def summary_fields(row: AnyRow, limits: Limits) -> dict[str, Any]:
    """The fields of a `Summary`."""
    deleted_at = utc(row.deleted_at) if row.deleted_at else None
    return {
        "id": row.id,
        "title": row.title,
        "pinned": row.pinned,
        "version": row.version,
        "message_count": row.message_count,
        "size_bytes": row.size_bytes,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
        "deleted_at": deleted_at,
        "undo_until": deleted_at + timedelta(seconds=limits.undo_s) if deleted_at else None,
        "origin": row.origin,
    }


def summary(row: AnyRow, limits: Limits) -> Summary:
    return Summary(**summary_fields(row, limits))


def answer_values(answer: Answered, limits: Limits) -> dict[str, Any]:
    """The columns that a message's content fills; raises `TooLarge`."""
    parts = None
    if isinstance(answer.content, str):
        text = answer.content
    else:
        parts = [part.model_dump(exclude_unset=True) for part in answer.content]
        text = text_of(parts)
    values: dict[str, Any] = {
        "text": text,
        "parts": parts,
        "reasoning": answer.reasoning,
        "model": answer.model,
        "numbers": answer.numbers.model_dump(exclude_unset=True) if answer.numbers else None,
        "extra": answer.extra,
        "finished": answer.finished,
    }
    values["size_bytes"] = json_size(values)
    if values["size_bytes"] > limits.message_bytes:
        raise TooLarge(f"A message may take {limits.message_bytes} bytes; shorten it.")
    return values


def text_of(parts: Sequence[Any]) -> str:
    """What can be read and searched in a list of parts."""
    texts = [
        part["text"].replace("\0", "\N{REPLACEMENT CHARACTER}")
        for part in parts
        if part.get("type") in TEXT_PARTS and isinstance(part.get("text"), str)
    ]
    return "\n\n".join(texts)


def insert_message(
    connection: Connection, conversation: int, position: int, draft: Draft
) -> AnyRow:
    values = draft.values | {
        "conversation": conversation,
        "position": position,
        "id": draft.id,
        "parent_id": draft.parent_id,
        "role": draft.role.value,
        "created_at": now(),
    }
    connection.execute(insert(messages).values(values))
    return need_message(connection, conversation, draft.id)


def auto_title(text: str) -> str:
    """A title from a question: its first line, shortened."""
    line = next((words for raw in text.splitlines() if (words := " ".join(raw.split()))), "")
    if len(line) <= MAX_AUTO_TITLE_CHARS:
        return line
    return line[: MAX_AUTO_TITLE_CHARS - 1].rstrip() + "…"


def make_room(
    connection: Connection, owner: str, limits: Limits, count: int = 0, size: int = 0
) -> None:
    """Sees that `owner` may keep so much more; deleted conversations give way first."""
    if _fits(connection, owner, limits, count, size):
        return
    gone = select(conversations.c.number).where(
        conversations.c.owner == owner, conversations.c.deleted_at.is_not(None)
    )
    erase(connection, [row.number for row in connection.execute(gone)])
    if not _fits(connection, owner, limits, count, size):
        raise LimitReached(
            f"A key may keep {limits.conversations} conversations with {limits.owner_bytes} bytes "
            "in all. Export what you need, delete some, then try again."
        )


def _fits(connection: Connection, owner: str, limits: Limits, count: int, size: int) -> bool:
    used = select(func.count(), func.coalesce(func.sum(conversations.c.size_bytes), 0))
    number, total = connection.execute(used.where(conversations.c.owner == owner)).one()
    return bool(number + count <= limits.conversations and int(total) + size <= limits.owner_bytes)


def erase(connection: Connection, numbers: Sequence[int]) -> None:
    """Removes conversations and their messages for good."""
    for number in numbers:
        connection.execute(delete(messages).where(messages.c.conversation == number))
        connection.execute(delete(conversations).where(conversations.c.number == number))
