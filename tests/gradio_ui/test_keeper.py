"""Keeping a chat while its answer comes: when somebody who comes back finds it going on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from chat_client import ChatSettings, Room, Sampling
from chat_client.line import Line
from gradio_ui.chat import Chat
from gradio_ui.keeper import Keeper
from gradio_ui.turn import Turn
from tests.gradio_ui.upstream import MODEL


async def test_a_page_that_leaves_while_its_chat_is_being_kept_may_come_back(
    chat_settings: ChatSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, begun, over = Chat(), asyncio.Event(), asyncio.Event()

    async def keep(_: Room) -> bool:
        begun.set()
        return await over.wait()

    exchange = chat.begin(chat.dialogue.ask("endless please", MODEL))
    running = Turn(chat_settings, Line(4), exchange, Sampling())
    monkeypatch.setattr(chat.dialogue, "keep", keep)
    keeper = Keeper(Room(chat_settings), grace_s=600)
    keeper.watch(chat, running)
    await begun.wait()
    async with aclosing(running.follow()) as pictures:
        await anext(pictures)
    assert not exchange.ended
    over.set()
    await keeper.close()
