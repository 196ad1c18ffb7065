"""The ledger: committed before the end is seen, kept while the database is away, added up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from gateway.database import open_database
from gateway.ledger import Ledger, Row
from gateway.retention import delete_before
from gateway.schema import metadata, requests
from gateway.settings import GatewaySettings
from gateway.usage_report import By, tokens_since, usage_rows
from tests.running import wait_until

pytestmark = pytest.mark.usefixtures("each_database")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def row(number: int = 0, **changes: object) -> Row:
    fields: dict[str, object] = {
        "request_id": f"req_{number}",
        "began_at": NOW,
        "owner": "o1",
        "key_name": "ana",
        "route": "/v1/chat/completions",
        "model": "m",
        "upstream": "",
        "outcome": "ok",
        "status": 200,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "estimated": False,
        "queue_ms": 1.0,
        "first_token_ms": 20.0,
        "duration_ms": 100.0,
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return open_database(GatewaySettings(gateway_data_dir=tmp_path))


@pytest.fixture
async def ledger(database: Engine) -> AsyncIterator[Ledger]:
    ledger = Ledger(database)
    ledger.start()
    yield ledger
    await ledger.stop()


def count(database: Engine) -> int:
    with database.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(requests)).scalar_one())


async def test_a_row_is_committed_when_its_future_is_done(ledger: Ledger, database: Engine) -> None:
    await ledger.record(row())
    assert count(database) == 1


async def test_many_rows_at_once_are_all_there(ledger: Ledger, database: Engine) -> None:
    await asyncio.gather(*(ledger.record(row(number)) for number in range(2000)))
    assert count(database) == 2000


async def test_stopping_writes_what_waits(database: Engine) -> None:
    ledger = Ledger(database)
    ledger.start()
    for number in range(100):
        ledger.record(row(number))
    await ledger.stop()
    assert count(database) == 100


async def test_rows_are_kept_while_the_database_is_away(ledger: Ledger, database: Engine) -> None:
    with database.begin() as connection:
        metadata.tables["requests"].drop(connection)
    done = ledger.record(row())
    await asyncio.to_thread(wait_until, lambda: not ledger.accepting, "the ledger to notice")
    assert not done.done()
    with database.begin() as connection:
        metadata.tables["requests"].create(connection)
    await done
    assert ledger.accepting
    assert count(database) == 1


async def test_no_value_can_stop_the_ledger(ledger: Ledger, database: Engine) -> None:
    """Names come from callers and numbers from model servers, whatever they are."""
    await asyncio.gather(
        ledger.record(row(1, model="a\0b")),
        ledger.record(row(2, model="\ud800")),
        ledger.record(row(3, prompt_tokens=10**30, completion_tokens=2**63)),
        ledger.record(row(4)),
    )
    await ledger.record(row(5))
    assert ledger.accepting
    assert count(database) == 5
    assert usage_rows(database)[0]["total_tokens"] >= 1_000_000_000
    assert tokens_since(database, NOW - timedelta(days=1))["o1"] >= 1_000_000_000


async def test_times_are_kept_in_utc(ledger: Ledger, database: Engine) -> None:
    elsewhere = timezone(timedelta(hours=5))
    await ledger.record(row(began_at=datetime(2026, 11, 24, 2, 30, 0, 5, elsewhere)))
    with database.connect() as connection:
        began_at = connection.execute(select(requests.c.began_at)).scalar_one()
    assert began_at.replace(tzinfo=began_at.tzinfo or UTC) == datetime(
        2026, 11, 23, 21, 30, 0, 5, UTC
    )
    assert [entry["day"] for entry in usage_rows(database, By.DAY)] == ["2026-11-23"]


async def test_usage_adds_up_by_key_model_and_day(ledger: Ledger, database: Engine) -> None:
    await ledger.record(row(1))
    await ledger.record(row(2, key_name="bob", owner="o2", model="n", completion_tokens=90))
    await ledger.record(row(3, began_at=NOW - timedelta(days=1), outcome="caller_left"))
    assert [
        (entry["key"], entry["requests"], entry["total_tokens"], entry["not_ok"])
        for entry in usage_rows(database)
    ] == [("bob", 1, 100, 0), ("ana", 2, 30, 1)]
    assert [entry["day"] for entry in usage_rows(database, By.DAY)] == ["2026-11-22", "2026-11-23"]
    assert [entry["model"] for entry in usage_rows(database, By.MODEL, owner="o1")] == ["m"]
    assert usage_rows(database, key_name="nobody") == []


async def test_old_rows_go_in_batches(ledger: Ledger, database: Engine) -> None:
    old = NOW - timedelta(days=100)
    futures = [ledger.record(row(number, began_at=old)) for number in range(1200)]
    await asyncio.gather(*futures, ledger.record(row()))
    assert delete_before(database, requests.c.began_at, NOW - timedelta(days=90)) == 1200
    assert count(database) == 1
