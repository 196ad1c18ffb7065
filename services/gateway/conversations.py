"""Conversations in the database: begun, listed, read, changed, deleted, restored, purged.

Owns the rules for a conversation as a whole; its messages are `conversation_messages`' matter.
Every method blocks on the database: call them through `RoomDatabase.run`.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import insert, select, tuple_, update

from gateway.conversation_bodies import Conversation, ConversationChange, NewConversation, Summary
from gateway.conversation_rows import (
    AnyRow,
    all_messages,
    check_version,
    erase,
    find,
    make_room,
    new_id,
    now,
    summary,
    summary_fields,
    utc,
)
from gateway.errors import BadRequest
from gateway.message_tree import path_to
from gateway.model_settings import json_size
from gateway.room_database import RoomDatabase
from gateway.room_errors import Conflict, TooLarge
from gateway.room_limits import Limits
from gateway.schema import conversations

PURGE_MARGIN_S = 60  # after the time to undo: nobody restores what is being purged


class Conversations:
    """What each owner keeps; another owner's conversation does not exist."""

    def __init__(self, database: RoomDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def create(self, owner: str, new: NewConversation) -> Conversation:
        """Begins a conversation; raises `LimitReached`."""
        moment = now()
        row = {
            "id": new_id("conv"),
            "owner": owner,
            "title": new.title,
            "system_prompt": new.system_prompt,
            "settings": new.settings.given(),
            "pinned": new.pinned,
            "version": 1,
            "active_leaf": None,
            "message_count": 0,
            "created_at": moment,
            "updated_at": moment,
        }
        size = _own_size(row)
        with self._database.writing(owner) as connection:
            make_room(connection, owner, self._limits, 1, size)
            connection.execute(insert(conversations).values(**row, size_bytes=size))
            return self._whole(find(connection, owner, str(row["id"])), [])

    def page(
        self, owner: str, limit: int, cursor: str | None, *, deleted: bool
    ) -> tuple[list[Summary], str | None]:
        """Up to `limit` conversations after `cursor`, and the cursor after them."""
        table = conversations.c
        query = (
            select(conversations)
            .where(
                table.owner == owner,
                table.deleted_at.is_not(None) if deleted else table.deleted_at.is_(None),
            )
            .order_by(table.pinned.desc(), table.updated_at.desc(), table.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            place = tuple_(table.pinned, table.updated_at, table.id)
            query = query.where(place < read_cursor(cursor))
        with self._database.reading() as connection:
            rows = list(connection.execute(query))
        shown = [summary(row, self._limits) for row in rows[:limit]]
        return shown, _cursor(rows[limit - 1]) if len(rows) > limit else None

    def ids(self, owner: str) -> list[str]:
        """The ids of all conversations that are not deleted, oldest first."""
        query = select(conversations.c.id).where(
            conversations.c.owner == owner, conversations.c.deleted_at.is_(None)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(conversations.c.number)).scalars())

    def get(self, owner: str, id_: str) -> Conversation:
        """The conversation with its tree; raises `NotKept`."""
        with self._database.reading() as connection:
            row = find(connection, owner, id_)
            return self._whole(row, all_messages(connection, row.number))

    def version(self, owner: str, id_: str) -> int:
        """The present version, without reading the tree; raises `NotKept`."""
        with self._database.reading() as connection:
            return int(find(connection, owner, id_).version)

    def change(
        self, owner: str, id_: str, change: ConversationChange, version: int | None
    ) -> Summary:
        """Changes the fields that were given; raises `NotKept` or `Stale`."""
        values: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
        if not values:
            raise BadRequest(
                "Nothing to change: send `title`, `pinned`, `system_prompt` or `settings`."
            )
        if "settings" in values:
            values["settings"] = change.settings.given()
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            check_version(row, version)
            growth = _own_size(row._asdict() | values) - _own_size(row._asdict())
            if row.size_bytes + growth > self._limits.conversation_bytes:
                raise TooLarge(f"A conversation may take {self._limits.conversation_bytes} bytes.")
            if growth > 0:
                make_room(connection, owner, self._limits, 0, growth)
            values |= {"version": row.version + 1, "size_bytes": row.size_bytes + growth}
            connection.execute(
                update(conversations).where(conversations.c.number == row.number).values(values)
            )
            return summary(find(connection, owner, id_), self._limits)

    def delete(self, owner: str, id_: str, version: int | None) -> Summary:
        """Hides the conversation; it can be restored for `undo_s` seconds."""
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            check_version(row, version)
            connection.execute(
                update(conversations)
                .where(conversations.c.number == row.number)
                .values(deleted_at=now(), version=row.version + 1)
            )
            return summary(find(connection, owner, id_, deleted=True), self._limits)

    def erase(self, owner: str, id_: str, version: int | None) -> None:
        """Removes the conversation for good, deleted before or not."""
        with self._database.writing(owner) as connection:
            query = select(conversations.c.deleted_at.is_not(None)).where(
                conversations.c.id == id_, conversations.c.owner == owner
            )
            deleted = bool(connection.execute(query).scalar())
            row = find(connection, owner, id_, deleted=deleted)
            check_version(row, version)
            erase(connection, [row.number])

    def restore(self, owner: str, id_: str) -> Summary:
        """Takes a deletion back; raises `Conflict` when the time for that is over."""
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_, deleted=True)
            if utc(row.deleted_at) < now() - timedelta(seconds=self._limits.undo_s):
                raise Conflict("The time to take this deletion back is over.")
            connection.execute(
                update(conversations)
                .where(conversations.c.number == row.number)
                .values(deleted_at=None, version=row.version + 1)
            )
            return summary(find(connection, owner, id_), self._limits)

    def purge(self) -> int:
        """Removes one batch of conversations whose time to undo is over; returns how many."""
        over = now() - timedelta(seconds=self._limits.undo_s + PURGE_MARGIN_S)
        query = select(conversations.c.number).where(conversations.c.deleted_at < over)
        with self._database.writing("") as connection:
            found = connection.execute(query.limit(self._limits.purge_batch)).scalars().all()
            erase(connection, found)
        return len(found)

    def _whole(self, row: AnyRow, messages: list[Any]) -> Conversation:
        parents = {message.id: message.parent_id for message in messages}
        return Conversation(
            **summary_fields(row, self._limits),
            system_prompt=row.system_prompt,
            settings=row.settings,
            active_leaf=row.active_leaf,
            active_path=path_to(row.active_leaf, parents),
            messages=messages,
        )


def _own_size(row: dict[str, Any]) -> int:
    """What a conversation takes without its messages."""
    return json_size({name: row[name] for name in ("title", "system_prompt", "settings")})


def _cursor(row: AnyRow) -> str:
    place = orjson.dumps([row.pinned, utc(row.updated_at).isoformat(), row.id])
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def read_cursor(text: str) -> tuple[bool, datetime, str]:
    """The place that a cursor stands for; raises `BadRequest`."""
    try:
        place = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        pinned, moment, id_ = place
        return bool(pinned), utc(datetime.fromisoformat(moment)), str(id_)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise BadRequest(
            "`cursor` must be a `next_cursor` as it was sent; leave it out to begin anew.",
            param="cursor",
        ) from None
