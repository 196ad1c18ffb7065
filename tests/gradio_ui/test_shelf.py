"""The list of kept chats over a room that answers when it is told to."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from chat_client import ConversationPage, Hits, Room
from gradio_ui.file_desk import FileDesk
from gradio_ui.session import Session
from gradio_ui.shelf import Shelf


class SlowRoom:
    """An empty room whose searches wait for `found`."""

    def __init__(self) -> None:
        self.found = asyncio.Event()

    async def page(self, *_: Any, **__: Any) -> ConversationPage:
        return ConversationPage(conversations=())

    async def search(self, _: str) -> Hits:
        await self.found.wait()
        return Hits(hits=(), more=False)


async def test_a_late_answer_to_an_older_search_is_not_drawn() -> None:
    room, session = SlowRoom(), Session()
    shelf = Shelf(cast(Room, room), FileDesk())
    older = asyncio.create_task(shelf.look(session, "quantization"))
    await asyncio.sleep(0)
    now = await shelf.look(session, "")
    room.found.set()
    assert "Chats that you begin" in now["value"]
    assert "value" not in await older


async def test_the_timer_leaves_a_list_alone_that_is_the_same() -> None:
    shelf, session = Shelf(cast(Room, SlowRoom()), FileDesk()), Session()
    shown = (await shelf.tick(session, "", "another list"))["value"]
    assert "value" not in await shelf.tick(session, "", shown)
    assert "value" in await shelf.look(session, "")
