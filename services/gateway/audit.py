"""The audit: who changed which key, when, and what was there before.

Owns the rows of the table and reading them page by page. They are written inside the transaction
of the change they tell of, so neither exists without the other. No secret is ever in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, insert, select

from gateway.key_grants import Actor
from gateway.keys import Key
from gateway.schema import audit


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change. `details` maps a field to its old and new value; `at` is UTC."""

    id: int
    at: datetime
    actor: str
    actor_id: str | None
    action: str
    target: str
    target_id: str
    details: dict[str, list[Any]]


def write_audit(
    connection: Connection,
    at: datetime,
    actor: Actor,
    action: str,
    target: Key,
    details: dict[str, Any],
) -> None:
    """Adds a row within the caller's transaction."""
    row = {
        "at": at,
        "actor": actor.text,
        "actor_id": actor.public_id,
        "action": action,
        "target": target.name,
        "target_id": target.public_id,
        "details": orjson.dumps(details).decode(),
    }
    connection.execute(insert(audit).values(row))


class AuditLog:
    """Reads the audit of one database; blocks on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, limit: int, after: int | None = None) -> list[AuditRow]:
        """Up to `limit` rows, newest first, that are older than the row `after`."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(audit.c.id < after)
        with self._engine.connect() as connection:
            return [_row(dict(row._mapping)) for row in connection.execute(query)]


def _row(values: dict[str, Any]) -> AuditRow:
    if values["at"].tzinfo is None:
        values["at"] = values["at"].replace(tzinfo=UTC)  # SQLite forgets the zone
    return AuditRow(**values | {"details": orjson.loads(values["details"])})
