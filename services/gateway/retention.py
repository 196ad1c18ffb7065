"""How long ledger rows are kept.

Owns deleting old ones in small batches, so that no writer waits long for the database (peers were
brought down by one big delete: gateways' incident lists).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, delete, select

from gateway.schema import requests

BATCH_ROWS = 500


def delete_before(database: Engine, moment: datetime) -> int:
    """Deletes the rows of requests that began before `moment`; returns how many. Blocks."""
    deleted = 0
    while True:
        with database.begin() as connection:
            old = select(requests.c.id).where(requests.c.began_at < moment).limit(BATCH_ROWS)
            count = connection.execute(delete(requests).where(requests.c.id.in_(old))).rowcount
        deleted += count
        if count < BATCH_ROWS:
            return deleted
