"""The command line: what goes to standard output, alone; what goes wrong, in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

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
