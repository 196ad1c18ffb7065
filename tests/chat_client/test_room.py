"""The room's client on a real gateway: what a person keeps, finds, changes and takes back."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from chat_client import ChatSettings
from chat_client.room import Room
from chat_client.room_connection import RoomAway, RoomRefused, RoomStale, blocking
from chat_client.room_values import Contestant
from tests.running import ROOT, Service, free_port, running, wait_until


@pytest.fixture
def room(gateway: Service, gateway_key: str) -> Room:
    key = SecretStr(gateway_key)
    return Room(ChatSettings(gateway_url=gateway.url, gateway_key=key))


def test_a_conversation_is_kept_found_changed_and_brought_back(room: Room) -> None:
    word = "zebra" + secrets.token_hex(4)
    begun = blocking(room.create(settings={"temperature": 0.5}))
    question = blocking(room.append(begun.id, {"role": "user", "content": f"What is a {word}?"}))
    blocking(room.append(begun.id, {"role": "assistant", "content": f"<b> & a {word}"}))
    assert question.title == f"What is a {word}?"
    kept = blocking(room.get(begun.id))
    assert [message.role for message in kept.messages] == ["user", "assistant"]
    assert kept.active_path == tuple(message.id for message in kept.messages)
    assert kept.settings == {"temperature": 0.5}

    hit = blocking(room.search(word)).hits[0]
    assert hit.conversation.id == begun.id
    assert (word, True) in hit.pieces
    assert blocking(room.search("  ")).hits == ()

    blocking(room.rename(begun.id, "Animals"))
    pinned = blocking(room.pin(begun.id))
    assert (pinned.title, pinned.pinned) == ("Animals", True)
    with pytest.raises(RoomStale, match="changed"):
        blocking(room.rename(begun.id, "Plants", version=1))

    first = blocking(room.page()).conversations[0]
    assert (first.id, first.day is not None) == (begun.id, True)
    gone = blocking(room.delete(begun.id))
    assert gone.undo_until is not None
    assert begun.id in {each.id for each in blocking(room.page(deleted=True)).conversations}
    assert blocking(room.restore(begun.id)).deleted_at is None
    blocking(room.erase(begun.id))
    with pytest.raises(RoomRefused) as refused:
        blocking(room.get(begun.id))
    assert refused.value.code == "not_found"


def test_versions_of_a_message_stand_side_by_side(room: Room) -> None:
    id_ = blocking(room.create("Branches")).id
    asked = blocking(room.append(id_, {"role": "user", "content": "One?"})).message
    answer = {"role": "assistant", "content": "Yes", "finished": False, "model": "tiny"}
    first = blocking(room.append(id_, answer)).message
    whole = blocking(room.complete(id_, first.id, {"content": "Yes, one.", "model": "tiny"}))
    assert (whole.message.content, whole.message.finished) == ("Yes, one.", True)
    second = blocking(room.add_sibling(id_, first.id, {"content": "No."})).message
    assert second.parent_id == asked.id
    assert blocking(room.get(id_)).active_path == (asked.id, second.id)
    assert blocking(room.choose(id_, first.id)).active_path == (asked.id, first.id)


def test_conversations_leave_and_come_back_as_files(room: Room) -> None:
    id_ = blocking(room.create("A / journey")).id
    blocking(room.append(id_, {"role": "user", "content": "Where to?"}))
    told = blocking(room.export(id_, "markdown"))
    assert told.name.endswith(".md")
    assert "Where to?" in told.data.decode()
    kept = blocking(room.export(id_))
    blocking(room.erase(id_))
    report = blocking(room.load(kept.data))
    assert (report.conversations, report.messages) == (1, 1)
    assert blocking(room.get(report.ids[0])).title == "A / journey"
    assert json.loads(blocking(room.export_all()).data)["conversations"]
    with pytest.raises(RoomRefused):
        blocking(room.load(b"{}"))


def test_presets_are_kept_and_exchanged(room: Room) -> None:
    name = "calm " + secrets.token_hex(4)
    made = blocking(room.create_preset(name, {"temperature": 0.1}, shared=True))
    warm = blocking(room.change_preset(made, settings={"temperature": 0.2}))
    with pytest.raises(RoomStale):
        blocking(room.change_preset(made, settings={}))
    file = blocking(room.export_presets())
    blocking(room.delete_preset(warm.id))
    assert name not in {preset.name for preset in blocking(room.presets())}
    assert blocking(room.load_presets(file.data)).presets == 1
    back = {preset.name: preset for preset in blocking(room.presets())}[name]
    assert (back.settings, back.mine) == ({"temperature": 0.2}, True)
    blocking(room.delete_preset(back.id))


def test_votes_are_counted(room: Room) -> None:
    left, right = Contestant(model="a@q4", label=secrets.token_hex(4)), Contestant(model="b")
    blocking(room.vote("left", left, right))
    mistake = blocking(room.vote("both_bad", right, left))
    blocking(room.take_back_vote(mistake.id))
    pairs = blocking(room.totals("own")).pairs
    pair = next(pair for pair in pairs if left.label in (pair.a.label, pair.b.label))
    assert (pair.a_wins + pair.b_wins, pair.both_bad) == (1, 0)


def test_the_requests_that_the_gateway_saw_are_listed(
    room: Room, gateway: Service, gateway_key: str
) -> None:
    headers = {"Authorization": f"Bearer {gateway_key}"}
    path, model = f"{gateway.url}/v1/chat/completions", "none " + secrets.token_hex(4)
    httpx.post(path, headers=headers, json={"model": model, "messages": []})
    log = blocking(room.requests(5))
    newest = next(row for row in log.data if row.model == model)
    assert (log.reach, newest.status, newest.ok) == ("own", 404, False)
    assert newest.route == "/v1/chat/completions"


def test_a_wrong_key_keeps_nothing_and_shows_nothing(gateway: Service) -> None:
    room = Room(ChatSettings(gateway_url=gateway.url), key="lk-wrong-wrong-wrong")
    with pytest.raises(RoomAway) as away:
        blocking(room.page())
    assert "GATEWAY_KEY" in away.value.advice
    assert "lk-wrong" not in str(away.value)


def test_without_a_key_nobody_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "key"
    room = Room(ChatSettings(gateway_url="http://127.0.0.1:9", gateway_ui_key_file=file))
    with pytest.raises(RoomAway, match="no key"):
        blocking(room.page())
    file.write_text("lk-made-meanwhile\n")
    with pytest.raises(RoomAway, match="does not answer"):
        blocking(room.page())


def test_the_gateway_makes_the_key_that_the_pages_read(tmp_path: Path) -> None:
    file = tmp_path / "ui-key"
    data = {"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_UI_KEY_FILE": str(file)}
    with running("gateway", tmp_path, {**data, "LMSTUDIO_URL": "http://127.0.0.1:9"}) as service:
        room = Room(ChatSettings(gateway_url=service.url, gateway_ui_key_file=file))
        assert blocking(room.page()).conversations == ()
        assert blocking(room.requests()).reach == "all"  # this machine's own


def test_lm_studios_token_never_goes_to_the_gateway() -> None:
    token = SecretStr("sk-lm-secret")
    assert ChatSettings(lmstudio_api_token=token).room_key == ""
    chat = ChatSettings(
        llm_url="http://gateway:8000", gateway_url="http://gateway:8000", gateway_key=token
    )
    assert chat.api_key == "sk-lm-secret"  # the gateway's own key also asks its models


def test_a_gateway_that_comes_back_is_found_again(tmp_path: Path) -> None:
    data = {"GATEWAY_DATA_DIR": str(tmp_path), "LMSTUDIO_URL": "http://127.0.0.1:9"}
    port = free_port()
    make = [sys.executable, "-m", "gateway", "keys", "create", "--name", "ana"]
    env = {"PYTHONPATH": str(ROOT / "services"), **data}
    key = subprocess.run(make, env=env, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    settings = ChatSettings(
        gateway_url=f"http://127.0.0.1:{port}", gateway_key=SecretStr(key.strip())
    )
    room = Room(settings)
    with pytest.raises(RoomAway) as away:
        blocking(room.page())
    assert "nothing of it is kept" in away.value.advice

    def kept() -> bool:
        try:
            return blocking(room.page()).conversations == ()
        except RoomAway:
            return False

    with running("gateway", tmp_path, data, port=port):
        assert wait_until(kept, "the room to come back")
