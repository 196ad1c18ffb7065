"""The command line: what goes to standard output, alone; what goes wrong, in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.key_form import read_key
from tests.gateway.conftest import lectern


def test_create_prints_the_key_and_nothing_else(tmp_path: Path) -> None:
    done = lectern(tmp_path, "keys", "create", "--name", "ana", "--expires", "30d")
    assert done.returncode == 0
    assert read_key(done.stdout.removesuffix("\n")) is not None
    assert "ana" in done.stderr


def test_demo_prints_the_same_key_twice(tmp_path: Path) -> None:
    first = lectern(tmp_path, "keys", "demo")
    assert read_key(first.stdout.removesuffix("\n")) is not None
    assert lectern(tmp_path, "keys", "demo").stdout == first.stdout


def test_the_list_shows_no_secret(tmp_path: Path) -> None:
    key = lectern(tmp_path, "keys", "create", "--name", "ana").stdout.strip()
    listed = lectern(tmp_path, "keys", "list", "--json")
    (row,) = json.loads(listed.stdout)
    assert (row["name"], row["state"]) == ("ana", "active")
    assert row["id"] in key
    assert key not in listed.stdout
    assert "ana" in lectern(tmp_path, "keys", "list").stdout


@pytest.mark.parametrize("command", [("keys", "list"), ("aliases", "gpt-4o=m")])
def test_nobody_else_on_the_machine_can_read_the_data(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Chats lie in the database as text."""
    folder = tmp_path / "data"
    assert lectern(folder, *command).returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_taken_name_is_one_sentence(tmp_path: Path) -> None:
    lectern(tmp_path, "keys", "create", "--name", "ana")
    again = lectern(tmp_path, "keys", "create", "--name", "ana")
    assert again.returncode == 1
    assert again.stdout == ""
    assert "There is a key named 'ana' already" in again.stderr
    assert "Traceback" not in again.stderr


def test_revoke_frees_the_name(tmp_path: Path) -> None:
    lectern(tmp_path, "keys", "create", "--name", "ana")
    assert lectern(tmp_path, "keys", "revoke", "ana").returncode == 0
    assert lectern(tmp_path, "keys", "create", "--name", "ana").returncode == 0


def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = lectern(blocked, "keys", "list")
    assert done.returncode == 1
    assert "The database cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_option_is_kept(tmp_path: Path) -> None:
    words = "keys create --name ana --scope chat --scope admin --model lectern-101@* --rpm 60"
    more = "--tpm 9000 --concurrency 2 --daily-tokens 100000 --expires 30d --json"
    made = json.loads(lectern(tmp_path, *words.split(), *more.split()).stdout)
    assert read_key(made.pop("key")) is not None
    shown = json.loads(lectern(tmp_path, "keys", "show", "ana", "--json").stdout)
    assert shown == made
    wanted: dict[str, object] = {"rpm": 60, "tpm": 9000, "concurrency": 2, "daily_tokens": 100_000}
    wanted |= {"scopes": ["admin", "chat"], "models": ["lectern-101@*"]}
    assert {name: shown[name] for name in wanted} == wanted
    assert shown["expires_at"] is not None


def test_rotate_prints_the_new_key_and_nothing_else(tmp_path: Path) -> None:
    old = lectern(tmp_path, "keys", "create", "--name", "ana").stdout.strip()
    done = lectern(tmp_path, "keys", "rotate", "ana", "--overlap", "2h")
    assert read_key(done.stdout.removesuffix("\n")) is not None
    shown = json.loads(lectern(tmp_path, "keys", "show", "ana", "--json").stdout)
    assert [secret["state"] for secret in shown["secrets"]] == ["retiring", "active"]
    assert shown["secrets"][0]["id"] in old
    table = lectern(tmp_path, "keys", "show", "ana").stdout
    assert "retiring" in table
    assert "chat embed models:read" in table


def test_change_takes_and_gives(tmp_path: Path) -> None:
    lectern(tmp_path, "keys", "create", "--name", "ana", "--rpm", "60", "--model", "a")
    done = lectern(tmp_path, "keys", "change", "ana", "--rpm", "0", "--tpm", "5", "--model", "*")
    assert done.returncode == 0
    assert done.stdout == ""
    shown = json.loads(lectern(tmp_path, "keys", "show", "ana", "--json").stdout)
    assert (shown["rpm"], shown["tpm"], shown["models"]) == (None, 5, [])


def test_revoke_and_demo_speak_json(tmp_path: Path) -> None:
    demo = json.loads(lectern(tmp_path, "keys", "demo", "--json").stdout)
    assert demo["key"] == lectern(tmp_path, "keys", "demo").stdout.strip()
    revoked = json.loads(lectern(tmp_path, "keys", "revoke", "demo", "--json").stdout)
    assert (revoked["name"], revoked["state"]) == ("demo", "revoked")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "bob"], "There is no key named 'bob'. See: keys list"),
        (["rotate", "bob"], "There is no active key named 'bob'. See: keys list"),
        (["revoke", "bob"], "There is no active key named 'bob'. See: keys list"),
        (["change", "bob", "--rpm", "1"], "There is no active key named 'bob'. See: keys list"),
        (["create", "--name", "bob", "--rpm", "0"], "The limit rpm cannot be 0"),
        (["create", "--name", "bob", "--expires", "soon"], "write 30d, 12h or 45m"),
        (["create", "--name", "bob", "--model", "a b"], "The model 'a b' cannot be used"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    done = lectern(tmp_path, "keys", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_somebody_wrote_is_no_markup(tmp_path: Path) -> None:
    lectern(tmp_path, "keys", "create", "--name", "ana", "--note", "[red]seat[/red] 4")
    assert "[red]seat[/red] 4" in lectern(tmp_path, "keys", "show", "ana").stdout
