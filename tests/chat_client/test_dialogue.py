"""Branches of a conversation, what a model is told of them, and how the room gets them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from chat_client import ChatError, ChatSettings, Finished, Image, Reasoning, Stats, Text, TextFile
from chat_client.dialogue import Tree, Turn
from chat_client.dialogue_keeping import Dialogue
from chat_client.messages import ToolCall
from chat_client.room import Room
from tests.running import Service, running

PICTURE = Image("a.png", "image/png", "data:image/png;base64,AAAA", 3)
FILE = TextFile("notes.md", "Some notes", 10)
STATS = Stats(0.1, 40.0, 12, 2, "stop", "tiny", 1, 0.5, 0.7)


@pytest.fixture
def room(gateway: Service, gateway_key: str) -> Room:
    return Room(ChatSettings(gateway_url=gateway.url, gateway_key=SecretStr(gateway_key)))


def answered(turn: Turn, text: str) -> Turn:
    turn.take(Text(text))
    turn.take(Finished(STATS))
    turn.answer.end()
    return turn


def texts(tree: Tree) -> list[str]:
    return [shown.message.text for shown in tree.shown]


def test_an_empty_dialogue_sends_its_system_prompt_alone() -> None:
    assert Dialogue().messages_to(None) == ()
    sent = Dialogue(system_prompt="Be kind.").messages_to(None)
    assert [message.role for message in sent] == ["system"]


def test_an_edit_and_a_new_answer_stand_beside_the_old_ones() -> None:
    tree = Tree()
    first = answered(tree.ask("One?", "tiny"), "1")
    answered(tree.ask("And two?", "tiny"), "2")
    assert texts(tree) == ["One?", "1", "And two?", "2"]

    again = answered(tree.regenerate(first.id, "big"), "one")
    assert again.answer.model == "big"
    assert texts(tree) == ["One?", "one"]
    last = tree.shown[-1]
    assert (last.place, last.of, last.older_id, last.newer_id) == (2, 2, first.id, None)

    tree.choose(first.id)
    assert texts(tree) == ["One?", "1", "And two?", "2"]
    assert (tree.shown[1].place, tree.shown[1].newer_id) == (1, again.id)

    edited = tree.edit(tree.shown[0].message.id, "Three?", "tiny")
    assert [message.content for message in edited.messages] == ["Three?"]
    assert texts(tree) == ["Three?", ""]
    assert tree.under_way is edited.answer
    with pytest.raises(ValueError, match="question"):
        tree.edit(edited.id, "No")


def test_a_model_is_told_only_whole_exchanges() -> None:
    tree = Tree()
    tree.system_prompt = "Be brief."
    tree.ask("Lost?", "tiny").answer.end(ChatError("The server is away."))
    turn = tree.ask("Found?", "tiny")
    assert [(each.role, each.content) for each in turn.messages] == [
        ("system", "Be brief."),
        ("user", "Found?"),
    ]
    answered(turn, "Yes.")
    told = tree.ask("Sure?", "tiny", [PICTURE], [FILE]).messages
    assert [each.content for each in told] == ["Be brief.", "Found?", "Yes.", "Sure?"]
    assert (told[-1].images, told[-1].files) == ((PICTURE,), (FILE,))


def test_an_answer_is_put_together_from_its_pieces() -> None:
    turn = Tree().ask("One?", "tiny")
    for piece in (Reasoning("Well"), Reasoning("…"), Text("1"), ToolCall(0, "7", "f", "{")):
        turn.take(piece)
    turn.take(ToolCall(0, "7", "f", "{}"))
    turn.take(Finished(STATS))
    turn.answer.stop()
    turn.answer.end()
    assert (turn.reasoning, turn.text, turn.state) == ("Well…", "1", "stopped")
    assert turn.tool_calls == (ToolCall(0, "7", "f", "{}"),)
    assert turn.reasoning_s is not None
    assert turn.answer.answered_by == "tiny"


def test_too_much_for_one_question_is_refused() -> None:
    huge = Image("a.png", "image/png", "data:" + "A" * 4_000_000, 3_000_000)
    with pytest.raises(ChatError, match="too much"):
        Tree().ask("What?", "tiny", [huge, huge])


async def test_what_is_kept_comes_back_the_same(room: Room) -> None:
    dialogue = Dialogue({"temperature": 0.2}, "Be brief.")
    first = dialogue.ask("What is on it?", "tiny", [PICTURE], [FILE])
    first.take(Reasoning("Let me see"))
    first.take(ToolCall(0, "7", "clock", "{}"))
    answered(first, "A cat.")
    crashed = ChatError("The model crashed.", "Load it again.")
    dialogue.regenerate(first.id, "big").answer.end(crashed)
    assert await dialogue.keep(room)
    assert (dialogue.not_kept, dialogue.title) == ("", "What is on it?")

    assert dialogue.room_id is not None
    back = await Dialogue.open(room, dialogue.room_id)
    assert (back.settings, back.system_prompt) == ({"temperature": 0.2}, "Be brief.")
    assert [each.stored() for each in back.entries.values()] == [
        each.stored() for each in dialogue.entries.values()
    ]
    assert back.shown[0].message.files == (FILE,)
    assert back.shown[0].message.images == (PICTURE,)
    failed = back.shown[1]
    assert (failed.place, failed.of, failed.message.state) == (2, 2, "failed")
    assert str(failed.message.error) == "The model crashed. Load it again."

    back.choose(first.id)
    assert await back.keep(room)
    other = await Dialogue.open(room, dialogue.room_id)
    assert texts(other) == ["What is on it?", "A cat."]
    assert other.shown[1].message.stats == STATS


async def test_a_thumb_is_kept_changed_elsewhere_and_taken_back(room: Room) -> None:
    here = Dialogue()
    answer = answered(here.ask("One?", "tiny"), "1").answer
    answer.feedback = "up"
    assert await here.keep(room)
    there = await Dialogue.open(room, str(here.room_id))
    assert there.entries[answer.id].feedback == "up"

    there.entries[answer.id].feedback = "down"
    assert await there.keep(room)
    here.take_feedback(await Dialogue.open(room, str(here.room_id)))
    assert str(answer.feedback) == "down"

    answer.feedback = None
    here.take_feedback(there)
    assert answer.feedback is None
    assert await here.keep(room)
    assert (await Dialogue.open(room, str(here.room_id))).entries[answer.id].feedback is None


async def test_an_answer_under_way_is_kept_as_far_as_it_came(room: Room) -> None:
    dialogue = Dialogue()
    turn = dialogue.ask("Count.", "tiny")
    turn.take(Text("One,"))
    await asyncio.gather(dialogue.keep(room), dialogue.keep(room))
    assert dialogue.room_id is not None
    reloaded = await Dialogue.open(room, dialogue.room_id)
    assert (texts(reloaded), reloaded.shown[1].message.state) == (["Count.", "One,"], "stopped")
    answered(turn, " two.")
    assert await dialogue.keep(room)
    assert texts(await Dialogue.open(room, dialogue.room_id)) == ["Count.", "One, two."]


async def test_the_numbers_of_a_stopped_answer_are_kept(room: Room) -> None:
    dialogue = Dialogue()
    turn = dialogue.ask("Count.", "tiny")
    turn.take(Text("One, two"))
    so_far = Stats(0.25, 40.0, None, None, None, "other", duration_s=0.3, counted_tokens=3)
    turn.answer.stop(so_far)
    assert await dialogue.keep(room)
    kept = (await Dialogue.open(room, str(dialogue.room_id))).shown[1].message
    assert kept.state == "stopped"
    assert kept.line == (
        "about 3 tokens out · 40.0 tokens/s · first token after 0.25 s · stopped · other"
    )


async def test_the_numbers_of_a_failed_answer_are_kept(room: Room) -> None:
    dialogue = Dialogue()
    turn = dialogue.ask("Count.", "tiny")
    turn.take(Text("One"))
    so_far = Stats(0.25, None, None, None, None, "tiny", duration_s=0.3, counted_tokens=1)
    turn.answer.end(ChatError("The model crashed."), so_far)
    assert await dialogue.keep(room)
    kept = (await Dialogue.open(room, str(dialogue.room_id))).shown[1].message
    assert kept.state == "failed"
    assert kept.line == "about 1 token out · first token after 0.25 s · tiny"


async def test_settings_changed_on_the_way_are_kept_too(room: Room) -> None:
    dialogue = Dialogue()
    answered(dialogue.ask("Hi", "tiny"), "Hello")
    assert await dialogue.keep(room)
    dialogue.settings = {"seed": 7}
    assert await dialogue.keep(room)
    assert dialogue.room_id is not None
    back = await Dialogue.open(room, dialogue.room_id)
    assert back.sampling.seed == 7


async def test_a_chat_deleted_elsewhere_goes_on_here(room: Room) -> None:
    dialogue = Dialogue()
    answered(dialogue.ask("Hi", "tiny"), "Hello")
    assert await dialogue.keep(room)
    await room.erase(str(dialogue.room_id))
    answered(dialogue.ask("Still there?", "tiny"), "Yes")
    assert not await dialogue.keep(room)
    assert "was deleted" in dialogue.not_kept


async def test_what_was_said_while_the_gateway_was_away_is_kept_later(tmp_path: Path) -> None:
    file = tmp_path / "ui-key"
    data = {
        "GATEWAY_DATA_DIR": str(tmp_path),
        "GATEWAY_UI_KEY_FILE": str(file),
        "LMSTUDIO_URL": "http://127.0.0.1:9",
    }
    dialogue = Dialogue()
    answered(dialogue.ask("Anybody?", "tiny"), "Me.")
    away = Room(ChatSettings(gateway_url="http://127.0.0.1:9", gateway_ui_key_file=file))
    assert not await dialogue.keep(away)
    assert "nothing of it is kept" in dialogue.not_kept
    with running("gateway", tmp_path, data) as service:
        here = Room(ChatSettings(gateway_url=service.url, gateway_ui_key_file=file))
        assert await dialogue.keep(here)
        assert dialogue.not_kept == ""
        back = await Dialogue.open(here, str(dialogue.room_id))
    assert texts(back) == ["Anybody?", "Me."]
