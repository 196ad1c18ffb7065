"""What the database needs from time to time: old rows go, and today's usage is counted at start.

Owns the errands of the app's life. The batches are `retention`'s and `conversations`' matter, the
counters `rate_limits`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import GatewayError
from gateway.rate_limits import RateLimits
from gateway.retention import delete_before
from gateway.usage_report import tokens_since

EVERY_S = 3600.0
PURGE_EVERY_S = 600.0
log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def kept_up(database: Engine, limits: RateLimits, ledger_days: int) -> AsyncIterator[None]:
    """Counts today's usage into the daily budgets, then deletes what is old every hour."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        await limits.seed_today(await asyncio.to_thread(tokens_since, database, midnight))
    except SQLAlchemyError as error:
        log.warning("daily budgets begin anew: the ledger cannot be read (%s)", error)
    errands = [
        asyncio.create_task(_delete_old(database, timedelta(days=ledger_days))),
        asyncio.create_task(_purge(database)),
    ]
    try:
        yield
    finally:
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)


async def _delete_old(database: Engine, age: timedelta) -> None:
    while True:
        try:
            await asyncio.to_thread(delete_before, database, datetime.now(UTC) - age)
        except SQLAlchemyError as error:
            log.warning("old ledger rows stay for now (%s)", type(error).__name__)
        await asyncio.sleep(EVERY_S)


async def _purge(engine: Engine) -> None:
    """Removes for good the conversations that were deleted long enough ago."""
    while True:
        await asyncio.sleep(PURGE_EVERY_S)
        from gateway.conversations import Conversations  # a gateway that only relays needs no more
        from gateway.room_database import RoomDatabase
        from gateway.room_limits import Limits

        limits = Limits()
        database = RoomDatabase(engine)
        conversations = Conversations(database, limits)
        try:
            while await database.run(conversations.purge):
                pass
        except GatewayError:
            log.warning("deleted conversations cannot be purged now; the next try is due later")
