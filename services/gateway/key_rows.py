"""Rows of keys: from and to `Key`, inserting, updating, selecting.

Owns how a key lies in its table. It decides nothing and opens no transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypedDict

import orjson
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.keys import (
    LIMIT_NAMES,
    Key,
    KeyLimits,
    KeyNameTaken,
    Scope,
    check_limits,
    check_models,
    check_note,
    check_scopes,
)
from gateway.schema import keys


class KeyEdit(TypedDict, total=False):
    """The fields of a key that can be changed; those left out stay as they are."""

    scopes: frozenset[Scope]
    models: tuple[str, ...]
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    daily_tokens: int | None
    expires_at: datetime | None
    note: str


def edited(key: Key, edit: KeyEdit) -> Key:
    """The key with the edit applied; `KeyRefused` for a value that no key can have."""
    values: dict[str, Any] = dict(edit)
    limits = {name: values.pop(name) for name in LIMIT_NAMES if name in values}
    new: Key = replace(key, **values, limits=replace(key.limits, **limits))
    check_scopes(new.scopes)
    check_limits(new.limits)
    check_note(new.note)
    return replace(new, models=check_models(new.models))


def sooner(key: Key, moment: datetime | None) -> datetime | None:
    """When the key ends if it must not outlive `moment`."""
    return min((time for time in (key.expires_at, moment) if time), default=None)


def time_text(moment: datetime | None) -> str | None:
    """A time as people and JSON see it."""
    return moment.isoformat(timespec="seconds") if moment else None


def rights(key: Key) -> dict[str, Any]:
    """The fields that can be changed, as JSON shows them."""
    return {
        "scopes": sorted(scope.value for scope in key.scopes),
        "models": list(key.models),
        **{name: getattr(key.limits, name) for name in LIMIT_NAMES},
        "expires_at": time_text(key.expires_at),
        "note": key.note,
    }


def insert_key(connection: Connection, key: Key) -> None:
    """Adds a row; `KeyNameTaken` when the database says that the name belongs to another."""
    plain = ("public_id", "name", "owner", "digest", "created_by", "created_at", "revoked_at")
    row = {name: getattr(key, name) for name in plain}
    row |= _right_columns(key) | {"current_name": key.name if key.current else None}
    try:
        connection.execute(insert(keys).values(row))
    except IntegrityError:
        raise KeyNameTaken(
            f"There is a key named {key.name!r} already. Choose another name, "
            f"or end the old one first: keys revoke {key.name!r}"
        ) from None


def update_key(connection: Connection, public_id: str, **values: Any) -> None:
    """Sets columns of one row."""
    connection.execute(update(keys).where(keys.c.public_id == public_id).values(values))


def update_rights(connection: Connection, key: Key) -> None:
    """Stores what `edited` changed."""
    update_key(connection, key.public_id, **_right_columns(key))


def select_keys(connection: Connection, *conditions: Any) -> list[Key]:
    """The keys that meet all conditions, oldest first."""
    query = select(keys).where(*conditions).order_by(keys.c.created_at, keys.c.public_id)
    return [_key(row) for row in connection.execute(query)]


def _right_columns(key: Key) -> dict[str, Any]:
    return {
        "scopes": " ".join(sorted(key.scopes)),
        "models": orjson.dumps(key.models).decode(),
        **{name: getattr(key.limits, name) for name in LIMIT_NAMES},
        "note": key.note,
        "expires_at": key.expires_at,
    }


def _key(row: Row[Any]) -> Key:
    values = dict(row._mapping)
    values["scopes"] = frozenset(Scope(scope) for scope in values["scopes"].split())
    values["models"] = tuple(orjson.loads(values["models"]))
    values["limits"] = KeyLimits(**{name: values.pop(name) for name in LIMIT_NAMES})
    values["current"] = values.pop("current_name") is not None
    for name in ("created_at", "expires_at", "revoked_at"):
        if values[name] is not None and values[name].tzinfo is None:
            values[name] = values[name].replace(tzinfo=UTC)  # SQLite forgets it; stored was UTC
    return Key(**values)
