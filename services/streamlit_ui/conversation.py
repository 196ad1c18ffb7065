"""Conversations of this process: a dialogue, the answer that it waits for, and their keeping.

Owns: beginning and stopping answers, sending a dialogue to the gateway in the background, and the
shelf that holds a bounded number of conversations for a bounded time. An id is unguessable.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import replace

from chat_client import (
    Answer,
    ChatSettings,
    Dialogue,
    Room,
    Sampling,
    TokenMemory,
    Turn,
    drop_oldest,
)
from chat_client.background import background_loop
from chat_client.reply import Reply

MOST_CONVERSATIONS = 200
LONGEST_IDLE_S = 12 * 3600.0
GIVE_WAY_S = 0.05
KEPT_FIRST_S = 0.1  # The gateway's work would hold up the question that is on its way.
KEEP_S = 2.0  # How much of an answer under way a crash may lose.


class Conversation:
    """A dialogue as the page shows it, with or without a gateway that keeps it."""

    def __init__(self, dialogue: Dialogue | None = None, room: Room | None = None) -> None:
        self.dialogue = dialogue or Dialogue()
        self.reply: Reply | None = None
        self.memory = TokenMemory()
        self.used_at = time.monotonic()
        self.leave_out_oldest = False  # The person's choice once the context is full.
        self._room = room
        self._own_id = secrets.token_urlsafe(16)

    @property
    def id(self) -> str:
        """The gateway's id as soon as there is one: that one survives this process."""
        return self.dialogue.room_id or self._own_id

    def is_called(self, id_: str) -> bool:
        return id_ in (self.dialogue.room_id, self._own_id)

    @property
    def under_way(self) -> Reply | None:
        """The reply that is still coming, if any."""
        return self.reply if self.reply is not None and self.reply.open else None

    def leave_oldest_out(self) -> None:
        """From now on, what does not fit is not sent."""
        self.leave_out_oldest = True

    def fitting(self, turn: Turn, window: int | None, answer_tokens: int | None) -> Turn:
        """The turn, without its oldest messages where they do not fit and may be left out."""
        if not self.leave_out_oldest or window is None:
            return turn
        return replace(
            turn, messages=drop_oldest(turn.messages, window, self.memory, answer_tokens)
        )

    def stop(self) -> None:
        if self.reply is not None:
            self.reply.stop()

    def begin(
        self, settings: ChatSettings, turn: Turn, sampling: Sampling, *, load: bool = False
    ) -> Reply:
        """Asks the model for a turn's answer, first of all; keeping it can wait.

        `load`: the model is not in memory yet.
        """
        self.stop()
        answer = Answer.start(settings, turn.answer.model, turn.messages, sampling, load=load)
        # Drawing the page at the same time would hold up the thread that asks.
        answer.exchange.sent.wait(GIVE_WAY_S)
        self.reply = Reply(turn, answer, self._ended)
        asyncio.run_coroutine_threadsafe(self._accompany(self.reply), background_loop())
        return self.reply

    def keep_soon(self) -> None:
        """Sends to the gateway what it does not have yet, without waiting for it."""
        asyncio.run_coroutine_threadsafe(self._keep(), background_loop())

    def _ended(self) -> None:
        if self.reply is not None and self.reply.entry.stats is not None:
            self.memory.learn(self.reply.turn.messages, self.reply.entry.stats)
        self.keep_soon()

    async def _accompany(self, reply: Reply) -> None:
        """Keeps what has come bit by bit, and notices the end when no page is reading."""
        await asyncio.sleep(KEPT_FIRST_S)
        while reply.open:
            await self._keep()
            await asyncio.sleep(KEEP_S)
            reply.take_last()

    async def _keep(self) -> None:
        if self._room is not None:
            await self.dialogue.keep(self._room)


class Shelf:
    """The process's conversations; the longest unused ones go first."""

    def __init__(self, most: int = MOST_CONVERSATIONS, idle_s: float = LONGEST_IDLE_S) -> None:
        self._most = most
        self._idle_s = idle_s
        self._kept: OrderedDict[int, Conversation] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, id_: str) -> Conversation | None:
        """The conversation of that id: its own one, or the gateway's."""
        with self._lock:
            for conversation in reversed(self._kept.values()):
                if conversation.is_called(id_):
                    self._touch(conversation)
                    return conversation
        return None

    def keep(self, conversation: Conversation) -> None:
        with self._lock:
            self._kept[id(conversation)] = conversation
            self._touch(conversation)
            oldest_use = time.monotonic() - self._idle_s
            for number, kept in list(self._kept.items()):
                if len(self._kept) > self._most or kept.used_at < oldest_use:
                    del self._kept[number]

    def _touch(self, conversation: Conversation) -> None:
        conversation.used_at = time.monotonic()
        self._kept.move_to_end(id(conversation))
