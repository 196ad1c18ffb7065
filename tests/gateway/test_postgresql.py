"""What is PostgreSQL's own: upgrades by several machines, its zone, bounded waits, search."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, insert, make_url, select, text
from sqlalchemy.exc import OperationalError

from gateway.database import open_database
from gateway.postgresql import BoundedConnection, open_postgresql
from gateway.schema import key_changes, requests
from gateway.settings import GatewaySettings
from gateway.usage_report import By, usage_rows
from tests.gateway.room import CONVERSATIONS, begin, open_room, say
from tests.gateway.test_ledger import row
from tests.state_servers import plain


def test_machines_that_start_together_upgrade_once(tmp_path: Path, postgresql_url: str) -> None:
    def start(number: int) -> int:
        """One machine: the lock in the data folder is its own."""
        folder = tmp_path / str(number)
        database = open_database(
            GatewaySettings(gateway_data_dir=folder, database_url=postgresql_url)
        )
        with database.connect() as connection:
            found = connection.execute(select(func.count()).select_from(key_changes)).scalar_one()
        database.dispose()
        return int(found)

    with ThreadPoolExecutor(6) as machines:
        assert list(machines.map(start, range(6))) == [1] * 6


def test_a_day_is_utc_wherever_the_server_is(tmp_path: Path, postgresql_url: str) -> None:
    with psycopg.connect(plain(postgresql_url), autocommit=True) as connection:
        name = make_url(postgresql_url).database
        connection.execute(f"ALTER DATABASE {name} SET timezone TO 'Pacific/Auckland'")
    settings = GatewaySettings(gateway_data_dir=tmp_path, database_url=postgresql_url)
    database = open_database(settings)
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    with database.begin() as connection:
        connection.execute(insert(requests).values(row(began_at=late)._asdict()))
    assert [entry["day"] for entry in usage_rows(database, By.DAY)] == ["2026-11-23"]
    database.dispose()


def test_an_answer_that_does_not_come_closes_the_connection(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "answer_timeout_s", 0.3)
    engine = open_postgresql(make_url(postgresql_url))
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT pg_sleep(7)"))
    assert isinstance(driver, BoundedConnection)
    assert driver.closed
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_what_the_url_says_wins(postgresql_url: str) -> None:
    url = make_url(postgresql_url).update_query_dict(
        {"options": "-c statement_timeout=77s", "application_name": "room"}
    )
    engine = open_postgresql(url)
    with engine.connect() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("statement_timeout", "application_name", "timezone")
        ]
    engine.dispose()
    assert shown == ["77s", "room", "UTC"]


async def test_conversations_are_searched(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    async with open_room(tmp_path) as room:
        tea = await begin(room.ana, title="Tea & <biscuits>")
        await say(room.ana, tea, "The quick brown fox likes Darjeeling")
        await say(room.ana, await begin(room.ana, title="Coffee"), "100% arabica_beans")
        await say(room.bob, await begin(room.bob), "darjeeling as well")

        async def found(query: str) -> list[tuple[str, str]]:
            answer = await room.ana.get(f"{CONVERSATIONS}/search", params={"q": query})
            assert answer.status_code == 200, answer.text
            return [(hit["conversation"]["title"], hit["snippet"]) for hit in answer.json()["hits"]]

        assert [title for title, _ in await found("darjeeling fox")] == ["Tea & <biscuits>"]
        assert await found("darjeeling coffee") == []
        assert await found("<bisc") == [
            ("Tea & <biscuits>", "Tea &amp; <mark>&lt;bisc</mark>uits&gt;")
        ]
        assert [title for title, _ in await found("0% arabica_")] == ["Coffee"], "no wildcards"
        assert await found("'; DROP TABLE keys; --") == []
