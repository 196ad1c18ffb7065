"""What runs beside the requests: old rows go, and the day's usage is counted after a restart.

Owns when. The batches are `retention`'s and `conversations`' matter, the counters `rate_limits`'s.
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
from gateway.schema import audit, requests
from gateway.settings import GatewaySettings
from gateway.usage_report import tokens_since

DELETE_EVERY_S = 3600.0
PURGE_EVERY_S = 600.0
# A store of limits that lost its memory is told within this time.
TODAY_EVERY_S = 2.0
log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def kept_up(
    database: Engine, limits: RateLimits, settings: GatewaySettings
) -> AsyncIterator[None]:
    """Counts today's usage into the daily budgets, then keeps it counted and deletes old rows."""
    await _count_today(database, limits)
    errands = [
        asyncio.create_task(_keep_today(database, limits)),
        asyncio.create_task(_delete_old(database, limits, settings)),
        asyncio.create_task(_purge(database)),
    ]
    try:
        yield
    finally:
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)


async def _count_today(database: Engine, limits: RateLimits) -> None:
    if not await limits.wants_today():
        return
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        await limits.seed_today(await asyncio.to_thread(tokens_since, database, midnight))
    except SQLAlchemyError as error:
        log.warning("today's usage is not known yet: the ledger cannot be read (%s)", _name(error))


async def _keep_today(database: Engine, limits: RateLimits) -> None:
    while True:
        await asyncio.sleep(TODAY_EVERY_S)
        await _count_today(database, limits)


async def _delete_old(database: Engine, limits: RateLimits, settings: GatewaySettings) -> None:
    while True:
        now = datetime.now(UTC)
        try:
            for column, days in (
                (requests.c.began_at, settings.gateway_ledger_days),
                (audit.c.at, settings.gateway_audit_days),
            ):
                await asyncio.to_thread(delete_before, database, column, now - timedelta(days=days))
        except SQLAlchemyError as error:
            log.warning("old rows stay for now (%s)", _name(error))
        limits.tidy()
        await asyncio.sleep(DELETE_EVERY_S)


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


def _name(error: Exception) -> str:
    """Its kind alone: a driver's words may hold an address or a value."""
    return type(error).__name__
