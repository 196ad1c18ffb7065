"""Takes conversations in from a file: ours, ChatGPT's, Open WebUI's.

Owns the choice of the reader, the bounds, duplicates and the one transaction: an import happens as
a whole or not at all. What it had to leave out it says. It blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy import Connection, insert, select

from gateway.chatgpt_file import is_chatgpt, read_chatgpt
from gateway.conversation_bodies import ImportFormat, ImportReport, Role
from gateway.conversation_bodies import LeftOut as LeftOutRow
from gateway.conversation_rows import answer_values, make_room, new_id, now
from gateway.errors import BadRequest
from gateway.import_parts import ImportedConversation, Json, LeftOut
from gateway.import_rows import answer_of, conversation_row, digest_of, leaf_of
from gateway.json_elements import elements
from gateway.lectern_file import is_lectern, read_lectern
from gateway.model_settings import json_size
from gateway.open_webui_file import is_open_webui, read_open_webui
from gateway.room_database import RoomDatabase
from gateway.room_errors import TooLarge
from gateway.room_limits import (
    Limits,
)
from gateway.schema import conversations, messages

Reader = Callable[[Json, LeftOut], ImportedConversation]
READERS: tuple[tuple[ImportFormat, Callable[[Json], bool], Reader], ...] = (
    ("lectern", is_lectern, read_lectern),
    ("chatgpt", is_chatgpt, read_chatgpt),
    ("open_webui", is_open_webui, read_open_webui),
)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A conversation as rows, which belong to nobody yet."""

    row: dict[str, Any]
    messages: list[dict[str, Any]]
    source: ImportedConversation


class ConversationImport:
    """Imports files for an owner."""

    def __init__(self, database: RoomDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def load(self, owner: str, raw: bytes) -> ImportReport:
        """Stores what the file holds; raises `BadRequest`, `TooLarge` or `LimitReached`."""
        left_out = LeftOut()
        ready = list(self._ready(raw, left_out))
        if not ready and not left_out:
            raise BadRequest("The file holds no conversation.")
        with self._database.writing(owner) as connection:
            fresh = list(_without_duplicates(connection, owner, ready))
            total = sum(each.row["size_bytes"] for each in fresh)
            make_room(connection, owner, self._limits, len(fresh), total)
            for each in fresh:
                _insert(connection, owner, each)
        return ImportReport(
            format=_format_of(ready),
            conversations=len(fresh),
            messages=sum(len(each.messages) for each in fresh),
            duplicates=len(ready) - len(fresh),
            left_out=[LeftOutRow(what=what, count=n) for what, n in sorted(left_out.items())],
            ids=[each.row["id"] for each in fresh],
        )

    def _ready(self, raw: bytes, left_out: LeftOut) -> Iterator[_Ready]:
        known = False
        for place, document in enumerate(elements(raw), start=1):
            if place > self._limits.conversations:
                raise TooLarge(
                    f"The file holds more than {self._limits.conversations} conversations, "
                    "which is all that a key may keep. Split it."
                )
            read = _reader(document)
            if read is None or not isinstance(document, dict):
                left_out.note("conversation that cannot be read")
                continue
            known = True
            source = read(document, left_out)
            if not source.messages and not source.title:
                left_out.note("conversation without messages")
                continue
            yield self._rows(source, place, left_out)
        if left_out and not known:
            raise BadRequest(
                "The file is none that can be read here: it must be an export of Lectern, "
                "ChatGPT's conversations.json, or Open WebUI's export of chats."
            )

    def _rows(self, source: ImportedConversation, place: int, left_out: LeftOut) -> _Ready:
        limits = self._limits
        if len(source.messages) > limits.messages:
            raise TooLarge(
                f"Conversation {place} of the file has {len(source.messages)} messages; "
                f"{limits.messages} are the limit. Nothing was imported."
            )
        rows = self._message_rows(source, left_out)
        row = conversation_row(source, left_out)
        row["message_count"] = len(rows)
        row["size_bytes"] = sum(each["size_bytes"] for each in rows) + json_size(
            {name: row[name] for name in ("title", "system_prompt", "settings")}
        )
        if row["size_bytes"] > limits.conversation_bytes:
            raise TooLarge(
                f"Conversation {place} of the file takes more than {limits.conversation_bytes} "
                "bytes, the limit for one. Nothing was imported."
            )
        row["active_leaf"] = leaf_of(source, rows)
        row["import_digest"] = digest_of(row, rows)
        return _Ready(row, rows, source)

    def _message_rows(
        self, source: ImportedConversation, left_out: LeftOut
    ) -> list[dict[str, Any]]:
        new_ids = {message.id: new_id("msg") for message in source.messages}
        moment = source.created_at or now()
        rows = []
        for position, message in enumerate(source.messages):
            moment = message.created_at or moment
            rows.append(
                answer_values(answer_of(message, left_out), self._limits)
                | {
                    "id": new_ids[message.id],
                    "parent_id": new_ids[message.parent_id] if message.parent_id else None,
                    "position": position,
                    "role": message.role.value,
                    "feedback": message.feedback if message.role is Role.ASSISTANT else None,
                    "created_at": moment,
                }
            )
        if source.leaf is not None:
            source.leaf = new_ids[source.leaf]
        return rows


def _reader(document: object) -> Reader | None:
    if not isinstance(document, dict):
        return None
    return next((read for _name, fits, read in READERS if fits(document)), None)


def _format_of(ready: list[_Ready]) -> ImportFormat:
    origin = ready[0].source.origin if ready else ""
    return next((name for name in get_args(ImportFormat) if name == origin), "lectern")


def _without_duplicates(
    connection: Connection, owner: str, ready: list[_Ready]
) -> Iterator[_Ready]:
    """Leaves out what was imported before, what is in the file twice, and what is still here."""
    table = conversations.c
    query = select(table.id, table.version, table.import_digest).where(
        table.owner == owner, table.deleted_at.is_(None)
    )
    here = list(connection.execute(query))
    digests = {row.import_digest for row in here}
    versions = {(row.id, row.version) for row in here}
    for each in ready:
        digest = each.row["import_digest"]
        if digest in digests or (each.source.id, each.source.version) in versions:
            continue
        digests.add(digest)
        yield each


def _insert(connection: Connection, owner: str, ready: _Ready) -> None:
    made = connection.execute(insert(conversations).values(**ready.row, owner=owner))
    key = made.inserted_primary_key
    number = key[0] if key else None
    if ready.messages:
        rows = [each | {"conversation": number} for each in ready.messages]
        connection.execute(insert(messages), rows)
