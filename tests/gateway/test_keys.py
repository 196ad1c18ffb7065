"""Keys in the database and in memory: made, found, expired, revoked; the database away."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text, update
from sqlalchemy.exc import IntegrityError

from gateway.audit import AuditLog
from gateway.database import MIGRATIONS, open_database
from gateway.demo_key import demo_key, make_ui_key
from gateway.key_form import make_key
from gateway.key_mark import KeyMark
from gateway.key_store import KeyStore
from gateway.key_table import UNKNOWN_ASK_S, KeysUnavailable, KeyTable
from gateway.keys import (
    DEFAULT_SCOPES,
    KeyLimits,
    KeyNameTaken,
    KeyRefused,
    Scope,
    glob_matches,
    parse_expiry,
)
from gateway.pepper import load_pepper
from gateway.schema import is_in_schema, keys, metadata
from gateway.settings import GatewaySettings

pytestmark = pytest.mark.usefixtures("each_database")

PEPPER = b"a pepper for these tests, 32 bytes"


class Clock:
    """A clock that stands still until it is moved, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(gateway_data_dir=tmp_path)


@pytest.fixture
def database(settings: GatewaySettings) -> Engine:
    return open_database(settings)


@pytest.fixture
def store(database: Engine, settings: GatewaySettings) -> KeyStore:
    return KeyStore(database, PEPPER, KeyMark(settings.gateway_data_dir))


@pytest.fixture
def table(store: KeyStore) -> KeyTable:
    return KeyTable(store, PEPPER)


def test_the_migrations_make_the_schema(database: Engine) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_in_schema})
        assert compare_metadata(context, metadata) == []


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


async def test_a_database_that_is_away_is_not_a_bad_key(store: KeyStore, database: Engine) -> None:
    clock = Clock()
    table = KeyTable(store, PEPPER, clock=clock)
    known = store.create("ana").text
    assert await table.find(known) is not None
    with database.begin() as connection:
        metadata.drop_all(connection)
    assert await table.find(known) is not None  # known keys go on
    clock.now += UNKNOWN_ASK_S
    for _ in range(2):
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
    owner = store.all()[0].owner
    (settings.gateway_data_dir / "demo-key").unlink()
    second = demo_key(store, settings)
    assert second != first
    old, new = store.all()
    assert old.revoked_at is not None  # its text is lost, so nobody can use it any more
    assert new.owner == owner  # its chats and its usage stay with it


def test_the_web_uis_key_is_made_once_and_can_do_little(
    store: KeyStore, settings: GatewaySettings
) -> None:
    make_ui_key(store, settings)  # none is asked for
    assert store.all() == []
    path = settings.gateway_data_dir / "ui-key"
    asked = settings.model_copy(update={"gateway_ui_key_file": path})
    make_ui_key(store, asked)
    first = path.read_text()
    make_ui_key(store, asked)
    assert path.read_text() == first
    assert path.stat().st_mode & 0o077 == 0
    (key,) = store.all()
    assert key.scopes == {Scope.CHAT, Scope.MODELS_READ, Scope.REQUESTS_READ}
    store.revoke("web-uis")
    make_ui_key(store, asked)
    assert path.read_text() != first


@pytest.mark.parametrize(
    ("listening", "published", "all_rows"),
    [
        ("127.0.0.1", "", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", True),
        ("127.0.0.1", "localhost", True),
        ("0.0.0.0", "", False),
        ("0.0.0.0", "192.0.2.7", False),
        ("127.0.0.1", "0.0.0.0", False),
        ("127.0.0.1", "a name", False),
    ],
)
def test_the_web_uis_see_everybodys_requests_only_on_this_machine(
    store: KeyStore, settings: GatewaySettings, listening: str, published: str, all_rows: bool
) -> None:
    path = settings.gateway_data_dir / "ui-key"
    asked = settings.model_copy(update={"gateway_ui_key_file": path})
    here = {"bind_addr": listening, "gateway_published_addr": published}
    make_ui_key(store, asked)
    store.change("web-uis", {"scopes": frozenset({Scope.CHAT, Scope.MODELS_MANAGE})})
    make_ui_key(store, asked.model_copy(update=here))
    (key,) = store.all()
    assert (Scope.REQUESTS_READ in key.scopes) == all_rows
    assert key.scopes >= {Scope.CHAT, Scope.MODELS_MANAGE}  # what the operator chose stays


def test_a_file_that_cannot_be_written_keeps_no_gateway_from_starting(
    store: KeyStore, settings: GatewaySettings, caplog: pytest.LogCaptureFixture
) -> None:
    path = settings.gateway_data_dir / "no such folder" / "ui-key"
    make_ui_key(store, settings.model_copy(update={"gateway_ui_key_file": path}))
    assert "the web UIs get no key" in caplog.text
    assert store.all() == []


def test_the_pepper_is_made_once_and_readable_by_its_owner_only(
    settings: GatewaySettings,
) -> None:
    pepper = load_pepper(settings)
    assert load_pepper(settings) == pepper
    assert (settings.gateway_data_dir / "pepper").stat().st_mode & 0o777 == 0o600


def test_a_key_carries_what_it_was_made_with(store: KeyStore) -> None:
    limits = KeyLimits(rpm=60, tpm=9000, concurrency=2, daily_tokens=100_000)
    store.create("ana", models=("lectern-101@*",), limits=limits, note="seat 4")
    (key,) = store.all()
    assert (key.limits, key.note, key.created_by) == (limits, "seat 4", "command line")
    assert key.may_use("lectern-101@q8_0")
    assert not key.may_use("qwen3-8b")


@pytest.mark.parametrize(
    ("pattern", "model", "fits"),
    [
        ("lectern-101", "lectern-101", True),
        ("lectern-101", "lectern-101@q8_0", False),
        ("lectern-101@*", "lectern-101@q8_0", True),
        ("lectern-101@*", "lectern-101", False),
        ("*", "", True),
        ("*/qwen*-8b", "lmstudio/qwen3-8b", True),
        ("*/qwen*-8b", "lmstudio/qwen3-14b", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab*", "xabx", False),
        ("[ab]?", "a1", False),
        ("LECTERN-101", "lectern-101", False),
    ],
)
def test_an_allow_list_knows_one_special_character(pattern: str, model: str, fits: bool) -> None:
    assert glob_matches(pattern, model) is fits


def test_a_key_without_a_list_may_use_every_model(store: KeyStore) -> None:
    store.create("ana")
    assert store.all()[0].may_use("anything")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"limits": KeyLimits(rpm=0)}, "The limit rpm cannot be 0"),
        ({"limits": KeyLimits(tpm=-5)}, "The limit tpm cannot be -5"),
        ({"models": ("two words",)}, "The model 'two words' cannot be used"),
        ({"models": ("",)}, "cannot be used"),
        ({"models": tuple(f"m{i}" for i in range(51))}, "at most 50 models"),
        ({"note": "two\nlines"}, "A note is one line"),
        ({"scopes": ()}, "at least one scope"),
    ],
)
def test_odd_rights_are_refused(store: KeyStore, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(KeyRefused, match=re.escape(says)):
        store.create("ana", **fields)
    assert store.all() == []


def test_of_many_who_create_one_name_exactly_one_wins(settings: GatewaySettings) -> None:
    engines = [open_database(settings) for _ in range(8)]
    start = threading.Barrier(len(engines))

    def create(engine: Engine) -> str:
        store = KeyStore(engine, PEPPER)
        start.wait()
        try:
            return store.create("ana").public_id
        except KeyNameTaken:
            return ""

    with ThreadPoolExecutor(len(engines)) as pool:
        won = [public_id for public_id in pool.map(create, engines) if public_id]
    assert [key.public_id for key in KeyStore(engines[0], PEPPER).all()] == won
    assert len(won) == 1


def test_the_database_itself_refuses_a_second_holder_of_a_name(
    store: KeyStore, database: Engine
) -> None:
    store.create("ana")
    store.create("bob")
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(update(keys).values(current_name="ana"))


def test_an_expired_key_gives_its_name_free(store: KeyStore) -> None:
    store.create("ana", expires_in=timedelta(seconds=-1))
    store.create("ana")
    assert [key.current for key in store.all()] == [False, True]


def test_a_name_given_anew_is_a_new_person(store: KeyStore) -> None:
    store.create("ana")
    store.revoke("ana")
    store.create("ana")
    first, second = store.all()
    assert first.owner != second.owner


async def test_both_keys_work_until_the_overlap_ends(store: KeyStore) -> None:
    began = datetime.now(UTC)
    moment = began
    table = KeyTable(store, PEPPER, now=lambda: moment)
    old = store.create("ana", limits=KeyLimits(rpm=7)).text
    new = store.rotate("ana", timedelta(hours=24)).text
    seen = [await table.find(text) for text in (old, new)]
    assert all(key is not None and key.limits.rpm == 7 for key in seen)
    assert len({key.owner for key in seen if key}) == 1
    moment = began + timedelta(hours=23, minutes=59)
    assert await table.find(old) is not None
    moment = began + timedelta(hours=24, minutes=1)
    assert await table.find(old) is None
    assert await table.find(new) is not None


async def test_an_overlap_of_nothing_ends_the_old_key_at_once(
    store: KeyStore, table: KeyTable
) -> None:
    old = store.create("ana").text
    assert await table.find(old) is not None
    new = store.rotate("ana", timedelta()).text
    assert await table.find(old) is None
    assert await table.find(new) is not None


async def test_rotating_does_not_lengthen_a_life(store: KeyStore) -> None:
    store.create("ana", expires_in=timedelta(hours=1))
    store.rotate("ana", timedelta(hours=24))
    old, new = store.all()
    assert old.expires_at == new.expires_at


async def test_revoking_ends_every_key_of_the_name(store: KeyStore, table: KeyTable) -> None:
    texts = [store.create("ana").text, store.rotate("ana").text, store.rotate("ana").text]
    assert all([await table.find(text) for text in texts])
    store.revoke("ana")
    assert not any([await table.find(text) for text in texts])


async def test_a_change_holds_for_the_old_key_too(store: KeyStore, table: KeyTable) -> None:
    old = store.create("ana").text
    store.rotate("ana")
    store.change("ana", {"rpm": 3, "scopes": frozenset({Scope.CHAT})})
    found = await table.find(old)
    assert found is not None
    assert (found.limits.rpm, found.scopes) == (3, frozenset({Scope.CHAT}))


def test_a_changed_expiry_never_revives_the_old_key(store: KeyStore) -> None:
    store.create("ana")
    store.rotate("ana", timedelta(hours=1))
    before = store.all()[0].expires_at
    store.change("ana", {"expires_at": datetime.now(UTC) + timedelta(days=30)})
    assert store.all()[0].expires_at == before


def test_every_change_is_in_the_audit_without_a_secret(store: KeyStore, database: Engine) -> None:
    texts = [store.create("ana").text]
    store.change("ana", {"rpm": 60})
    store.change("ana", {"rpm": 60})  # changes nothing, so it says nothing
    texts.append(store.rotate("ana").text)
    store.revoke("ana")
    rows = AuditLog(database).page(10)[::-1]
    assert [row.action for row in rows] == ["create", "change", "rotate", "revoke", "revoke"]
    assert {(row.actor, row.actor_id, row.target) for row in rows} == {
        ("command line", None, "ana")
    }
    assert rows[1].details == {"rpm": [None, 60]}
    everything = str(rows)
    assert not any(text[14:50] in everything for text in texts)
    assert not any(key.digest.hex() in everything for key in store.all())


def test_a_refused_change_leaves_no_trace(store: KeyStore, database: Engine) -> None:
    version = store.version()
    with pytest.raises(KeyRefused):
        store.create("ana", limits=KeyLimits(rpm=0))
    assert (store.version(), AuditLog(database).page(10)) == (version, [])


def test_the_upgrade_keeps_the_keys_of_before(settings: GatewaySettings) -> None:
    """The first schema knew neither owners nor who has a name now."""
    engine = create_engine(settings.sqlalchemy_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = "INSERT INTO keys VALUES (:id, 'ana', :digest, 'chat', :made, NULL, :revoked)"
        for public_id, day, revoked in (
            ("AAAAAAAAAA", "01", "2026-01-02 00:00:00"),
            ("BBBBBBBBBB", "03", None),
            ("CCCCCCCCCC", "04", None),
        ):
            values = {"id": public_id, "made": f"2026-01-{day} 00:00:00", "revoked": revoked}
            connection.execute(text(row), values | {"digest": b"\0"})
    engine.dispose()
    found = KeyStore(open_database(settings), PEPPER).all()
    assert [key.owner for key in found] == ["AAAAAAAAAA", "BBBBBBBBBB", "CCCCCCCCCC"]
    assert [key.current for key in found] == [False, False, True]
    assert {key.limits for key in found} == {KeyLimits()}
