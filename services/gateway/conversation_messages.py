"""Messages in the database: added, edited as siblings, completed, chosen, judged.

Owns the rules that keep the tree whole. A message is never overwritten: an edit or a regenerated
answer is a sibling. The one exception is an answer marked unfinished, until it is finished.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, update

from gateway.conversation_bodies import (
    Added,
    Answered,
    Feedback,
    LeafChosen,
    NewMessage,
    NewSibling,
    Role,
)
from gateway.conversation_rows import (
    AnyRow,
    Draft,
    answer_values,
    auto_title,
    check_version,
    find,
    find_message,
    insert_message,
    make_room,
    message,
    need_message,
    new_id,
    now,
    parents_of,
)
from gateway.message_tree import latest_leaf, path_to
from gateway.room_database import RoomDatabase
from gateway.room_errors import Conflict, LimitReached, TooLarge
from gateway.room_limits import Limits
from gateway.schema import conversations, messages


class ConversationMessages:
    """The messages of each owner's conversations. Every method blocks on the database."""

    def __init__(self, database: RoomDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def append(
        self, owner: str, id_: str, new: NewMessage, version: int | None
    ) -> tuple[Added, bool]:
        """Adds a message; False when the same one (by its id) was there already."""
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            given = "parent_id" in new.model_fields_set
            parent = new.parent_id if given else row.active_leaf
            if parent is not None:
                need_message(connection, row.number, parent)
            return self._add(connection, row, parent if given else ..., new.role, new, version)

    def add_sibling(
        self, owner: str, id_: str, message_id: str, new: NewSibling, version: int | None
    ) -> tuple[Added, bool]:
        """Adds another version of a message: same parent, same role."""
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            first = need_message(connection, row.number, message_id)
            return self._add(connection, row, first.parent_id, Role(first.role), new, version)

    def complete(
        self, owner: str, id_: str, message_id: str, answer: Answered, version: int | None
    ) -> Added:
        """Replaces an unfinished answer by what has come meanwhile."""
        values = answer_values(answer, self._limits)
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            check_version(row, version)
            old = need_message(connection, row.number, message_id)
            if old.finished:
                raise Conflict(
                    "This message is finished and stays as it is. Add another version of it "
                    f"instead: POST …/messages/{message_id}/siblings."
                )
            growth = values["size_bytes"] - old.size_bytes
            self._check_bounds(connection, row, growth, 0)
            connection.execute(
                update(messages).where(messages.c.number == old.number).values(values)
            )
            row = self._mark_changed(connection, row, {"size_bytes": row.size_bytes + growth})
            return _added(row, need_message(connection, row.number, message_id))

    def judge(
        self,
        owner: str,
        id_: str,
        message_id: str,
        feedback: Feedback | None,
        version: int | None,
    ) -> Added:
        """Keeps what the owner thinks of an answer; the same once more changes nothing."""
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            check_version(row, version)
            old = need_message(connection, row.number, message_id)
            if old.role != Role.ASSISTANT:
                raise Conflict("This message is a question: only an answer takes a thumb.")
            if old.feedback == feedback:
                return _added(row, old)
            connection.execute(
                update(messages).where(messages.c.number == old.number).values(feedback=feedback)
            )
            row = self._mark_changed(connection, row, {"updated_at": row.updated_at})
            return _added(row, need_message(connection, row.number, message_id))

    def choose(self, owner: str, id_: str, message_id: str, version: int | None) -> LeafChosen:
        """Makes the path through this message the one that is shown."""
        with self._database.writing(owner) as connection:
            row = find(connection, owner, id_)
            check_version(row, version)
            need_message(connection, row.number, message_id)
            parents = parents_of(connection, row.number)
            leaf = latest_leaf(message_id, parents)
            values = {"active_leaf": leaf, "version": row.version + 1}
            connection.execute(
                update(conversations).where(conversations.c.number == row.number).values(values)
            )
        return LeafChosen(
            version=row.version + 1, active_leaf=leaf, active_path=path_to(leaf, parents)
        )

    def _add(
        self,
        connection: Connection,
        row: AnyRow,
        parent: Any,
        role: Role,
        new: NewSibling,
        version: int | None,
    ) -> tuple[Added, bool]:
        """Stores a message; `...` as parent means the active leaf."""
        values = answer_values(new, self._limits)
        known = find_message(connection, row.number, new.id) if new.id else None
        if known is not None:  # before the version: a repeated call has made it stale itself
            _check_same(known, parent, role, values)
            return _added(row, known), False
        check_version(row, version)
        self._check_bounds(connection, row, values["size_bytes"], 1)
        above = row.active_leaf if parent is ... else parent
        draft = Draft(new.id or new_id("msg"), above, role, values)
        stored = insert_message(connection, row.number, row.message_count, draft)
        change: dict[str, Any] = {
            "message_count": row.message_count + 1,
            "size_bytes": row.size_bytes + values["size_bytes"],
        }
        if new.activate:
            change["active_leaf"] = stored.id
        if not row.title and role is Role.USER:
            change["title"] = auto_title(values["text"])
        return _added(self._mark_changed(connection, row, change), stored), True

    def _check_bounds(self, connection: Connection, row: AnyRow, size: int, count: int) -> None:
        limits = self._limits
        if row.message_count + count > limits.messages:
            raise LimitReached(
                f"A conversation may hold {limits.messages} messages. Begin a new one."
            )
        if row.size_bytes + size > limits.conversation_bytes:
            raise TooLarge(
                f"A conversation may take {limits.conversation_bytes} bytes. Begin a new one."
            )
        make_room(connection, row.owner, limits, 0, max(size, 0))

    def _mark_changed(self, connection: Connection, row: AnyRow, values: dict[str, Any]) -> AnyRow:
        values = {"updated_at": now()} | values | {"version": row.version + 1}
        connection.execute(
            update(conversations).where(conversations.c.number == row.number).values(values)
        )
        return find(connection, row.owner, row.id)


def _check_same(known: AnyRow, parent: Any, role: Role, values: dict[str, Any]) -> None:
    """A repeated call is harmless; another message under a taken id is refused."""
    same_place = parent is ... or known.parent_id == parent
    same_content = known.text == values["text"] and known.parts == values["parts"]
    if not (same_place and known.role == role.value and (same_content or not known.finished)):
        raise Conflict("Another message of this conversation has this id. Choose a new id.")


def _added(row: AnyRow, stored: AnyRow) -> Added:
    return Added(
        message=message(stored),
        version=row.version,
        active_leaf=row.active_leaf,
        title=row.title,
    )
