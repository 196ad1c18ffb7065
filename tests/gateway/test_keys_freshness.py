"""The keys in memory stay true to the database: at once, cheaply, whoever asks and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.database import open_database
from gateway.key_form import CHECKSUM_CHARS, KEY_CHARS, KeyText, _checksum, make_key, read_key
from gateway.key_mark import ABSENT, FILE_NAME, KeyMark
from gateway.key_store import KeyStore
from gateway.key_table import UNKNOWN_ASK_S, KeysUnavailable, KeyTable
from gateway.keys import Key
from gateway.settings import GatewaySettings

PEPPER = b"a pepper for these tests, 32 bytes"


class CountingStore(KeyStore):
    """A store that counts how often the database is asked."""

    asked = 0

    def version(self) -> int:
        self.asked += 1
        return super().version()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bool], CountingStore]:
    """Opens the database as one more process would; `False`: on a machine without the mark."""
    settings = GatewaySettings(gateway_data_dir=tmp_path)

    def open_store(shares_folder: bool = True) -> CountingStore:
        mark = KeyMark(tmp_path) if shares_folder else None
        return CountingStore(open_database(settings), PEPPER, mark)

    return open_store


async def test_known_keys_never_ask_the_database(
    opened: Callable[..., CountingStore], clock: Clock
) -> None:
    store = opened()
    table = KeyTable(store, PEPPER, clock=clock)
    key = store.create("ana").text
    await table.find(key)
    asked = store.asked
    for _ in range(100):
        clock.now += 1
        assert await table.find(key) is not None
    assert store.asked == asked


async def test_each_change_of_another_process_is_seen_by_the_next_request(
    opened: Callable[..., CountingStore],
) -> None:
    """Also two changes within one tick of the file system's clock: the mark counts, not tells."""
    here, elsewhere = opened(), opened()
    table = KeyTable(here, PEPPER)
    for number in range(20):
        key = elsewhere.create(f"ana {number}").text
        assert await table.find(key) is not None
        elsewhere.change(f"ana {number}", {"rpm": 7})
        found = await table.find(key)
        assert found is not None
        assert found.limits.rpm == 7
        elsewhere.revoke(f"ana {number}")
        assert await table.find(key) is None


async def test_a_stranger_cannot_make_the_database_work(
    opened: Callable[..., CountingStore], clock: Clock
) -> None:
    """Well-formed keys that nobody made, each with an id of its own."""
    store = opened()
    table = KeyTable(store, PEPPER, clock=clock)
    await table.refresh()
    asked = store.asked
    for _ in range(500):
        assert await table.find(make_key().text) is None
        clock.now += UNKNOWN_ASK_S / 100
    assert store.asked - asked <= 6
    assert "0 keys" in repr(table)
    assert len(table._proven) == 0


async def test_a_key_made_out_of_sight_is_found_soon(
    opened: Callable[..., CountingStore], clock: Clock
) -> None:
    """On another machine, with the database by URL: no mark to look at."""
    here, elsewhere = opened(False), opened(False)
    table = KeyTable(here, PEPPER, clock=clock)
    await table.refresh()
    key = elsewhere.create("ana").text
    clock.now += UNKNOWN_ASK_S
    assert await table.find(key) is not None


async def test_a_change_that_cannot_be_read_refuses_with_503_not_with_old_keys(
    opened: Callable[..., CountingStore], clock: Clock
) -> None:
    """Somebody was revoked, perhaps this one: the old table must not let anybody pass."""
    store = opened()
    table = KeyTable(store, PEPPER, clock=clock)
    key = store.create("ana").text
    assert await table.find(key) is not None
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE keys RENAME TO elsewhere"))
        connection.execute(text("UPDATE key_changes SET version = version + 1"))
    assert store.mark is not None
    store.mark.bump()
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await table.find(key)
    asked = store.asked
    with pytest.raises(KeysUnavailable):
        await table.find(key)
    assert store.asked == asked  # a database in trouble is not asked on every request
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO keys"))
    clock.now += UNKNOWN_ASK_S
    assert await table.find(key) is not None


async def test_revoking_during_a_read_is_not_lost(
    opened: Callable[..., CountingStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read, then somebody is revoked, then the reader sets its table."""
    here, elsewhere = opened(), opened()
    table = KeyTable(here, PEPPER)
    key = elsewhere.create("ana").text

    def read_then_lose() -> list[Key]:
        monkeypatch.undo()
        rows = here.unrevoked()
        elsewhere.revoke("ana")
        return rows

    monkeypatch.setattr(here, "unrevoked", read_then_lose)
    await table.refresh()
    assert await table.find(key) is None


async def test_requests_and_changes_at_once_end_with_the_truth(
    opened: Callable[..., CountingStore],
) -> None:
    store = opened()
    table = KeyTable(opened(), PEPPER)
    texts = [store.create(f"ana {number}").text for number in range(10)]

    async def ask_often() -> None:
        for _ in range(20):
            for key in texts:
                await table.find(key)

    def revoke_all() -> None:
        for number in range(10):
            store.revoke(f"ana {number}")

    await asyncio.gather(ask_often(), asyncio.to_thread(revoke_all), ask_often())
    assert [await table.find(key) for key in texts] == [None] * 10


async def test_keys_that_share_their_beginning_are_told_apart(
    opened: Callable[..., CountingStore],
) -> None:
    """CVE-2026-35030: a cache looked tokens up by their first characters only."""
    store = opened()
    table = KeyTable(store, PEPPER)
    good = store.create("ana").text
    assert await table.find(good) is not None  # from now on there is a short cut to it
    for at in range(14, KEY_CHARS - CHECKSUM_CHARS):
        stem = good[:at] + ("a" if good[at] != "a" else "b") + good[at + 1 : -CHECKSUM_CHARS]
        forged = stem + _checksum(stem)
        assert read_key(forged) == KeyText(forged, good[3:13])
        assert await table.find(forged) is None
    assert await table.find(good) is not None


def test_a_mark_without_its_file_is_made_again(tmp_path: Path) -> None:
    reader, writer = KeyMark(tmp_path), KeyMark(tmp_path)
    before = reader.read()
    writer.bump()
    assert reader.read() == before + 1
    (tmp_path / FILE_NAME).unlink()
    writer.bump()
    writer.bump()
    writer.bump()
    reader.reopen()  # as each poll does
    assert reader.read() == 3
    reader.close()


def test_a_mark_in_a_folder_that_cannot_be_written_is_absent(tmp_path: Path) -> None:
    mark = KeyMark(tmp_path / "nothing here")
    mark.bump()
    assert mark.read() == ABSENT
    assert repr(mark) == f"<KeyMark {ABSENT}>"
