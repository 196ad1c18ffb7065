"""How long rows of the ledger and of the audit are kept.

Owns deleting old ones in small batches, so that no writer waits long for the database (peers were
brought down by one big delete: gateways' incident lists).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Engine, delete, select

BATCH_ROWS = 500


def delete_before(database: Engine, moment: Column[Any], before: datetime) -> int:
    """Deletes the rows whose column `moment` lies before a time; returns how many. Blocks."""
    table = moment.table
    deleted = 0
    while True:
        with database.begin() as connection:
            old = select(table.c.id).where(moment < before).limit(BATCH_ROWS)
            count = connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
        deleted += count
        if count < BATCH_ROWS:
            return deleted
