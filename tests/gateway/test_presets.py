"""Presets and votes: kept, shared with the room, exported, counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.room_limits import Limits
from tests.gateway.room import Json, Room, code_of, open_room

pytestmark = pytest.mark.usefixtures("each_database")

PRESETS = "/lectern/presets"
VOTES = "/lectern/votes"
POET = {"model": "lectern-101", "temperature": 1.2, "system_prompt": "Rhyme.", "mirostat": 2}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as opened:
        yield opened


async def keep(room: Room, name: str, **fields: Any) -> Json:
    answer = await room.ana.post(PRESETS, json={"name": name, "settings": POET} | fields)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def vote(room: Room, choice: str, left: str, right: str, **fields: Any) -> Json:
    body = {"choice": choice, "left": {"model": left}, "right": {"model": right}} | fields
    answer = await room.ana.post(VOTES, json=body)
    assert answer.status_code == 201, answer.text
    cast: Json = answer.json()
    return cast


async def test_a_preset_is_kept(room: Room) -> None:
    made = await keep(room, "  Poet ")
    found = (await room.ana.get(f"{PRESETS}/{made['id']}")).json()
    assert found == made
    assert (found["name"], found["settings"], found["mine"]) == ("Poet", POET, True)


async def test_a_shared_preset_is_read_by_all_and_changed_by_its_owner(room: Room) -> None:
    made = await keep(room, "Poet")
    where, whatever = f"{PRESETS}/{made['id']}", {"If-Match": "*"}
    assert (await room.bob.get(where)).status_code == 404
    assert (await room.bob.get(PRESETS)).json()["presets"] == []
    await room.ana.patch(where, json={"shared": True}, headers=whatever)
    seen = (await room.bob.get(PRESETS)).json()["presets"]
    assert [(each["name"], each["owner"], each["mine"]) for each in seen] == [
        ("Poet", "ana", False)
    ]
    assert (await room.bob.get(where)).status_code == 200
    refused = await room.bob.patch(where, json={"name": "Mine"}, headers=whatever)
    assert (refused.status_code, code_of(refused)) == (404, "not_found")
    assert (await room.bob.delete(where)).status_code == 404


async def test_a_stale_change_of_a_preset_is_refused(room: Room) -> None:
    where = f"{PRESETS}/{(await keep(room, 'Poet'))['id']}"
    body: Json = {"settings": {"temperature": 0}}
    assert (await room.ana.patch(where, json=body)).status_code == 428
    first = {"If-Match": '"1"'}
    assert (await room.ana.patch(where, json=body, headers=first)).status_code == 200
    stale = await room.ana.patch(where, json={"name": "x"}, headers=first)
    assert (stale.status_code, code_of(stale)) == (412, "stale_version")
    assert (await room.ana.get(where)).json()["settings"] == {"temperature": 0}


async def test_a_name_is_taken_once(room: Room) -> None:
    await keep(room, "Poet")
    other = await keep(room, "Clerk")
    again = await room.ana.post(PRESETS, json={"name": " Poet ", "settings": {}})
    assert (again.status_code, code_of(again)) == (409, "conflict")
    where = f"{PRESETS}/{other['id']}"
    taken = await room.ana.patch(where, json={"name": "Poet"}, headers={"If-Match": "*"})
    assert taken.status_code == 409
    same = await room.ana.patch(where, json={"name": "Clerk"}, headers={"If-Match": "*"})
    assert same.status_code == 200
    assert (await room.ana.delete(where)).status_code == 204
    await keep(room, "Clerk")


async def test_presets_travel_as_a_file(room: Room) -> None:
    await keep(room, "Poet")
    await keep(room, "Clerk", settings={"temperature": 0.0})
    file = (await room.ana.get(f"{PRESETS}/export")).json()
    taken = await room.bob.post(f"{PRESETS}/import", json=file)
    assert taken.json() == {"presets": 2, "duplicates": 0, "renamed": 0}
    assert (await room.bob.get(f"{PRESETS}/export")).json() == file
    again = await room.bob.post(f"{PRESETS}/import", json=file)
    assert again.json() == {"presets": 0, "duplicates": 2, "renamed": 0}


async def test_an_imported_preset_with_a_taken_name_is_renamed(room: Room) -> None:
    await keep(room, "Poet")
    file = {"presets": [{"name": "Poet", "settings": {"temperature": 0.0}}]}
    reports = [(await room.ana.post(f"{PRESETS}/import", json=file)).json() for _ in range(2)]
    assert reports == [
        {"presets": 1, "duplicates": 0, "renamed": 1},
        {"presets": 0, "duplicates": 1, "renamed": 0},
    ]
    names = [each["name"] for each in (await room.ana.get(PRESETS)).json()["presets"]]
    assert names == ["Poet", "Poet (2)"]


async def test_an_import_of_presets_is_all_or_nothing(tmp_path: Path) -> None:
    async with open_room(tmp_path, Limits(presets=2)) as room:
        file = {"presets": [{"name": str(i), "settings": {}} for i in range(3)]}
        refused = await room.ana.post(f"{PRESETS}/import", json=file)
        assert (refused.status_code, code_of(refused)) == (409, "limit_reached")
        broken = {"presets": [{"name": "a", "settings": {}}, {"name": "b", "settings": 7}]}
        refused = await room.ana.post(f"{PRESETS}/import", json=broken)
        assert (refused.status_code, refused.json()["error"]["param"]) == (
            400,
            "presets.1.settings",
        )
        assert (await room.ana.get(PRESETS)).json()["presets"] == []
        await keep(room, "1")
        await keep(room, "2")
        full = await room.ana.post(PRESETS, json={"name": "3", "settings": {}})
        assert (full.status_code, code_of(full)) == (409, "limit_reached")


async def test_a_vote_is_kept_and_can_be_taken_back(room: Room) -> None:
    cast = await vote(room, "left", "a", "b")
    assert (await room.ana.get(VOTES)).json()["votes"] == [cast]
    assert (await room.bob.get(VOTES)).json()["votes"] == []
    assert (await room.bob.delete(f"{VOTES}/{cast['id']}")).status_code == 404
    assert (await room.ana.delete(f"{VOTES}/{cast['id']}")).status_code == 204
    assert (await room.ana.get(VOTES)).json()["votes"] == []


async def test_totals_do_not_depend_on_the_side(room: Room) -> None:
    for choice, left, right in (
        ("left", "a", "b"), ("right", "b", "a"), ("right", "a", "b"),
        ("tie", "b", "a"), ("both_bad", "a", "b"), ("left", "c", "a"),
    ):  # fmt: skip
        await vote(room, choice, left, right)
    totals = (await room.ana.get(f"{VOTES}/totals", params={"reach": "own"})).json()
    assert totals["votes"] == 6
    rows = [
        (p["a"]["model"], p["b"]["model"], p["a_wins"], p["b_wins"], p["ties"], p["both_bad"])
        for p in totals["pairs"]
    ]
    assert rows == [("a", "b", 2, 1, 1, 1), ("a", "c", 0, 1, 0, 0)]


async def test_the_room_sees_counts_of_shared_votes_and_no_prompt(room: Room) -> None:
    secret = {"model": "a", "label": "cold", "settings": {"system_prompt": "canary"}}
    body = {"choice": "left", "left": secret, "right": {"model": "b"}}
    assert (await room.ana.post(VOTES, json=body)).status_code == 201
    await vote(room, "left", "a", "b", shared=False)
    answer = await room.bob.get(f"{VOTES}/totals")
    assert answer.json()["votes"] == 1
    assert answer.json()["pairs"][0]["a"] == {"model": "a", "label": "cold"}
    assert "canary" not in answer.text
    assert "ana" not in answer.text
    own = await room.bob.get(f"{VOTES}/totals", params={"reach": "own"})
    assert own.json() == {"votes": 0, "pairs": []}


async def test_votes_come_in_pages(room: Room) -> None:
    cast = [(await vote(room, "tie", "a", "b"))["id"] for _ in range(5)]
    seen: list[str] = []
    parameters: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await room.ana.get(VOTES, params=parameters)).json()
        seen += [each["id"] for each in page["votes"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == cast[::-1]
    foreign = await room.bob.get(VOTES, params={"cursor": cast[0]})
    assert (foreign.status_code, code_of(foreign)) == (400, "invalid_request")


async def test_a_key_keeps_so_many_votes(tmp_path: Path) -> None:
    async with open_room(tmp_path, Limits(votes=1)) as room:
        await vote(room, "tie", "a", "b")
        body = {"choice": "tie", "left": {"model": "a"}, "right": {"model": "b"}}
        refused = await room.ana.post(VOTES, json=body)
        assert (refused.status_code, code_of(refused)) == (409, "limit_reached")


@pytest.mark.parametrize(
    "change", [{"choice": "mine"}, {"left": {}}, {"left": {"model": ""}}, {"right": None}]
)
async def test_a_vote_that_makes_no_sense_is_refused(room: Room, change: Json) -> None:
    body: Json = {"choice": "tie", "left": {"model": "a"}, "right": {"model": "b"}}
    answer = await room.ana.post(VOTES, json=body | change)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")


async def test_an_exported_preset_holds_what_was_set_and_nothing_else(room: Room) -> None:
    made = await room.ana.post(PRESETS, json={"name": "Poet", "settings": {"temperature": 0.2}})
    assert made.status_code == 201
    assert (await room.ana.get(f"{PRESETS}/export")).json() == {
        "format": "lectern.presets",
        "version": 1,
        "presets": [{"name": "Poet", "settings": {"temperature": 0.2}, "shared": False}],
    }
    file = (await room.ana.get(f"{PRESETS}/export")).json()
    again = await room.ana.post(f"{PRESETS}/import", json=file)
    assert again.json() == {"presets": 0, "duplicates": 1, "renamed": 0}
