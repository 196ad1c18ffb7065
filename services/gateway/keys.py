"""Keys in the database: make, list, revoke, read all.

Owns the rows and the rules for a key's name, scopes and expiry. The text of a key leaves
`KeyStore.create` once and is stored nowhere: the row holds its HMAC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, insert, select, update

from gateway.key_form import KeyText, digest, make_key
from gateway.schema import key_changes, keys

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,98}")
_EXPIRY = re.compile(r"(\d{1,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Scope(StrEnum):
    """What a key may do."""

    CHAT = "chat"
    EMBED = "embed"
    MODELS_READ = "models:read"
    MODELS_MANAGE = "models:manage"
    ADMIN = "admin"


DEFAULT_SCOPES = (Scope.CHAT, Scope.EMBED, Scope.MODELS_READ)


class KeyRefused(Exception):
    """A key that cannot be made or found; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the gateway knows it; `digest` is 32 bytes, times are UTC."""

    public_id: str
    name: str
    digest: bytes
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active"


class KeyStore:
    """The keys in one database. Every method blocks on it; call them off the event loop."""

    def __init__(self, engine: Engine, pepper: bytes) -> None:
        self._engine = engine
        self._pepper = pepper

    def create(
        self,
        name: str,
        scopes: tuple[Scope, ...] = DEFAULT_SCOPES,
        expires_in: timedelta | None = None,
    ) -> KeyText:
        """Stores a new key and returns its text, which is shown nowhere again."""
        if not _NAME.fullmatch(name):
            raise KeyRefused(
                f"The name {name!r} cannot be used: use up to 99 letters, digits, spaces or ._@-"
            )
        now = datetime.now(UTC)
        key = make_key()
        with self._engine.begin() as connection:
            if any(row.state(now) == "active" for row in _named(connection, name)):
                raise KeyRefused(
                    f"There is a key named {name!r} already. Choose another name, "
                    f"or end the old one first: keys revoke {name!r}"
                )
            row = {
                "public_id": key.public_id,
                "name": name,
                "digest": digest(key, self._pepper),
                "scopes": " ".join(scopes),
                "created_at": now,
                "expires_at": now + expires_in if expires_in else None,
            }
            connection.execute(insert(keys).values(row))
            _mark_changed(connection)
        return key

    def revoke(self, name: str) -> None:
        """Ends the active key of this name; raises `KeyRefused` when there is none."""
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            active = [key for key in _named(connection, name) if key.state(now) == "active"]
            if not active:
                raise KeyRefused(f"There is no active key named {name!r}. See: keys list")
            connection.execute(
                update(keys)
                .where(keys.c.public_id.in_([key.public_id for key in active]))
                .values(revoked_at=now)
            )
            _mark_changed(connection)

    def all(self) -> list[Key]:
        """Every key, oldest first."""
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(select(keys).order_by("created_at"))]

    def version(self) -> int:
        """A number that grows with every change."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(key_changes.c.version)).scalar_one())


def parse_expiry(text: str) -> timedelta:
    """`30d`, `12h` or `45m` as a duration."""
    match = _EXPIRY.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise KeyRefused(f"The expiry {text!r} cannot be read: write 30d, 12h or 45m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _named(connection: Connection, name: str) -> list[Key]:
    return [_key(row) for row in connection.execute(select(keys).where(keys.c.name == name))]


def _mark_changed(connection: Connection) -> None:
    connection.execute(update(key_changes).values(version=key_changes.c.version + 1))


def _key(row: Row[tuple[object, ...]]) -> Key:
    values = dict(row._mapping)
    values["scopes"] = frozenset(Scope(scope) for scope in values["scopes"].split())
    for name in ("created_at", "expires_at", "revoked_at"):
        if values[name] is not None:  # SQLite forgets the zone; what was stored is UTC
            values[name] = values[name].replace(tzinfo=UTC)
    return Key(**values)
