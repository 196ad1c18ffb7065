"""Keys in the database and in memory: made, found, expired, revoked; the database away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from gateway.database import open_database
from gateway.demo_key import demo_key
from gateway.key_form import make_key
from gateway.key_table import KeysUnavailable, KeyTable
from gateway.keys import DEFAULT_SCOPES, KeyRefused, KeyStore, Scope, parse_expiry
from gateway.pepper import load_pepper
from gateway.schema import metadata
from gateway.settings import GatewaySettings

PEPPER = b"a pepper for these tests, 32 bytes"


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(gateway_data_dir=tmp_path)


@pytest.fixture
def database(settings: GatewaySettings) -> Engine:
    return open_database(settings)


@pytest.fixture
def store(database: Engine) -> KeyStore:
    return KeyStore(database, PEPPER)


@pytest.fixture
def table(store: KeyStore) -> KeyTable:
    return KeyTable(store, PEPPER)


def test_the_migrations_make_the_schema(database: Engine) -> None:
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_opening_twice_keeps_the_keys(settings: GatewaySettings, store: KeyStore) -> None:
    store.create("ana")
    again = KeyStore(open_database(settings), PEPPER)
    assert [key.name for key in again.all()] == ["ana"]


async def test_a_made_key_is_found_at_once(store: KeyStore, table: KeyTable) -> None:
    await table.refresh()
    text = store.create("ana").text
    found = await table.find(text)
    assert found is not None
    assert found.name == "ana"
    assert found.scopes == frozenset(DEFAULT_SCOPES)


async def test_an_unknown_key_is_not_found(store: KeyStore, table: KeyTable) -> None:
    store.create("ana")
    assert await table.find(make_key().text) is None
    assert await table.find("not a key") is None


async def test_the_stored_digest_is_no_key(store: KeyStore, table: KeyTable) -> None:
    store.create("ana")
    assert await table.find(store.all()[0].digest.hex()) is None


async def test_another_pepper_makes_the_database_useless(store: KeyStore) -> None:
    text = store.create("ana").text
    assert await KeyTable(store, b"stolen without the pepper").find(text) is None


async def test_a_revoked_key_ends(store: KeyStore, table: KeyTable) -> None:
    text = store.create("ana").text
    assert await table.find(text) is not None
    store.revoke("ana")
    await table.refresh()
    assert await table.find(text) is None


async def test_an_expired_key_is_refused(store: KeyStore, table: KeyTable) -> None:
    text = store.create("ana", expires_in=timedelta(seconds=-1)).text
    assert await table.find(text) is None


async def test_a_database_that_is_away_is_not_a_bad_key(
    store: KeyStore, table: KeyTable, database: Engine
) -> None:
    known = store.create("ana").text
    assert await table.find(known) is not None
    with database.begin() as connection:
        metadata.drop_all(connection)
    assert await table.find(known) is not None  # known keys go on
    with pytest.raises(KeysUnavailable):
        await table.find(make_key().text)


async def test_many_callers_at_once_refresh_once(store: KeyStore, table: KeyTable) -> None:
    text = store.create("ana").text
    found = await asyncio.gather(*(table.find(text) for _ in range(50)))
    assert all(key is not None and key.name == "ana" for key in found)
    assert repr(table) == "<KeyTable [1 keys, version 1]>"


def test_a_name_belongs_to_one_active_key(store: KeyStore) -> None:
    store.create("ana")
    with pytest.raises(KeyRefused, match="There is a key named 'ana' already"):
        store.create("ana")
    store.revoke("ana")
    store.create("ana")


@pytest.mark.parametrize("name", ["", " ana", "a" * 200, "ana\nroot", "'; DROP TABLE keys"])
def test_an_odd_name_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(KeyRefused, match="cannot be used"):
        store.create(name)


def test_revoking_nobody_says_so(store: KeyStore) -> None:
    with pytest.raises(KeyRefused, match="no active key named 'bob'"):
        store.revoke("bob")


def test_scopes_are_kept(store: KeyStore) -> None:
    store.create("op", (Scope.MODELS_READ, Scope.MODELS_MANAGE))
    assert store.all()[0].scopes == {Scope.MODELS_READ, Scope.MODELS_MANAGE}


@pytest.mark.parametrize(("text", "hours"), [("30d", 720), ("12h", 12), ("60m", 1)])
def test_expiries_are_read(text: str, hours: int) -> None:
    assert parse_expiry(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "0d", "d", "-3d", "3 days", "999999d"])
def test_an_unreadable_expiry_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused, match="write 30d, 12h or 45m"):
        parse_expiry(text)


def test_the_demo_key_can_be_printed_again(store: KeyStore, settings: GatewaySettings) -> None:
    first = demo_key(store, settings)
    assert demo_key(store, settings) == first
    store.revoke("demo")
    second = demo_key(store, settings)
    assert second != first
    assert demo_key(store, settings) == second


def test_a_demo_key_whose_file_is_lost_is_replaced(
    store: KeyStore, settings: GatewaySettings
) -> None:
    first = demo_key(store, settings)
    (settings.gateway_data_dir / "demo-key").unlink()
    assert demo_key(store, settings) != first


def test_the_pepper_is_made_once_and_readable_by_its_owner_only(
    settings: GatewaySettings,
) -> None:
    pepper = load_pepper(settings)
    assert load_pepper(settings) == pepper
    assert (settings.gateway_data_dir / "pepper").stat().st_mode & 0o777 == 0o600
