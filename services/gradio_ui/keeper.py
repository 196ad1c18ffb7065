"""Keeps chats in the gateway while they go on, and knows which answers are under way.

Owns the tasks that do so: they belong to the process, not to a page, so that a page that comes
back finds its answer. A gateway that is away changes nothing but `dialogue.not_kept`.
"""

from __future__ import annotations

import asyncio

from chat_client import Room
from gradio_ui.chat import Chat
from gradio_ui.turn import Turn

FIRST_S = 0.25  # the first token matters more
EVERY_S = 2.0  # so much of an answer is lost when this process dies
CLOSING_S = 1.5


class Keeper:
    """One for the process."""

    def __init__(self, room: Room, grace_s: float) -> None:
        self._room = room
        self._grace_s = grace_s
        self._tasks: dict[asyncio.Task[None], tuple[Chat, Turn]] = {}

    def watch(self, chat: Chat, turn: Turn) -> None:
        """Keeps the chat now and again until the answer has ended, and then the last time."""
        task = asyncio.create_task(self._watch(chat, turn))
        self._tasks[task] = (chat, turn)
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def under_way(self, room_id: str) -> tuple[Chat, Turn] | None:
        """The chat of this id whose answer is still coming, if any."""
        for chat, turn in self._tasks.values():
            if chat.dialogue.room_id == room_id and not turn.exchange.ended:
                return chat, turn
        return None

    async def keep(self, chat: Chat) -> None:
        """Keeps what has changed in a chat without an answer under way."""
        await chat.dialogue.keep(self._room)

    async def close(self) -> None:
        """Stops every answer and keeps what came of it."""
        await asyncio.gather(*(turn.stop() for _, turn in self._tasks.values()))
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=CLOSING_S)

    async def _watch(self, chat: Chat, turn: Turn) -> None:
        ended = await turn.ended_within(FIRST_S)
        while not ended:
            # Now, too: a page may know the chat's address before all of it is kept.
            turn.grace_s = self._grace_s
            kept = await chat.dialogue.keep(self._room)
            # Only an answer that can be found again is worth the wait.
            turn.grace_s = self._grace_s if kept else 0.0
            ended = await turn.ended_within(EVERY_S)
        await chat.dialogue.keep(self._room)
        turn.tell()
