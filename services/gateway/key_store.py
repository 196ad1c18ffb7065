"""Keys in the database: make, change, rotate, revoke, read.

Owns the rows. A key's text leaves `create` and `rotate` once and is stored nowhere: the row holds
its HMAC. Every change is one transaction that begins by raising the version, which makes writers
take turns on every database, so that what a change looks at cannot alter under it; its audit row is
in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from gateway.audit import write_audit
from gateway.key_form import KeyText, digest, make_key
from gateway.key_grants import (
    COMMAND_LINE,
    Actor,
    grant_of,
    refuse_excess,
    refuse_self_change,
    refuse_stronger,
)
from gateway.key_mark import KeyMark
from gateway.key_rows import (
    KeyEdit,
    edited,
    insert_key,
    rights,
    select_keys,
    sooner,
    time_text,
    update_key,
    update_rights,
)
from gateway.keys import (
    DEFAULT_SCOPES,
    NO_LIMITS,
    ActorEnded,
    GrantRefused,
    Key,
    KeyLimits,
    KeyNotFound,
    Scope,
    check_limits,
    check_models,
    check_name,
    check_note,
    check_scopes,
)
from gateway.schema import key_changes, keys

DEFAULT_OVERLAP = timedelta(hours=24)


@dataclass(slots=True)
class _Change:
    """One transaction under way: its connection, its time, and who makes it."""

    connection: Connection
    now: datetime
    actor: Actor

    def record(self, action: str, target: Key, details: dict[str, Any]) -> None:
        write_audit(self.connection, self.now, self.actor, action, target, details)


class KeyStore:
    """The keys in one database. Every method blocks on it; call them off the event loop."""

    def __init__(self, engine: Engine, pepper: bytes, mark: KeyMark | None = None) -> None:
        self._engine, self._pepper = engine, pepper
        self.mark = mark

    def create(
        self,
        name: str,
        scopes: Iterable[Scope] = DEFAULT_SCOPES,
        expires_in: timedelta | None = None,
        *,
        models: tuple[str, ...] = (),
        limits: KeyLimits = NO_LIMITS,
        expires_at: datetime | None = None,
        note: str = "",
        actor: Actor = COMMAND_LINE,
    ) -> KeyText:
        """Stores a new key and returns its text, which is shown nowhere again."""
        text = make_key()
        with self._changing(actor) as change:
            key = Key(
                public_id=text.public_id,
                name=check_name(name),
                owner=text.public_id,
                digest=digest(text, self._pepper),
                scopes=check_scopes(frozenset(scopes)),
                models=check_models(models),
                limits=check_limits(limits),
                note=check_note(note),
                created_by=actor.text,
                created_at=change.now,
                expires_at=change.now + expires_in if expires_in else expires_at,
                revoked_at=None,
                current=True,
            )
            refuse_excess(change.actor, grant_of(key))
            _free_expired(change, name)
            insert_key(change.connection, key)
            change.record("create", key, {n: [None, v] for n, v in rights(key).items()})
        return text

    def change(self, name: str, edit: KeyEdit, actor: Actor = COMMAND_LINE) -> Key:
        """Changes a working key; the result may not go beyond what the actor has."""
        with self._changing(actor) as change:
            old = _current(change, name)
            new = edited(old, edit)
            if rights(old) == rights(new):
                return old
            if grant_of(old) != grant_of(new):
                refuse_self_change(change.actor, old)
            refuse_stronger(change.actor, old)
            refuse_excess(change.actor, grant_of(new))
            for key in _alive(change, keys.c.owner == old.owner):
                expires_at = new.expires_at if key.current else sooner(key, new.expires_at)
                later = replace(new, public_id=key.public_id, expires_at=expires_at)
                update_rights(change.connection, later)
            before, after = rights(old), rights(new)
            differing = {n: [before[n], after[n]] for n in after if before[n] != after[n]}
            change.record("change", old, differing)
        return new

    def rotate(
        self, name: str, overlap: timedelta = DEFAULT_OVERLAP, actor: Actor = COMMAND_LINE
    ) -> KeyText:
        """A new secret for the same person; the old one works until the overlap ends."""
        text = make_key()
        with self._changing(actor) as change:
            old = _current(change, name)
            # Whoever rotates a key learns its new secret, so it must not be worth more than theirs.
            refuse_stronger(change.actor, old)
            ends = sooner(old, change.now + overlap)
            update_key(
                change.connection,
                old.public_id,
                current_name=None,
                expires_at=ends,
                revoked_at=None if overlap else change.now,
            )
            new = replace(
                old,
                public_id=text.public_id,
                digest=digest(text, self._pepper),
                created_at=change.now,
                created_by=actor.text,
            )
            insert_key(change.connection, new)
            details = {"id": [old.public_id, new.public_id], "old_ends_at": [None, time_text(ends)]}
            change.record("rotate", old, details)
        return text

    def revoke(self, name: str, actor: Actor = COMMAND_LINE, *, force: bool = False) -> None:
        """Ends every working key of this name at once; `KeyNotFound` when there is none."""
        with self._changing(actor) as change:
            alive = _alive(change, keys.c.name == name)
            working = [key for key in alive if key.works(change.now)]
            if not working:
                raise KeyNotFound(f"There is no active key named {name[:120]!r}. See: keys list")
            for key in working:
                if Scope.ADMIN in key.scopes:
                    refuse_stronger(change.actor, key)
                    _refuse_last_admin(change, key, force)
                update_key(
                    change.connection, key.public_id, revoked_at=change.now, current_name=None
                )
                change.record("revoke", key, {"state": [key.state(change.now), "revoked"]})

    def all(self) -> list[Key]:
        """Every key, oldest first."""
        with self._engine.connect() as connection:
            return select_keys(connection)

    def unrevoked(self) -> list[Key]:
        """The keys that may still let a request pass, oldest first."""
        with self._engine.connect() as connection:
            return select_keys(connection, keys.c.revoked_at.is_(None))

    def named(self, name: str) -> list[Key]:
        """Every key that ever had this name, oldest first; raises `KeyNotFound`."""
        with self._engine.connect() as connection:
            found = select_keys(connection, keys.c.name == name)
        if not found:
            raise KeyNotFound(f"There is no key named {name[:120]!r}. See: keys list")
        return found

    def version(self) -> int:
        """A number that grows with every change."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(key_changes.c.version)).scalar_one())

    @contextmanager
    def _changing(self, actor: Actor) -> Iterator[_Change]:
        with self._engine.begin() as connection:
            connection.execute(update(key_changes).values(version=key_changes.c.version + 1))
            now = datetime.now(UTC)  # after waiting for other writers
            yield _Change(connection, now, _as_it_stands(connection, actor, now))
        if self.mark:
            self.mark.bump()


def _as_it_stands(connection: Connection, actor: Actor, now: datetime) -> Actor:
    """The actor with its key's rights of this moment, not of when its request arrived."""
    if actor.key is None:
        return actor
    found = select_keys(connection, keys.c.public_id == actor.key.public_id)
    if not found or not found[0].works(now):
        raise ActorEnded("This key is not known here, has expired or was revoked.")
    if Scope.ADMIN not in found[0].scopes:
        raise GrantRefused("This key may not do that: it lacks the scope 'admin'.")
    return Actor(found[0])


def _current(change: _Change, name: str) -> Key:
    found = select_keys(change.connection, keys.c.current_name == name)
    if not found or not found[0].works(change.now):
        raise KeyNotFound(f"There is no active key named {name[:120]!r}. See: keys list")
    return found[0]


def _free_expired(change: _Change, name: str) -> None:
    """A name whose key has expired may be given anew."""
    expired = (keys.c.current_name == name, keys.c.expires_at <= change.now)
    change.connection.execute(update(keys).where(*expired).values(current_name=None))


def _refuse_last_admin(change: _Change, target: Key, force: bool) -> None:
    if change.actor.key is None or change.actor.key.owner != target.owner or force:
        return
    others = _alive(change, keys.c.owner != target.owner)
    if not any(Scope.ADMIN in key.scopes and key.works(change.now) for key in others):
        raise GrantRefused(
            "This is the last admin key. Make another one first, or say `force` to end it."
        )


def _alive(change: _Change, condition: Any) -> list[Key]:
    return select_keys(change.connection, condition, keys.c.revoked_at.is_(None))
