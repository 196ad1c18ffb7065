"""What runs beside the requests: old rows go, the day's usage is counted as soon as it is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from gateway import upkeep
from gateway.database import open_database
from gateway.memory_limits import MemoryLimits
from gateway.schema import audit, metadata, requests
from gateway.settings import GatewaySettings
from gateway.upkeep import kept_up
from tests.gateway.test_ledger import row
from tests.gateway.test_rate_limits import key_with, refusal
from tests.running import wait_until

pytestmark = pytest.mark.usefixtures("each_database")

NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(gateway_data_dir=tmp_path, gateway_ledger_days=90, gateway_audit_days=30)


@pytest.fixture
def database(settings: GatewaySettings) -> Engine:
    return open_database(settings)


def note_request(database: Engine, began_at: datetime, owner: str = "o1") -> None:
    made = row(began_at=began_at, owner=owner, prompt_tokens=60, completion_tokens=35)
    with database.begin() as connection:
        connection.execute(insert(requests).values(made._asdict()))


def note_change(database: Engine, at: datetime) -> None:
    values = {"at": at, "actor": "ana", "action": "create", "target": "bob", "target_id": "b"}
    with database.begin() as connection:
        connection.execute(insert(audit).values(values | {"details": "{}"}))


async def until(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


async def test_old_rows_go_and_younger_ones_stay(
    database: Engine, settings: GatewaySettings
) -> None:
    for days in (1, 29, 31, 89, 91):
        note_request(database, NOW - timedelta(days=days))
        note_change(database, NOW - timedelta(days=days))

    def kept() -> list[int]:
        with database.connect() as connection:
            queries = [select(func.count()).select_from(table) for table in (requests, audit)]
            return [connection.execute(query).scalar_one() for query in queries]

    async with kept_up(database, MemoryLimits(), settings):
        await until(lambda: kept() == [4, 2], "the old rows to go")


async def test_a_restart_does_not_refill_a_daily_budget(
    database: Engine, settings: GatewaySettings
) -> None:
    key = key_with(daily_tokens=100)
    note_request(database, datetime.now(UTC), key.owner)
    limits = MemoryLimits()
    async with kept_up(database, limits, settings):
        await refusal(limits, key, 10)


async def test_a_ledger_that_cannot_be_read_at_first_is_read_later(
    database: Engine, settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "TODAY_EVERY_S", 0.02)
    with database.begin() as connection:
        metadata.tables["requests"].drop(connection)
    counted = asyncio.Event()

    class Limits(MemoryLimits):
        async def seed_today(self, tokens_by_owner: dict[str, int]) -> None:
            await super().seed_today(tokens_by_owner)
            counted.set()

    key, limits = key_with(daily_tokens=100), Limits()
    async with kept_up(database, limits, settings):
        await limits.reserve(key, 1)
        with database.begin() as connection:
            metadata.tables["requests"].create(connection)
        note_request(database, datetime.now(UTC), key.owner)
        async with asyncio.timeout(60):
            await counted.wait()
        await refusal(limits, key, 10)
