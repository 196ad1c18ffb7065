"""What happens when somebody asks, stops, retries, edits, opens another chat or starts anew.

Owns the order of those steps for one browser session. Layout is `page`'s, words are
`transcript`'s; the answer itself is a `Turn`, the list of chats is `shelf`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from chat_client import ChatError, ChatSettings, Dialogue, Recent, Room, RoomRefused
from chat_client import Turn as Asked
from chat_client.line import Line
from gradio_ui.asking import Answering, Asking, Begin
from gradio_ui.attached import Attached
from gradio_ui.chat import Chat
from gradio_ui.controls import SETTINGS, read_choices, set_settings
from gradio_ui.file_desk import FileDesk
from gradio_ui.keeper import Keeper
from gradio_ui.lookout import Lookout
from gradio_ui.match import Match
from gradio_ui.session import Session
from gradio_ui.view import Picture, View

WORDS_TOO = "Write a question about it as well."
GONE = "That chat is not there any more: it was deleted, or it belongs to another key."


class Handlers:
    """The handlers of the chat itself; one instance serves every session."""

    def __init__(self, settings: ChatSettings, slots: int) -> None:
        self.settings = settings
        self.lookout = Lookout(settings)
        self.room = Room(settings)
        self.keeper = Keeper(self.room, settings.chat_abandoned_s)
        self.line = Line(slots)
        self.matches: Recent[Match] = Recent(lambda match: match.over)
        self.desk = FileDesk()
        self.view = View(self.lookout, self.desk.pictures)
        self._asking = Asking(settings, self.line, self.lookout, self.keeper, self.view)

    async def close(self) -> None:
        """Stops every answer under way, so that the service can end and the model is free."""
        for match in self.matches.all():
            await match.stop()
        await self.keeper.close()

    async def send(self, session: Session, address: str, question: str, chosen: str) -> Answering:
        """The question in the input box."""
        question, going = (question or "").strip(), session.attached
        if session.busy or not (question or going.items):
            yield self.view.same()
            return
        session.picked = read_choices(chosen).model or session.picked
        if not question:
            session.attached = going.telling(WORDS_TOO)
        if not question or self.view.unseen(session):
            yield self.view.whole(session)
            return
        session.attached = Attached()

        def begin(chat: Dialogue, model: str) -> Asked:
            return chat.ask(question, model, going.images, going.files)

        async with aclosing(self._ask(session, address, chosen, begin)) as pictures:
            async for picture in pictures:
                yield picture

    async def example(
        self, session: Session, address: str, picked: gr.SelectData, chosen: str
    ) -> Answering:
        """A suggested question."""
        async with aclosing(self.send(session, address, picked.value["text"], chosen)) as pictures:
            async for picture in pictures:
                yield picture

    async def ask_alone(
        self,
        session: Session,
        address: str,
        question: str,
        settings: Mapping[str, Any],
        told: str,
        chosen: str,
    ) -> Answering:
        """A question with some settings of its own, asked as if nothing had been said before."""

        def begin(chat: Dialogue, model: str) -> Asked:
            asked = chat.ask(question, model)
            system = tuple(each for each in asked.messages if each.role == "system")
            return replace(asked, messages=(*system, asked.messages[-1]))

        async with aclosing(self._ask(session, address, chosen, begin, settings, told)) as pictures:
            async for picture in pictures:
                yield picture

    async def again(self, session: Session, address: str, chosen: str) -> Answering:
        """Another answer to the last question, with the model and settings as they are now."""
        async with aclosing(
            self._ask(
                session,
                address,
                chosen,
                lambda chat, model: chat.regenerate(chat.shown[-1].message.id, model),
            )
        ) as pictures:
            async for picture in pictures:
                yield picture

    async def edited(
        self, session: Session, address: str, edit: gr.EditData, chosen: str
    ) -> Answering:
        """A question in other words; the old ones stay as another version."""
        index = edit.index if isinstance(edit.index, int) else edit.index[0]
        entry, text = self.view.message_at(session, index), str(edit.value).strip()
        if session.busy or not text or entry is None or entry.role != "user":
            yield self.view.whole(session)  # takes the words back that Gradio has put there already
            return
        async with aclosing(
            self._ask(
                session, address, chosen, lambda chat, model: chat.edit(entry.id, text, model)
            )
        ) as pictures:
            async for picture in pictures:
                yield picture

    async def new_chat(self, session: Session) -> Picture:
        """Shows an empty chat."""
        await self._leave(session, Chat())
        return self.view.whole(session, value="")

    async def choose(self, session: Session, event: gr.EventData) -> Picture:
        """Another version of a question or an answer."""
        dialogue, id_ = session.chat.dialogue, str(event._data.get("id"))
        if not session.busy and id_ in dialogue.entries:
            dialogue.choose(id_)
            await self.keeper.keep(session.chat)
        return self.view.whole(session)

    async def enter(
        self, session: Session, address: str, utc_offset_minutes: float | None
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """A page that has just been loaded; its address may name a chat."""
        session.utc_offset_minutes = int(utc_offset_minutes or 0)
        async with aclosing(self._open_whole(session, address)) as pictures:
            async for chat, box, *rest in pictures:
                # A new page has its Send; for a question asked meanwhile Stop may be in its place.
                yield chat, box if session.turn else gr.skip(), *rest

    async def opened(
        self, session: Session, event: gr.EventData
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """A chat of the list."""
        id_ = str(event._data.get("id"))
        async with aclosing(self._open_whole(session, id_)) as pictures:
            async for picture in pictures:
                yield picture

    async def _open_whole(
        self, session: Session, id_: str
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Opens a chat and sets the settings to its own, once."""
        before = session.chat
        async with aclosing(self.open(session, id_)) as pictures:
            async for picture in pictures:
                kept = session.chat.dialogue
                if session.chat is before:
                    yield *picture, *((gr.skip(),) * SETTINGS)
                else:
                    yield *picture, *set_settings(kept.settings, kept.system_prompt)
                before = session.chat

    async def open(self, session: Session, id_: str) -> Answering:
        """Shows a kept chat, also one whose answer is still coming; follows that to its end."""
        session.notice = ""
        under_way = self.keeper.under_way(id_) if id_ else None
        if under_way is not None:
            chat, turn = under_way
            await self._leave(session, chat)
            session.turn = turn
            async with aclosing(self._asking.follow(session, chat, turn)) as pictures:
                async for picture in pictures:
                    yield picture
            return
        if id_:
            await self._read(session, id_)
        yield self.view.whole(session)

    async def _read(self, session: Session, id_: str) -> None:
        try:
            chat = Chat(await Dialogue.open(self.room, id_))
        except RoomRefused:
            session.notice = GONE
        except ChatError as away:
            session.notice = f"The chat cannot be opened now. {away}"
        else:
            await self._leave(session, chat)

    async def _leave(self, session: Session, chat: Chat) -> None:
        """Turns to another chat; an answer that will be found again goes on meanwhile."""
        turn = session.turn
        session.turn, session.notice = None, ""
        kept, session.chat = session.chat.dialogue.room_id, chat
        if turn is not None and not turn.exchange.ended:
            turn.lasting = turn.lasting or bool(kept)
            if not kept:
                await turn.stop()

    async def _ask(
        self,
        session: Session,
        address: str,
        chosen: str,
        begin: Begin,
        own: Mapping[str, Any] | None = None,
        told: str = "",
    ) -> Answering:
        if session.busy:
            yield self.view.same()
            return
        session.notice = told
        if address and not session.chat.dialogue.entries:
            await self._read(session, address)  # this process is younger than the page
        async with aclosing(self._asking.ask(session, chosen, begin, own or {})) as pictures:
            async for picture in pictures:
                yield picture
