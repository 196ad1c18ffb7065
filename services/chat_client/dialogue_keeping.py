"""A dialogue and the room: brought there bit by bit, found again, and going on without it.

Owns: what of a dialogue is kept already, and the order in which the rest is sent. Nothing here
raises because of the gateway: a chat must not stop for it. `not_kept` says what is wrong.
"""

from __future__ import annotations

import asyncio
from typing import Any

from chat_client.dialogue import Tree
from chat_client.dialogue_entry import Entry, entry_of
from chat_client.errors import ChatError
from chat_client.room import Room
from chat_client.room_connection import RoomRefused
from chat_client.room_values import Conversation, Feedback


class Dialogue(Tree):
    """One conversation as a web UI holds it; call `keep` whenever something has changed.

    `room_id` is None until the room has it. It may be kept while an answer comes: what has come
    is then stored as unfinished, so that a reload or a crash loses little.
    """

    def __init__(self, settings: dict[str, Any] | None = None, system_prompt: str = "") -> None:
        super().__init__()
        self.settings, self.system_prompt = dict(settings or {}), system_prompt
        self.room_id: str | None = None
        self.title = ""
        self.not_kept = ""
        self._sent: dict[str, dict[str, Any]] = {}
        self._judged: dict[str, Feedback | None] = {}
        self._told: dict[str, Any] = {}
        self._leaf_there: str | None = None
        self._keeping = asyncio.Lock()

    @classmethod
    def of(cls, conversation: Conversation) -> Dialogue:
        """The dialogue that the room keeps as this conversation."""
        dialogue = cls(conversation.settings, conversation.system_prompt or "")
        for stored in conversation.messages:
            dialogue.add(entry_of(stored))
        dialogue._sent = {id_: each.stored() for id_, each in dialogue.entries.items()}
        dialogue._judged = {id_: each.feedback for id_, each in dialogue.entries.items()}
        if conversation.active_leaf in dialogue.entries:
            dialogue.leaf = conversation.active_leaf
        dialogue.room_id, dialogue.title = conversation.id, conversation.title
        dialogue._leaf_there = dialogue.leaf
        dialogue._told = dialogue._about()
        return dialogue

    @classmethod
    async def open(cls, room: Room, id_: str) -> Dialogue:
        """Reads a conversation; raises RoomAway or RoomRefused."""
        return cls.of(await room.get(id_))

    def take_feedback(self, read: Dialogue) -> None:
        """Takes over the thumbs of the same conversation as it was just read from the room.

        One that was given here and is not kept yet stays.
        """
        for id_, entry in self.entries.items():
            if id_ in read.entries and entry.feedback == self._judged.get(id_):
                self._judged[id_] = entry.feedback = read.entries[id_].feedback

    @property
    def name(self) -> str:
        """What to call it."""
        return self.title or self.first_words or "New chat"

    async def keep(self, room: Room) -> bool:
        """Sends what the room does not have yet; False when it could not, and `not_kept` says why.

        Safe to repeat, also after an answer of the gateway was lost.
        """
        if not self.entries:
            return True
        async with self._keeping:
            try:
                await self._keep(room)
            except RoomRefused as error:
                self.not_kept = self._words_for(error)
            except ChatError as error:
                self.not_kept = str(error)
            else:
                self.not_kept = ""
        return not self.not_kept

    async def _keep(self, room: Room) -> None:
        if self.room_id is None:
            await self._begin(room)
        id_ = str(self.room_id)
        for entry in list(self.entries.values()):
            await self._keep_entry(room, id_, entry)
            await self._keep_feedback(room, id_, entry)
        if self.leaf is not None and self.leaf != self._leaf_there:
            leaf = self.leaf
            await room.choose(id_, leaf)
            self._leaf_there = leaf
        about = self._about()
        if about != self._told:
            await room.change(id_, **about)
            self._told = about

    async def _begin(self, room: Room) -> None:
        about = self._about()
        made = await room.create(self.title, about["system_prompt"], about["settings"])
        self.room_id, self._told = made.id, about

    async def _keep_entry(self, room: Room, id_: str, entry: Entry) -> None:
        known, stored = self._sent.get(entry.id), entry.stored()
        if known == stored or (known is not None and known["finished"]):
            return
        if known is None:
            place = {"id": entry.id, "role": entry.role, "parent_id": entry.parent_id}
            added = await room.append(id_, stored | place)
            # One that was there already from a call whose answer was lost may be older than this.
            if not added.message.finished and stored["finished"]:
                added = await room.complete(id_, entry.id, stored)
            self._leaf_there = entry.id
        else:
            added = await room.complete(id_, entry.id, stored)
        self._sent[entry.id] = stored
        self.title = added.title or self.title

    async def _keep_feedback(self, room: Room, id_: str, entry: Entry) -> None:
        feedback = entry.feedback
        if feedback != self._judged.get(entry.id):
            await room.judge(id_, entry.id, feedback)
            self._judged[entry.id] = feedback

    def _about(self) -> dict[str, Any]:
        return {"system_prompt": self.system_prompt or None, "settings": dict(self.settings)}

    def _words_for(self, error: RoomRefused) -> str:
        if error.code == "not_found":
            return "This chat was deleted. It goes on here, but nothing more of it is kept."
        return f"The gateway did not keep this: {error.message}"
